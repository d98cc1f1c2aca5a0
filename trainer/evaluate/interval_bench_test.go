package evaluate

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/dataset"
)

// BenchmarkIntervals measures the metrics of ten classes with and without their standard
// errors, on features that are made up: the difference is what the intervals cost. There is
// no memorised_ratio in it, which compares pixels.
func BenchmarkIntervals(b *testing.B) {
	const classes, dims, pixels = 10, 64, 1
	r := rand.New(rand.NewPCG(1, 2))
	fill := func(perClass int) view {
		v := view{dims: dims}
		for i := range classes * perClass {
			v.labels = append(v.labels, i/perClass)
		}
		v.predictions = v.labels
		for range len(v.labels) * dims {
			v.features = append(v.features, float32(r.NormFloat64()))
		}
		v.pixels = dataset.InMemory(make([]float32, len(v.labels)*pixels), pixels)
		return v
	}
	names, counts := make([]string, classes), make([]int, classes)
	for class := range names {
		names[class], counts[class] = fmt.Sprint(class), 1000-class
	}
	groups, err := sweep.Dataset{Name: sweep.ImageFolder, FolderClasses: classes}.ClassGroups(names, counts)
	require.NoError(b, err)
	real := fill(1000)
	for _, perClass := range []int{50, 200, 1000} {
		samples := fill(perClass)
		for _, c := range []struct {
			name   string
			errors map[string]float64
		}{{"values", nil}, {"intervals", map[string]float64{}}} {
			b.Run(fmt.Sprintf("%s/%d", c.name, perClass), func(b *testing.B) {
				for b.Loop() {
					m := measurement{groups: groups, classes: names, counts: counts, metrics: map[string]float64{}, errors: c.errors}
					require.NoError(b, m.run(real, samples))
				}
			})
		}
	}
}
