package sequence

import (
	"math/bits"
	"math/rand/v2"

	"github.com/tailsweep/tailsweep/sweep/stream"
)

// scrambleStream keeps the scrambling's random numbers apart from others of the same
// seed.
const scrambleStream = 0x5350524541440001

// Point returns point index (from 0) of the sequence in so many dimensions, scrambled by
// seed, each coordinate in [0, 1). Dimensions beyond the table's are independent uniform
// numbers.
func Point(dimensions, index int, seed int64) []float64 {
	scramble := rand.New(rand.NewPCG(uint64(seed), scrambleStream))
	at := make([]float64, dimensions)
	for k := range at {
		hash := scramble.Uint64()
		if k < Dimensions {
			at[k] = owen(bitsOf(k, uint32(index)), hash)
		} else {
			at[k] = owen(0, hash^stream.Mix(uint64(index)))
		}
	}
	return at
}

// Dimensions is how many dimensions the table of direction numbers covers.
const Dimensions = len(joeKuo) + 1

// bitsOf returns coordinate `dimension` (from 0) of point i of the unscrambled
// Sobol sequence as a binary fraction of 32 digits: the exclusive or of the
// direction numbers at the 1 digits of i's Gray code (Antonov and Saleev 1979; Bratley
// and Fox, Algorithm 659, 1988).
func bitsOf(dimension int, i uint32) uint32 {
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
		flip := stream.Mix(seed^stream.Mix(before<<6|uint64(j))) >> 63
		scrambled = scrambled<<1 | (digits>>(52-j)&1 ^ flip)
	}
	return float64(scrambled) / (1 << 53)
}
