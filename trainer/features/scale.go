package features

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// scale makes x `[B,S,S,C]` size pixels a side with a Catmull-Rom filter (Keys 1981,
// a = -1/2), which is widened to the pixels of the source where it shrinks. The edges are
// repeated. It is two matrix products: Interpolate of GoMLX v0.28.2 is wrong on xla:cpu from
// 32 pixels to 96 or 224.
func scale(x *Node, size int) *Node {
	side := x.Shape().Dim(1)
	if side == size {
		return x
	}
	weights := Const(x.Graph(), filter(side, size))
	return Einsum("buvc,tv->butc", Einsum("bsvc,us->buvc", x, weights), weights)
}

// filter returns the weights `[to, from]` of the pixels of a line. Each row has the sum 1.
func filter(from, to int) [][]float32 {
	ratio := float64(from) / float64(to)
	wide := math.Max(1, ratio)
	all := make([][]float32, to)
	for i := range all {
		row := make([]float64, from)
		centre := (float64(i)+0.5)*ratio - 0.5
		var sum float64
		for j := int(math.Floor(centre - 2*wide)); j <= int(math.Ceil(centre+2*wide)); j++ {
			w := catmullRom((float64(j) - centre) / wide)
			row[min(max(j, 0), from-1)] += w
			sum += w
		}
		all[i] = make([]float32, from)
		for j, w := range row {
			all[i][j] = float32(w / sum)
		}
	}
	return all
}

func catmullRom(x float64) float64 {
	switch x = math.Abs(x); {
	case x < 1:
		return 1 - 2.5*x*x + 1.5*x*x*x
	case x < 2:
		return 2 - 4*x + 2.5*x*x - 0.5*x*x*x
	}
	return 0
}
