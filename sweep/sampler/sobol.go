package sampler

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// sobol takes the points of a scrambled Sobol sequence in their order: trial Index
// has point Index, whatever finished before, so that the sweep is the same at any
// concurrency. Every parameter is a dimension of its own, conditional ones too: a
// range is divided evenly, an exact zero has its share of the dimension, words
// have equal ones. In each dimension the first 2^k points fall one into each of
// 2^k equal intervals, and pairs of dimensions are covered likewise.
//
// The ledger matters only to avoid duplicates: where a point of the sequence
// decodes to one that was tried or is pending (steps, words), a random untried one
// takes its place.
type sobol struct{}

func (sobol) Suggest(r Request) (sweep.Params, sweep.Reason, error) {
	s := space.NewCube(r.Spec)
	reason := sweep.Reason{Sampler: string(sweep.MethodSobol), Note: fmt.Sprintf("point %d of the sequence", r.Index+1)}
	params := s.Params(spread(s, r))
	seen := tried(r)
	if !seen[params.Key()] {
		return params, reason, nil
	}
	reason.Note += " was tried: random"
	params, err := untried(s, randomOf(r), seen)
	return params, reason, err
}

// spreadUntried is what a method that learns suggests before it knows enough: the
// sequence's point, or a random one where that was tried.
func spreadUntried(s *space.Cube, r Request, seen map[string]bool) (sweep.Params, error) {
	if params := s.Params(spread(s, r)); !seen[params.Key()] {
		return params, nil
	}
	return untried(s, randomOf(r), seen)
}

// spread returns point Index of the scrambled sequence in the space. The one
// coordinate of a parameter with an exact zero is split: its lowest part, of length
// Zero, is the zero, the rest is stretched over the range. Numbers are multiples of
// 2^-53, as those of rand.Rand.Float64.
func spread(s *space.Cube, r Request) []float64 {
	sequence := sequence(s, r)
	return s.Pick(func(k int) (coin, at float64) {
		coin, at = sequence[k], sequence[k]
		if zero := s.Order[k].Zero; zero > 0 {
			at = clamp((at-zero)/(1-zero), 0, 1-0x1p-53)
		}
		return coin, math.Floor(at*0x1p53) * 0x1p-53
	})
}

// sequence returns point Index of the scrambled sequence, each coordinate in [0, 1).
func sequence(s *space.Cube, r Request) []float64 {
	scramble := rand.New(rand.NewPCG(uint64(r.Spec.Seed), sobolStream))
	at := make([]float64, len(s.Order))
	for k := range at {
		seed := scramble.Uint64()
		if k < sobolDimensions {
			at[k] = owen(sobolBits(k, uint32(r.Index)), seed)
		} else { // beyond the table: independent uniform numbers
			at[k] = owen(0, seed^mix(uint64(r.Index)))
		}
	}
	return at
}

// sobolStream keeps the scrambling's random numbers apart from the trials'.
const sobolStream = 0x5350524541440001

// sobolDimensions is how many dimensions the table of direction numbers covers.
const sobolDimensions = len(joeKuo) + 1

// sobolBits returns coordinate `dimension` (from 0) of point i of the unscrambled
// Sobol sequence as a binary fraction of 32 digits: the exclusive or of the
// direction numbers that the binary digits of i's Gray code name (Antonov and
// Saleev 1979; Bratley and Fox, Algorithm 659, 1988).
func sobolBits(dimension int, i uint32) uint32 {
	var v [32]uint32 // direction numbers, v_j = m_j / 2^j as fractions
	degree := 0
	if dimension > 0 {
		degree = len(joeKuo[dimension-1].m)
	}
	for j := range v {
		switch {
		case dimension == 0:
			v[j] = 1 << (31 - j)
		case j < degree:
			v[j] = joeKuo[dimension-1].m[j] << (31 - j)
		default:
			v[j] = v[j-degree] ^ v[j-degree]>>degree
			for k := 1; k < degree; k++ {
				if joeKuo[dimension-1].polynomial>>(degree-k)&1 == 1 {
					v[j] ^= v[j-k]
				}
			}
		}
	}
	var x uint32
	for gray := i ^ i>>1; gray != 0; gray &= gray - 1 {
		x ^= v[bits.TrailingZeros32(gray)]
	}
	return x
}

// owen scrambles the binary fraction x (Owen 1995): each digit is flipped or not
// by a random bit that is a function of the digits before it, a hash of them and
// seed. Twenty-one further digits, all 0 before, make it a random number of 53
// digits in its interval of length 2^-32.
func owen(x uint32, seed uint64) float64 {
	digits := uint64(x) << 21
	var scrambled uint64
	for j := range 53 {
		before := digits >> (53 - j) // the first j digits
		flip := mix(seed^mix(before<<6|uint64(j))) >> 63
		scrambled = scrambled<<1 | (digits>>(52-j)&1 ^ flip)
	}
	return float64(scrambled) / (1 << 53)
}

// mix is the finaliser of SplitMix64 (Steele, Lea and Flood 2014), a bijection
// that changes half of the bits when one changes.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
