package evaluate

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/dataset"
)

// rareCounts are real images of ten classes, from many to one that takes no part in a
// metric.
var rareCounts = []int{400, 300, 250, 200, 160, 130, 90, 40, 12, 2}

// unequal returns so many images of each class of the balanced set, from an index on.
func unequal(t *testing.T, from int, counts []int) (*dataset.Set, []int) {
	t.Helper()
	all, err := balanced()
	require.NoError(t, err)
	var labels []int
	for class, n := range counts {
		for range n {
			labels = append(labels, class)
		}
	}
	chosen := make([]bool, all.Len())
	for i := range chosen {
		chosen[i] = i%1000 >= from && i%1000 < from+counts[i/1000]
	}
	return all.Where(chosen), labels
}

// In a folder with classes of very unequal sizes other real images are as good as the floor,
// noise is worse, and classes with too few images are named.
func TestRareClasses(t *testing.T) {
	real, _ := unequal(t, 0, rareCounts)
	j, err := newEvaluator(context.Background(), openGo(t), groups(longTail.Imbalance), real, nil, nil, 50, nil)
	require.NoError(t, err)
	defer j.Close()
	others, labels := part(t, 500, 50)
	good, deviations, err := j.Metrics(context.Background(), pixels(t, others), labels, Whole, nil)
	require.NoError(t, err)
	noise := make([]float32, len(pixels(t, others)))
	r := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = float32(max(-1, min(1, r.NormFloat64())))
	}
	bad, _, err := j.Metrics(context.Background(), noise, labels, Whole, nil)
	require.NoError(t, err)

	require.Equal(t, []sweep.LeftOut{
		{Families: []string{"fid", "kid"}, Least: 4, Classes: []string{"ankle boot"}},
		{Families: []string{"precision", "recall", "density", "coverage"}, Least: 20, Classes: []string{"bag", "ankle boot"}},
	}, j.LeftOut())
	for _, group := range sweep.MetricGroups() {
		for _, family := range []string{"kid.", "precision.", "recall.", "density.", "coverage.", "label_accuracy."} {
			name := family + group
			require.Contains(t, good, name)
			require.Contains(t, deviations, name)
			if family == "kid." {
				require.InDelta(t, 0, good[name], 0.1*bad[name], name)
			} else {
				require.InDelta(t, j.Floor[name], good[name], max(0.25, 4*deviations[name]), name)
				require.Less(t, bad[name], 0.8*min(good[name], j.Floor[name]), "noise never beats the floor: %s", name)
			}
		}
	}
	require.Less(t, good["fid.head"], 2*j.Floor["fid.head"])
	require.Greater(t, bad["fid.head"], 5*j.Floor["fid.head"])
	require.NotContains(t, good, "fid.tail", "two classes of 40 and 12 images count as 37")
	for name := range good {
		if !strings.HasPrefix(name, sweep.FIDClass) {
			require.Contains(t, deviations, name)
		}
	}
}

// The values do not depend on how many images of a class the folder has, as long as they
// are of one distribution.
func TestUnequalClassesMeasureTheBalancedMixture(t *testing.T) {
	even, _ := part(t, 0, 200)
	more, _ := unequal(t, 0, []int{400, 400, 400, 400, 400, 60, 60, 60, 60, 60})
	measure := func(real *dataset.Set) (metrics, deviations map[string]float64) {
		j, err := newEvaluator(context.Background(), openGo(t), groups(longTail.Imbalance), real, nil, nil, 50, nil)
		require.NoError(t, err)
		defer j.Close()
		others, labels := part(t, 500, 50)
		metrics, deviations, err = j.Metrics(context.Background(), pixels(t, others), labels, Whole, nil)
		require.NoError(t, err)
		return metrics, deviations
	}
	a, deviations := measure(even)
	b, _ := measure(more)
	for _, name := range []string{"fid.all", "fid.head", "precision.all", "recall.all", "density.all", "coverage.all"} {
		require.InEpsilon(t, a[name], b[name], 0.3, name)
	}
	require.InDelta(t, a["kid.all"], b["kid.all"], 2*deviations["kid.all"])
}
