package gp

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// climbMemory is how many steps the L-BFGS approximation remembers.
const climbMemory = 6

// Climb maximises f over the box low..high from u by projected L-BFGS. The direction
// is that of Nocedal and Wright 2006, algorithm 7.4, on the coordinates that are not
// at a bound; the line search shortens the step and projects it onto the box. f
// returns its value and fills its gradient. A coordinate with low = high stays. It
// stops after the given iterations, or when a step gains less than 1e-7.
func Climb(f func(u, gradient []float64) float64, u, low, high []float64, iterations int) (at []float64, value float64) {
	d := len(u)
	at = append([]float64(nil), u...)
	for k := range at {
		at[k] = clamp(at[k], low[k], high[k])
	}
	gradient, next, nextGradient := make([]float64, d), make([]float64, d), make([]float64, d)
	value = f(at, gradient)
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return at, value
	}
	var steps, turns [][]float64 // x_{i+1} - x_i, and that of the gradient's negative
	direction, free := make([]float64, d), make([]bool, d)
	for range iterations {
		moving := false
		for k := range d {
			g := gradient[k]
			free[k] = low[k] < high[k] && !(at[k] <= low[k] && g < 0) && !(at[k] >= high[k] && g > 0) && g != 0
			moving = moving || free[k]
		}
		if !moving {
			break
		}
		lbfgs(direction, gradient, free, steps, turns)
		size := 1.0
		if len(steps) == 0 {
			size = math.Min(1, 0.1/floats.Norm(direction, math.Inf(1)))
		}
		accepted := false
		var gained float64
		for range 12 {
			slope := 0.0
			for k := range d {
				next[k] = clamp(at[k]+size*direction[k], low[k], high[k])
				slope += gradient[k] * (next[k] - at[k])
			}
			v := f(next, nextGradient)
			if v >= value+1e-4*slope && slope > 0 {
				gained, accepted = v-value, true
				break
			}
			size *= 0.4
		}
		if !accepted {
			if len(steps) == 0 {
				break
			}
			steps, turns = nil, nil // once more along the gradient itself
			continue
		}
		step, turn := make([]float64, d), make([]float64, d)
		product := 0.0
		for k := range d {
			step[k], turn[k] = next[k]-at[k], gradient[k]-nextGradient[k]
			product += step[k] * turn[k]
		}
		if product > 1e-12 {
			if len(steps) == climbMemory {
				steps, turns = steps[1:], turns[1:]
			}
			steps, turns = append(steps, step), append(turns, turn)
		}
		copy(at, next)
		copy(gradient, nextGradient)
		value += gained
		if gained < 1e-7 {
			break
		}
	}
	return at, value
}

// lbfgs fills direction with the approximate Newton direction of ascent on the free
// coordinates, or with the gradient where that would not ascend.
func lbfgs(direction, gradient []float64, free []bool, steps, turns [][]float64) {
	dot := func(a, b []float64) float64 {
		sum := 0.0
		for k := range a {
			if free[k] {
				sum += a[k] * b[k]
			}
		}
		return sum
	}
	useGradient := func() {
		for k := range direction {
			direction[k] = 0
			if free[k] {
				direction[k] = gradient[k]
			}
		}
	}
	useGradient()
	var factors [climbMemory]float64
	scale := 1.0
	for i := len(steps) - 1; i >= 0; i-- {
		curvature := dot(steps[i], turns[i])
		if curvature <= 0 {
			continue
		}
		factors[i] = dot(steps[i], direction) / curvature
		for k := range direction {
			direction[k] -= factors[i] * turns[i][k]
		}
		if i == len(steps)-1 {
			scale = curvature / dot(turns[i], turns[i])
		}
	}
	for k := range direction {
		direction[k] *= scale
	}
	for i := range steps {
		curvature := dot(steps[i], turns[i])
		if curvature <= 0 {
			continue
		}
		beta := dot(turns[i], direction) / curvature
		for k := range direction {
			direction[k] += (factors[i] - beta) * steps[i][k]
		}
	}
	for k := range direction {
		if !free[k] {
			direction[k] = 0
		}
	}
	if !(dot(direction, gradient) > 0) {
		useGradient()
	}
}

func clamp(f, low, high float64) float64 { return math.Min(math.Max(f, low), high) }
