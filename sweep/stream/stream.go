package stream

import (
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
)

// Named returns the stream of a name: PCG seeded with the name's FNV-1a hash of
// 128 bits.
func Named(name string) *rand.Rand {
	h := fnv.New128a()
	_, _ = h.Write([]byte(name)) // a hash's Write cannot fail
	sum := h.Sum(nil)
	return rand.New(rand.NewPCG(binary.BigEndian.Uint64(sum), binary.BigEndian.Uint64(sum[8:])))
}

// Mix is the output function of SplitMix64 (Steele, Lea and Flood 2014), a bijection
// that changes about half of the bits of its result when one bit of x changes.
func Mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
