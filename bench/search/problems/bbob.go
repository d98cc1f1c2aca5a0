package problems

import (
	"math"
	"math/rand/v2"
	"slices"
)

// bbobs are functions of the noiseless BBOB suite, by their numbers in Hansen,
// Finck, Ros & Auger, Real-Parameter Black-Box Optimization Benchmarking 2009:
// Noiseless Functions Definitions, INRIA RR-6829. The box is [-5, 5]^d and f_opt
// 0; shifts and rotations are ours (the suite's own generator is not repeated),
// x_opt uniform in [-4, 4]^d.
func bbobs() []Problem {
	problem := func(name string, d int, f func(instance, []float64) float64) Problem {
		in := newInstance(name, d)
		return one(name, box(d, -5, 5), 0, func(x []float64) float64 { return f(in, x) })
	}
	return []Problem{
		problem("sphere5", 5, sphere),
		problem("ellipsoid5", 5, ellipsoid),
		problem("attractive-sector5", 5, attractiveSector),
		problem("step-ellipsoid5", 5, stepEllipsoid),
		problem("sharp-ridge5", 5, sharpRidge),
		problem("different-powers5", 5, differentPowers),
		problem("weierstrass4", 4, weierstrass),
		problem("schaffers4", 4, schaffers),
		problem("gallagher4", 4, gallagher),
	}
}

// instance is what is random about a BBOB function: the optimum, two rotations,
// and for Gallagher's the peaks.
type instance struct {
	opt   []float64
	r, q  [][]float64
	peaks []peak
}

// peak is w exp(-1/(2d) sum_k scale_k (R (x - at))_k^2).
type peak struct {
	at, scale []float64
	w         float64
}

func newInstance(name string, d int) instance {
	rng := generator(name)
	in := instance{opt: make([]float64, d)}
	for i := range in.opt {
		in.opt[i] = -4 + 8*rng.Float64()
	}
	in.r, in.q = rotation(rng, d), rotation(rng, d)
	in.peaks = peaks(rng, in.opt)
	return in
}

// rotation is a random orthogonal matrix: Gram-Schmidt on rows of normal numbers.
func rotation(rng *rand.Rand, d int) [][]float64 {
	m := make([][]float64, d)
	for i := range m {
		m[i] = make([]float64, d)
		for j := range m[i] {
			m[i][j] = rng.NormFloat64()
		}
		for _, row := range m[:i] {
			along := sum(d, func(j int) float64 { return row[j] * m[i][j] })
			for j := range m[i] {
				m[i][j] -= along * row[j]
			}
		}
		norm := math.Sqrt(sum(d, func(j int) float64 { return square(m[i][j]) }))
		for j := range m[i] {
			m[i][j] /= norm
		}
	}
	return m
}

// peaks are the 101 of f21: the first is the optimum, condition 1000 and height
// 10; the others' conditions are 1000^(2j/99) in random order.
func peaks(rng *rand.Rand, opt []float64) []peak {
	const n = 101
	d := len(opt)
	order := rng.Perm(n - 1)
	list := make([]peak, n)
	for i := range list {
		p := peak{at: slices.Clone(opt), scale: make([]float64, d), w: 10}
		condition := 1000.0
		if i > 0 {
			p.w = 1.1 + 8*float64(i-1)/99
			condition = math.Pow(1000, 2*float64(order[i-1])/99)
			for k := range p.at {
				p.at[k] = -5 + 10*rng.Float64()
			}
		}
		for k, place := range rng.Perm(d) {
			p.scale[k] = math.Pow(condition, ramp(place, d)/2) / math.Pow(condition, 0.25)
		}
		list[i] = p
	}
	return list
}

// ramp is i/(d-1): 0 at the first coordinate, 1 at the last.
func ramp(i, d int) float64 { return float64(i) / float64(d-1) }

func times(m [][]float64, x []float64) []float64 {
	y := make([]float64, len(m))
	for i, row := range m {
		y[i] = sum(len(x), func(j int) float64 { return row[j] * x[j] })
	}
	return y
}

// stretch is Lambda^alpha x, Lambda^alpha = diag(alpha^(i/(2(d-1)))).
func stretch(alpha float64, x []float64) []float64 {
	y := make([]float64, len(x))
	for i := range y {
		y[i] = math.Pow(alpha, ramp(i, len(x))/2) * x[i]
	}
	return y
}

