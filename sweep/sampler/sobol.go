package sampler

import (
	"fmt"
	"math"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/sequence"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// sobol takes the points of a scrambled Sobol sequence in order: trial Index has point
// Index, whatever finished before, so that the sweep is the same at any concurrency.
// Every parameter is a dimension, conditional ones too. A range is divided evenly, an
// exact zero takes its probability's share of the dimension, categories take equal
// shares.
//
// The ledger only serves to avoid duplicates: where a point of the sequence decodes to
// a configuration that was tried or is pending (steps, categories), a random untried
// one takes its place.
type sobol struct{}

func (sobol) Suggest(r Request) (sweep.Params, sweep.Reason, error) {
	c := newCall(r)
	note := fmt.Sprintf("point %d of the sequence", r.Index+1)
	return c.sobol(note, note+" was tried: random")
}

// sobolPoint returns point Index of the scrambled sequence in the cube. The coordinate of a
// parameter with an exact zero is split: its lowest part, of length Zero, is the zero,
// the rest is stretched over the range. Numbers are multiples of 2^-53, as those of
// rand.Rand.Float64.
func sobolPoint(s *space.Cube, r Request) []float64 {
	point := sequence.Point(len(s.Order), r.Index, r.Spec.Seed)
	return s.Pick(func(k int) (coin, at float64) {
		at = point[k]
		if zero := s.Order[k].Zero; zero > 0 {
			at = clamp((at-zero)/(1-zero), 0, 1-0x1p-53)
		}
		return point[k], math.Floor(at*0x1p53) * 0x1p-53
	})
}

func clamp(f, low, high float64) float64 { return math.Min(math.Max(f, low), high) }
