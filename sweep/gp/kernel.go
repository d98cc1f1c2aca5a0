package gp

import (
	"slices"

	"gonum.org/v1/gonum/floats"
)

// Hyper are a process's hyper-parameters. Its kernel is
//
//	k(x, x') = s2 ((1-a) m(r) + a/d sum_k m(|D_k|/l_k))
//
// with m the Matern-5/2 kernel, D = x - x', and r^2 = sum_k (D_k/l_k)^2: all
// coordinates together, and each by itself (Duvenaud et al. 2011, orders d and 1).
// Where a function is nearly a sum over coordinates, the second part learns from n
// points in each dimension what the first needs n^d points for.
type Hyper struct {
	Length   []float64 // l_k > 0, in the units of the cube
	Signal   float64   // s2 > 0
	Noise    float64   // v > 0
	Additive float64   // a, [0, 1)
}

// kernel evaluates Hyper's kernel.
type kernel struct {
	inverse     []float64 // 1/l_k
	categorical []bool
	product     float64 // s2 (1-a)
	single      float64 // s2 a/d
	variance    float64 // s2, k(x, x)
}

func newKernel(h Hyper, categorical []bool) kernel {
	k := kernel{inverse: make([]float64, len(h.Length)), categorical: categorical, variance: h.Signal}
	for i, l := range h.Length {
		k.inverse[i] = 1 / l
	}
	k.product = h.Signal * (1 - h.Additive)
	k.single = h.Signal * h.Additive / float64(len(h.Length))
	return k
}

// at returns k(a, b).
func (k *kernel) at(a, b []float64) float64 {
	var sum, singles float64
	for i, x := range a {
		difference := x - b[i]
		if k.categorical[i] && difference != 0 {
			difference = 1
		}
		difference *= k.inverse[i]
		square := difference * difference
		sum += square
		if k.single > 0 {
			value, _ := matern52(square)
			singles += value
		}
	}
	value, _ := matern52(sum)
	return k.product*value + k.single*singles
}

// row is the kernel between one point and many, and the parts of its gradient.
type row struct {
	k           []float64 // `[n]`
	slope       []float64 // `[n]` of all coordinates together
	difference  []float64 // `[d][n]` D_k/l_k
	singles     []float64 // `[d][n]` slopes of each coordinate by itself
	sum, scaled []float64 // `[n]`
}

// fill evaluates the kernel between point and the columns of x, `[d][n]`.
func (k *kernel) fill(r *row, point []float64, x [][]float64) {
	n := len(x[0])
	r.k, r.slope, r.sum, r.scaled = resize(r.k, n), resize(r.slope, n), resize(r.sum, n), resize(r.scaled, n)
	r.difference = resize(r.difference, n*len(x))
	if k.single > 0 {
		r.singles = resize(r.singles, n*len(x))
	}
	clear(r.sum)
	clear(r.k)
	for c, column := range x {
		difference := r.difference[c*n : (c+1)*n]
		at, inverse := point[c], k.inverse[c]
		if k.categorical[c] {
			for i, v := range column {
				difference[i] = 0
				if v != at {
					difference[i] = inverse
				}
			}
			floats.MulTo(r.scaled, difference, difference)
			floats.Add(r.sum, r.scaled)
		} else {
			distances(difference, r.scaled, r.sum, column, at, inverse)
		}
		if k.single > 0 {
			materns(r.scaled, r.singles[c*n:(c+1)*n], 1, r.scaled)
			addScaled(r.k, k.single, r.scaled)
		}
	}
	materns(r.scaled, r.slope, 1, r.sum)
	addScaled(r.k, k.product, r.scaled)
}

// gradient adds to grad the gradient by the point of sum_i weight_i k_i; 0 for
// categorical coordinates.
//
//	dk/dx_k = -D_k/l_k^2 (s2 (1-a) slope(r) + s2 a/d slope(|D_k|/l_k))
func (k *kernel) gradient(r *row, weight, grad []float64) {
	n := len(weight)
	floats.MulTo(r.scaled, weight, r.slope)
	floats.Scale(k.product, r.scaled)
	for c := range grad {
		if k.categorical[c] {
			continue
		}
		difference := r.difference[c*n : (c+1)*n]
		sum := dot(r.scaled, difference)
		if k.single > 0 {
			sum += k.single * dot3(r.singles[c*n:(c+1)*n], weight, difference)
		}
		grad[c] -= k.inverse[c] * sum
	}
}

// resize returns a slice of n numbers, s where it has room.
func resize(s []float64, n int) []float64 { return slices.Grow(s[:0], n)[:n] }
