package diffusion

import (
	"fmt"
	"math"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/tailsweep/tailsweep/sweep"
)

// Steps is T.
const Steps = sweep.DiffusionSteps

// Schedule is how much of an image is left at each step. Tables are float64 and
// rounded to float32 once, when they enter a graph.
type Schedule struct {
	AlphaBar [Steps]float64
}

// NewSchedule computes the schedule of this name, abar_t = prod (1 - beta_s):
//
//	linear  beta from 1e-4 to 0.02 over T steps, ends included (arXiv 2006.11239)
//	cosine  beta_t = min(1 - f(t+1)/f(t), 0.999), f(t) = cos^2((t/T + .008)/1.008 pi/2)
//	        (arXiv 2102.09672, which counts t from 1)
func NewSchedule(name string) (*Schedule, error) {
	var beta func(t int) float64
	switch name {
	case sweep.ScheduleLinear:
		beta = func(t int) float64 { return 1e-4 + (0.02-1e-4)*float64(t)/(Steps-1) }
	case sweep.ScheduleCosine:
		f := func(t int) float64 {
			c := math.Cos((float64(t)/Steps + 0.008) / 1.008 * math.Pi / 2)
			return c * c
		}
		beta = func(t int) float64 { return min(1-f(t+1)/f(t), 0.999) }
	default:
		return nil, fmt.Errorf("train.schedule = %q is unknown: want %s", name, strings.Join(sweep.Schedules(), " or "))
	}
	s, product := &Schedule{}, 1.0
	for t := range Steps {
		product *= 1 - beta(t)
		s.AlphaBar[t] = product
	}
	return s, nil
}

// Signal is sqrt(abar_t); t = -1 is the clean image, 1.
func (s *Schedule) Signal(t int) float64 {
	if t < 0 {
		return 1
	}
	return math.Sqrt(s.AlphaBar[t])
}

// Noise is sqrt(1 - abar_t); t = -1 is the clean image, 0.
func (s *Schedule) Noise(t int) float64 {
	if t < 0 {
		return 0
	}
	return math.Sqrt(1 - s.AlphaBar[t])
}

// Corrupt is x_t for x0 and eps `[B,S,S,K]` and t `[B]` int32.
func (s *Schedule) Corrupt(x0, eps, t *Node) *Node {
	signal, noise := s.rates(t)
	return Add(Mul(signal, x0), Mul(noise, eps))
}

// rates are the signal and the noise of t `[B]`, `[B,1,1,1]` each.
func (s *Schedule) rates(t *Node) (signal, noise *Node) {
	b := t.Shape().Dim(0)
	return Reshape(lookup(t, s.Signal), b, 1, 1, 1), Reshape(lookup(t, s.Noise), b, 1, 1, 1)
}

// lookup is f(t) for t `[B]` int32, from a table of f over all steps. `[B]` float32.
func lookup(t *Node, f func(t int) float64) *Node {
	table := make([]float32, Steps)
	for i := range table {
		table[i] = float32(f(i))
	}
	return Gather(Const(t.Graph(), table), Reshape(t, -1, 1))
}

// weight is (t/T)^exponent where t/T >= window and 0 elsewhere, `[B]`: the
// regularisers count at high noise only, where the class is decided.
func weight(t *Node, exponent, window float64) *Node {
	return lookup(t, func(t int) float64 { return levelWeight(t, exponent, window) })
}

func levelWeight(t int, exponent, window float64) float64 {
	level := float64(t) / Steps
	if level < window {
		return 0
	}
	return math.Pow(level, exponent) // 0^0 is 1
}
