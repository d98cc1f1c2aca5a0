//go:build !(goexperiment.simd && amd64)

package distance

// There are no vectors here.

func tileWide(_, _, _ []float64, _ int) bool { return false }

func squaredWide(_, _ []float64, _ float64) int { return 0 }

func cubesWide(_ []float64, _ float64) (float64, int) { return 0, 0 }

func belowWide(found []int, _ []float64, _ float64, _ []float64) ([]int, int) { return found, 0 }
