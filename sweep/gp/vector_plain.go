//go:build !(goexperiment.simd && amd64)

package gp

// Without vector instructions these do nothing, and their callers do all.

func maternsWide(_, _ []float64, _ float64, _ []float64) int { return 0 }

func distancesWide(_, _, _, _ []float64, _, _ float64) int { return 0 }

func dotWide(_, _ []float64) (float64, bool) { return 0, false }

func dot3Wide(_, _, _ []float64) (float64, bool) { return 0, false }

func lowerTimesWide(_, _, _ []float64) int { return 0 }

func rowAdd(y []float64, factor float64, x []float64) { rowAddPlain(y, factor, x) }

func rowAdd4(y []float64, factors [4]float64, x []float64, stride int) {
	rowAdd4Plain(y, factors, x, stride)
}

func endRows() {}
