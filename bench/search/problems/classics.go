package problems

import (
	"math"

	"github.com/tailsweep/tailsweep/sweep/simulate"
)

// classics are test functions of global optimisation, from Surjanovic & Bingham,
// Virtual Library of Simulation Experiments (sfu.ca/~ssurjano). Where the usual
// optimum is at the centre or has equal coordinates the function is shifted, f(x - s)
// with s inside the box, so that no engine finds it by trying the centre first.
func classics() []Problem {
	shifted := func(name string, d int, low, high, reach, best float64, f func(z []float64) float64) Problem {
		s := offset(name, d, reach)
		return one(name, box(d, low, high), best, func(x []float64) float64 { return f(minus(x, s)) })
	}
	noisy := one("hartmann6-noisy", box(6, 0, 1), hartmann6Best, hartmann6)
	noisy.Noise = 0.1
	branin := box(2, 0, 15)
	branin[0].Min, branin[0].Max = -5, 10
	return []Problem{
		one("branin", branin, 0.39788735772973816, braninF),
		shifted("ackley5", 5, -32.768, 32.768, 16, 0, simulate.Ackley),
		one("hartmann3", box(3, 0, 1), hartmann3Best, hartmann3),
		one("hartmann6", box(6, 0, 1), hartmann6Best, hartmann6),
		noisy,
		shifted("levy6", 6, -10, 10, 5, 0, simulate.Levy),
		shifted("rastrigin4", 4, -5.12, 5.12, 2.5, 0, simulate.Rastrigin),
		shifted("rosenbrock4", 4, -5, 10, 2, 0, simulate.Rosenbrock),
		shifted("griewank5", 5, -600, 600, 300, 0, griewank),
		shifted("styblinski4", 4, -5, 5, 1.5, 4*styblinskiBest, styblinski),
		one("michalewicz5", box(5, 0, math.Pi), michalewicz5Best, michalewicz),
	}
}

// The optima without a closed form, to the last digit that minimisation gives
// (TestNumeric repeats it).
const (
	hartmann3Best    = -3.8627797873326628
	hartmann6Best    = -3.3223680114155156
	styblinskiBest   = -39.16616570377142
	michalewicz5Best = -4.687658179088148
)

func braninF(x []float64) float64 {
	return square(x[1]-5.1/(4*math.Pi*math.Pi)*x[0]*x[0]+5/math.Pi*x[0]-6) + 10*(1-1/(8*math.Pi))*math.Cos(x[0]) + 10
}

// hartmann is -sum_i alpha_i exp(-sum_j A_ij (x_j - P_ij)^2).
func hartmann(x []float64, a, p [4][]float64) float64 {
	alpha := [4]float64{1, 1.2, 3, 3.2}
	return -sum(4, func(i int) float64 {
		return alpha[i] * math.Exp(-sum(len(x), func(j int) float64 { return a[i][j] * square(x[j]-p[i][j]) }))
	})
}

func hartmann3(x []float64) float64 {
	return hartmann(x,
		[4][]float64{{3, 10, 30}, {0.1, 10, 35}, {3, 10, 30}, {0.1, 10, 35}},
		[4][]float64{{0.3689, 0.1170, 0.2673}, {0.4699, 0.4387, 0.7470}, {0.1091, 0.8732, 0.5547}, {0.0381, 0.5743, 0.8828}})
}

func hartmann6(x []float64) float64 {
	return hartmann(x,
		[4][]float64{{10, 3, 17, 3.5, 1.7, 8}, {0.05, 10, 17, 0.1, 8, 14}, {3, 3.5, 1.7, 10, 17, 8}, {17, 8, 0.05, 10, 0.1, 14}},
		[4][]float64{
			{0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886}, {0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991},
			{0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650}, {0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381}})
}

func griewank(z []float64) float64 {
	product := 1.0
	for i := range z {
		product *= math.Cos(z[i] / math.Sqrt(float64(i+1)))
	}
	return 1 + sum(len(z), func(i int) float64 { return z[i] * z[i] })/4000 - product
}

func styblinski(z []float64) float64 {
	return sum(len(z), func(i int) float64 { return math.Pow(z[i], 4) - 16*z[i]*z[i] + 5*z[i] }) / 2
}

// michalewicz has d! local minima in steep valleys (m = 10).
func michalewicz(x []float64) float64 {
	return -sum(len(x), func(i int) float64 {
		return math.Sin(x[i]) * math.Pow(math.Sin(float64(i+1)*x[i]*x[i]/math.Pi), 20)
	})
}
