//go:build !(goexperiment.simd && amd64)

package gp

// There are no vectors here: these take none.

func maternsWide(_, _ []float64, _ float64, _ []float64) int { return 0 }

func distancesWide(_, _, _, _ []float64, _, _ float64) int { return 0 }

func dotWide(_, _ []float64) (float64, bool) { return 0, false }

func dot3Wide(_, _, _ []float64) (float64, bool) { return 0, false }

func lowerTimesWide(_, _, _ []float64) int { return 0 }

func invertWide(_, _, _ []float64, _ int) bool { return false }

func addScaledWide(_ []float64, _ float64, _ []float64) bool { return false }
