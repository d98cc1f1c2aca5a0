package diffusion

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// Steps is T.
const Steps = 1000

// Schedule is the linear schedule of arXiv 2006.11239: beta from 1e-4 to 0.02
// over T steps, ends included. Tables are float64 and rounded to float32 once,
// when they enter a graph.
type Schedule struct {
	AlphaBar [Steps]float64
}

// NewSchedule computes the schedule.
func NewSchedule() *Schedule {
	s, product := &Schedule{}, 1.0
	for t := range Steps {
		product *= 1 - (1e-4 + (0.02-1e-4)*float64(t)/(Steps-1))
		s.AlphaBar[t] = product
	}
	return s
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

// Corrupt is x_t for x0 and eps `[B,S,S,1]` and t `[B]` int32.
func (s *Schedule) Corrupt(x0, eps, t *Node) *Node {
	b := x0.Shape().Dim(0)
	signal := Reshape(lookup(t, s.Signal), b, 1, 1, 1)
	noise := Reshape(lookup(t, s.Noise), b, 1, 1, 1)
	return Add(Mul(signal, x0), Mul(noise, eps))
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
