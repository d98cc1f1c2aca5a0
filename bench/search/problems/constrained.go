package problems

import (
	"math"

	"github.com/tailsweep/tailsweep/sweep"
)

// constrained are problems with constraints: Gramacy's toy (Gramacy et al. 2016,
// eq. 1), and with two objectives BNH (Binh & Korn 1997),
// SRN (Srinivas & Deb 1994), TNK (Tanaka et al. 1995), CONSTR-Ex (Deb 2001), OSY
// (Osyczka & Kundu 1995), C2-DTLZ2 (Jain & Deb 2014).
func constrained() []Problem {
	limited := func(name string, space []sweep.Parameter, ncon int, reference []float64, volume float64, f func(x []float64) (values, constraints []float64)) Problem {
		return Problem{Name: name, Space: space, Objectives: 2, Constraints: ncon, Reference: reference, Volume: volume,
			Eval: func(p sweep.Params) ([]float64, []float64) { return f(vector(p)) }}
	}
	sphere := dtlz2(2, centres(6))
	toy := Problem{Name: "gramacy", Space: box(2, 0, 1), Objectives: 1, Constraints: 2, Best: gramacyBest,
		Eval: func(p sweep.Params) ([]float64, []float64) { return gramacy(vector(p)) }}
	return []Problem{
		toy,
		limited("bnh", []sweep.Parameter{uniform(0, 0, 5), uniform(1, 0, 3)}, 2, []float64{140, 50}, bnhVolume, bnh),
		limited("srn", box(2, -20, 20), 2, []float64{250, 50}, srnVolume, srn),
		limited("tnk", box(2, 1e-9, math.Pi), 2, []float64{1.2, 1.2}, tnkVolume, tnk),
		limited("constr-ex", []sweep.Parameter{uniform(0, 0.1, 1), uniform(1, 0, 5)}, 2, []float64{1.1, 10}, constrExVolume, constrEx),
		limited("osy", []sweep.Parameter{uniform(0, 0, 10), uniform(1, 0, 10), uniform(2, 1, 5), uniform(3, 0, 6), uniform(4, 1, 5), uniform(5, 0, 10)},
			6, []float64{0, 200}, osyVolume, osy),
		limited("c2dtlz2", box(6, 0, 1), 1, []float64{1.1, 1.1}, c2dtlz2Volume, func(x []float64) ([]float64, []float64) {
			f := sphere(x)
			return f, []float64{islands(f, 0.2)}
		}),
	}
}

func gramacy(x []float64) (values, constraints []float64) {
	return []float64{x[0] + x[1]}, []float64{
		1.5 - x[0] - 2*x[1] - math.Sin(2*math.Pi*(x[0]*x[0]-2*x[1]))/2,
		x[0]*x[0] + x[1]*x[1] - 1.5,
	}
}

func bnh(x []float64) (values, constraints []float64) {
	return []float64{4*x[0]*x[0] + 4*x[1]*x[1], square(x[0]-5) + square(x[1]-5)},
		[]float64{square(x[0]-5) + x[1]*x[1] - 25, 7.7 - square(x[0]-8) - square(x[1]+3)}
}

func srn(x []float64) (values, constraints []float64) {
	return []float64{2 + square(x[0]-2) + square(x[1]-1), 9*x[0] - square(x[1]-1)},
		[]float64{x[0]*x[0] + x[1]*x[1] - 225, x[0] - 3*x[1] + 10}
}

func tnk(x []float64) (values, constraints []float64) {
	return []float64{x[0], x[1]}, []float64{
		1 + 0.1*math.Cos(16*math.Atan2(x[0], x[1])) - x[0]*x[0] - x[1]*x[1],
		square(x[0]-0.5) + square(x[1]-0.5) - 0.5,
	}
}

func constrEx(x []float64) (values, constraints []float64) {
	return []float64{x[0], (1 + x[1]) / x[0]}, []float64{6 - x[1] - 9*x[0], 1 + x[1] - 9*x[0]}
}

func osy(x []float64) (values, constraints []float64) {
	return []float64{
			-25*square(x[0]-2) - square(x[1]-2) - square(x[2]-1) - square(x[3]-4) - square(x[4]-1),
			sum(6, func(i int) float64 { return x[i] * x[i] }),
		}, []float64{
			2 - x[0] - x[1], x[0] + x[1] - 6, x[1] - x[0] - 2, x[0] - 3*x[1] - 2,
			square(x[2]-3) + x[3] - 4, 4 - square(x[4]-3) - x[5],
		}
}

// islands is C2-DTLZ2's constraint: f within r of a corner of the front, or of
// the point with equal coordinates. The feasible part of the front is islands.
func islands(f []float64, r float64) float64 {
	m := len(f)
	norm := sum(m, func(i int) float64 { return f[i] * f[i] })
	nearest := sum(m, func(i int) float64 { return square(f[i] - 1/math.Sqrt(float64(m))) })
	for i := range m {
		nearest = math.Min(nearest, square(f[i]-1)+norm-f[i]*f[i])
	}
	return nearest - r*r
}
