package main

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

func TestDifference(t *testing.T) {
	nan := float32(math.NaN())
	for name, c := range map[string]struct {
		got, want []float32
		relative  float64
	}{
		"equal":                 {[]float32{1, -4}, []float32{1, -4}, 0},
		"of the largest value":  {[]float32{1.5, -4}, []float32{1, -4}, 0.125},
		"not a number":          {[]float32{nan, -4}, []float32{1, -4}, math.Inf(1)},
		"not a number in both":  {[]float32{nan, 1}, []float32{nan, 1}, math.Inf(1)},
		"nothing to compare to": {[]float32{0, 0}, []float32{0, 0}, math.Inf(1)},
	} {
		d, err := difference(checkpoint.FromFloat32("a", []int{2}, c.got), checkpoint.FromFloat32("a", []int{2}, c.want))
		require.NoError(t, err, name)
		require.Equal(t, c.relative, d, name)
	}
	_, err := difference(checkpoint.Tensor{}, checkpoint.FromFloat32("a", []int{1}, []float32{1}))
	require.ErrorContains(t, err, "shape [], want [1]", "the example did not compute it")
}
