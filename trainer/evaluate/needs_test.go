package evaluate

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/dataset"
)

// The check before a training refuses a metric where, and only where, the evaluation
// would not measure it: on random small sets, of every metric of the closed list.
func TestWhatIsRefusedIsWhatIsNotMeasured(t *testing.T) {
	const dims = 2
	r := rand.New(rand.NewPCG(1, 2))
	fill := func(labels []int) view {
		v := view{labels: labels, dims: dims, predictions: labels}
		var pixels []float32
		for range labels {
			v.features = append(v.features, r.Float32(), r.Float32())
			pixels = append(pixels, r.Float32())
		}
		v.pixels = dataset.InMemory(pixels, 1)
		return v
	}
	refused, measured := 0, 0
	for range 300 {
		classes := 2 + r.IntN(4)
		names, counts := make([]string, classes), make([]int, classes)
		var labels, asked []int
		samples := 1 + r.IntN(14)
		for class := range classes {
			names[class] = string(rune('a' + class))
			counts[class] = 1 + r.IntN(30)
			labels = append(labels, slices.Repeat([]int{class}, counts[class])...)
			asked = append(asked, slices.Repeat([]int{class}, samples)...)
		}
		d := sweep.Dataset{Name: sweep.ImageFolder, FolderClasses: classes, Size: 16}
		groups, err := d.ClassGroups(names, counts)
		require.NoError(t, err)
		real := fill(labels)
		for _, guidance := range [][]float64{{1}, {1, 2}} {
			got := map[string]int{}
			parts := []view{real}
			if len(guidance) > 1 {
				parts = []view{real.half(0), real.half(1)}
			}
			for _, part := range parts {
				m := &measurement{groups: groups, classes: names, counts: counts, training: real.pixels, pixels: 1, metrics: map[string]float64{}}
				require.NoError(t, m.run(part, fill(asked)))
				for name := range m.metrics {
					got[name]++
				}
			}
			var all []string
			for _, m := range sweep.MetricList() {
				if len(groups.Classes(m.Group)) > 0 && !strings.HasPrefix(m.Name, sweep.FamilyCAS) {
					all = append(all, m.Name)
				}
			}
			for _, name := range append(all, sweep.ClassMetrics(names)...) {
				spec := sweep.Spec{
					Dataset: d, Evaluate: sweep.Evaluate{SamplesPerClass: samples, Guidance: guidance}, Metrics: []sweep.Objective{{Name: name}},
				}
				faults := spec.Unmeasurable(sweep.Facts{Classes: names, Groups: &groups, Real: counts, Dims: dims, Classifier: sweep.Yes}, sweep.Assignment{})
				require.Equal(t, got[name] < len(parts), len(faults) > 0, "%s of %v, %d samples, %v: %v", name, counts, samples, guidance, faults)
				refused, measured = refused+len(faults), measured+got[name]
			}
		}
	}
	require.Greater(t, refused, 1000)
	require.Greater(t, measured, 1000)
}
