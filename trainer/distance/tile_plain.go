//go:build !(goexperiment.simd && amd64)

package distance

// This build has no SIMD: no function here processes an element.

func tileWide(_ []float64, _ int, _, _ []float64, _ int) bool { return false }

func squaredWide(_, _ []float64, _ float64) int { return 0 }

func cubesWide(_ []float64, _ float64) (float64, int) { return 0, 0 }

func belowWide(found []int, _ []float64, _ float64, _ []float64) ([]int, int) { return found, 0 }

func addWide(_ []float64, _ []float32) int { return 0 }

func subtractWide(_ []float64, _ []float32, _ []float64) int { return 0 }
