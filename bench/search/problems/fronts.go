package problems

import (
	"math"

	"github.com/tailsweep/tailsweep/sweep"
)

// fronts are problems of several objectives without constraints: ZDT (Zitzler,
// Deb & Thiele 2000), DTLZ2 (Deb et al. 2002), Kursawe (1991). The volumes of ZDT1,
// ZDT2 and DTLZ2 are integrals below the front; the others were found by search
// (numeric.go).
func fronts() []Problem {
	several := func(name string, space []sweep.Parameter, reference []float64, volume float64, f func(x []float64) []float64) Problem {
		return Problem{Name: name, Space: space, Objectives: len(reference), Reference: reference, Volume: volume,
			Eval: func(p sweep.Params) ([]float64, []float64) { return f(vector(p)), nil }}
	}
	eleven, s := []float64{11, 11}, centres(7)
	return []Problem{
		several("zdt1", box(6, 0, 1), eleven, 120+2./3, zdt(s, zdt1)),
		several("zdt2", box(6, 0, 1), eleven, 120+1./3, zdt(s, zdt2)),
		several("zdt3", box(6, 0, 1), eleven, zdt3Volume, zdt(s, zdt3)),
		several("dtlz2", box(6, 0, 1), []float64{1.1, 1.1}, 1.1*1.1-math.Pi/4, dtlz2(2, s)),
		several("dtlz2-3", box(7, 0, 1), []float64{1.1, 1.1, 1.1}, 1.1*1.1*1.1-math.Pi/6, dtlz2(3, s)),
		several("kursawe", box(3, -5, 5), []float64{-4, 2}, kursaweVolume, kursawe),
	}
}

// zdt is f1 = x1, f2 = g h(f1, g), g = 1 + 9 mean(x2..). ZDT's optimum has x2.. = 0, a
// corner, which favours engines that clip to the box; here it is at s, with |x - s|
// stretched so that g still spans 1 to 10.
func zdt(s []float64, h func(f, g float64) float64) func(x []float64) []float64 {
	return func(x []float64) []float64 {
		g := 1 + 9/float64(len(x)-1)*sum(len(x)-1, func(i int) float64 {
			return math.Abs(x[i+1]-s[i+1]) / math.Max(s[i+1], 1-s[i+1])
		})
		return []float64{x[0], g * h(x[0], g)}
	}
}

func zdt1(f, g float64) float64 { return 1 - math.Sqrt(f/g) }
func zdt2(f, g float64) float64 { return 1 - square(f/g) }
func zdt3(f, g float64) float64 { return zdt1(f, g) - f/g*math.Sin(10*math.Pi*f) }

// centres are where distances are 0 in zdt and dtlz2.
func centres(d int) []float64 {
	s := offset("centres", d, 0.35)
	for i := range s {
		s[i] += 0.5
	}
	return s
}

// dtlz2 has m objectives on the unit sphere scaled by 1 + g, g = sum (x_i - s_i)^2
// over the last coordinates; s is 0.5 in the paper.
func dtlz2(m int, s []float64) func(x []float64) []float64 {
	return func(x []float64) []float64 {
		radius := 1 + sum(len(x)-m+1, func(i int) float64 { return square(x[m-1+i] - s[m-1+i]) })
		f := make([]float64, m)
		for k := range f {
			f[k] = radius
			for i := range m - 1 - k {
				f[k] *= math.Cos(x[i] * math.Pi / 2)
			}
			if k > 0 {
				f[k] *= math.Sin(x[m-1-k] * math.Pi / 2)
			}
		}
		return f
	}
}

func kursawe(x []float64) []float64 {
	return []float64{
		sum(len(x)-1, func(i int) float64 { return -10 * math.Exp(-0.2*math.Hypot(x[i], x[i+1])) }),
		sum(len(x), func(i int) float64 { return math.Pow(math.Abs(x[i]), 0.8) + 5*math.Sin(x[i]*x[i]*x[i]) }),
	}
}