// oscillate is T_osz of one number: it makes smooth functions locally irregular.
func oscillate(x float64) float64 {
	if x == 0 {
		return 0
	}
	c1, c2 := 10.0, 7.9
	if x < 0 {
		c1, c2 = 5.5, 3.1
	}
	h := math.Log(math.Abs(x))
	return math.Copysign(math.Exp(h+0.049*(math.Sin(c1*h)+math.Sin(c2*h))), x)
}

func oscillateAll(x []float64) []float64 {
	y := make([]float64, len(x))
	for i := range y {
		y[i] = oscillate(x[i])
	}
	return y
}

// skew is T_asy^beta: it breaks the symmetry about 0.
func skew(beta float64, x []float64) []float64 {
	y := slices.Clone(x)
	for i := range y {
		if x[i] > 0 {
			y[i] = math.Pow(x[i], 1+beta*ramp(i, len(x))*math.Sqrt(x[i]))
		}
	}
	return y
}

// sphere is f1.
func sphere(in instance, x []float64) float64 {
	z := minus(x, in.opt)
	return sum(len(z), func(i int) float64 { return z[i] * z[i] })
}

// ellipsoid is f10, condition 1e6, rotated.
func ellipsoid(in instance, x []float64) float64 {
	z := oscillateAll(times(in.r, minus(x, in.opt)))
	return sum(len(z), func(i int) float64 { return math.Pow(1e6, ramp(i, len(z))) * z[i] * z[i] })
}

// attractiveSector is f6: steep on one side of each coordinate.
func attractiveSector(in instance, x []float64) float64 {
	z := times(in.q, stretch(10, times(in.r, minus(x, in.opt))))
	total := sum(len(z), func(i int) float64 {
		if z[i]*in.opt[i] > 0 {
			return square(100 * z[i])
		}
		return z[i] * z[i]
	})
	return math.Pow(oscillate(total), 0.9)
}

// stepEllipsoid is f7: plateaus.
func stepEllipsoid(in instance, x []float64) float64 {
	hat := stretch(10, times(in.r, minus(x, in.opt)))
	step := make([]float64, len(hat))
	for i, h := range hat {
		if math.Abs(h) > 0.5 {
			step[i] = math.Floor(0.5 + h)
		} else {
			step[i] = math.Floor(0.5+10*h) / 10
		}
	}
	z := times(in.q, step)
	return 0.1 * math.Max(math.Abs(hat[0])/1e4, sum(len(z), func(i int) float64 { return math.Pow(100, ramp(i, len(z))) * z[i] * z[i] }))
}

// sharpRidge is f13: a ridge that is not differentiable.
func sharpRidge(in instance, x []float64) float64 {
	z := times(in.q, stretch(10, times(in.r, minus(x, in.opt))))
	return z[0]*z[0] + 100*math.Sqrt(sum(len(z)-1, func(i int) float64 { return z[i+1] * z[i+1] }))
}

// differentPowers is f14.
func differentPowers(in instance, x []float64) float64 {
	z := times(in.r, minus(x, in.opt))
	return math.Sqrt(sum(len(z), func(i int) float64 { return math.Pow(math.Abs(z[i]), 2+4*ramp(i, len(z))) }))
}

// weierstrass is f16: rugged, and its optimum repeats.
func weierstrass(in instance, x []float64) float64 {
	z := times(in.r, stretch(0.01, times(in.q, oscillateAll(times(in.r, minus(x, in.opt))))))
	waves := func(at float64) float64 {
		return sum(12, func(k int) float64 { return math.Pow(0.5, float64(k)) * math.Cos(2*math.Pi*math.Pow(3, float64(k))*at) })
	}
	mean := sum(len(z), func(i int) float64 { return waves(z[i] + 0.5) }) / float64(len(z))
	return 10 * math.Pow(mean-waves(0.5), 3)
}

// schaffers is f17, Schaffer's F7.
func schaffers(in instance, x []float64) float64 {
	z := stretch(10, times(in.q, skew(0.5, times(in.r, minus(x, in.opt)))))
	mean := sum(len(z)-1, func(i int) float64 {
		s := math.Hypot(z[i], z[i+1])
		return math.Sqrt(s) * (1 + square(math.Sin(50*math.Pow(s, 0.2))))
	}) / float64(len(z)-1)
	return mean * mean
}

// gallagher is f21: 101 peaks at random places.
func gallagher(in instance, x []float64) float64 {
	d := len(x)
	best := 0.0
	for _, p := range in.peaks {
		z := times(in.r, minus(x, p.at))
		best = math.Max(best, p.w*math.Exp(-sum(d, func(k int) float64 { return p.scale[k] * z[k] * z[k] })/(2*float64(d))))
	}
	return square(oscillate(10 - best))
}
