package evaluate

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/dataset"
)

// perClass real images are what the tests compare with: enough for a head and a
// tail of three classes to have a covariance in each half.
const perClass = 90

// trained of them, the first of each class, are what the tests take for trained on.
const trained = 20

var longTail = sweep.Dataset{
	Name: sweep.FashionMNIST10k, Size: 16,
	Imbalance: sweep.Imbalance{Profile: sweep.ProfileExp, Factor: 0.01},
}

// part returns images from..from+n of each class of the balanced set, and what to
// ask for to get them.
func part(t *testing.T, from, n int) (*dataset.Set, []int) {
	t.Helper()
	all, err := balanced()
	require.NoError(t, err)
	var labels []int
	for class := range 10 {
		for range n {
			labels = append(labels, class)
		}
	}
	chosen := make([]bool, all.Len())
	for i := range chosen {
		chosen[i] = i%1000 >= from && i%1000 < from+n
	}
	return all.Where(chosen), labels
}

// pixels returns the values of all images of a set.
func pixels(t *testing.T, s *dataset.Set) []float32 {
	t.Helper()
	indices := make([]int, s.Len())
	for i := range indices {
		indices[i] = i
	}
	images, _, err := s.Gather(indices)
	require.NoError(t, err)
	return images
}

var balanced = sync.OnceValues(func() (*dataset.Set, error) { return dataset.Balanced(longTail) })

// openEvaluator compares with few real images on backend go. The tests of this
// package share it; it is never closed.
func openEvaluator(t *testing.T) *Evaluator {
	t.Helper()
	real, _ := part(t, 0, perClass)
	training, _ := part(t, 0, trained)
	shared.once.Do(func() {
		shared.evaluator, shared.err = newEvaluator(context.Background(), openGo(t), groups(longTail.Imbalance), real, training, nil, perClass, nil)
	})
	require.NoError(t, shared.err)
	return shared.evaluator
}

func groups(im sweep.Imbalance) sweep.ClassGroups {
	g, _ := sweep.Dataset{Imbalance: im}.ClassGroups(nil, sweep.Counts(im, 10, 1000)) // thirds: no error
	return g
}

var shared struct {
	once      sync.Once
	evaluator *Evaluator
	err       error
}

var goBackend = sync.OnceValues(func() (*backend.Backend, error) { return backend.Open(backend.Go) })

// openGo shares one backend among the tests of this package; it is never closed.
func openGo(t *testing.T) *backend.Backend {
	t.Helper()
	b, err := goBackend()
	require.NoError(t, err)
	return b
}

func TestMetricsDistinguishRealImagesFromNoise(t *testing.T) {
	j := openEvaluator(t)
	require.Equal(t, []int{0, 1, 2}, j.Groups.Head)
	others, labels := part(t, 500, perClass)
	good, _, err := j.Metrics(context.Background(), pixels(t, others), labels, Whole, nil)
	require.NoError(t, err)

	noise := make([]float32, len(pixels(t, others)))
	r := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = float32(max(-1, min(1, r.NormFloat64())))
	}
	bad, _, err := j.Metrics(context.Background(), noise, labels, Whole, nil)
	require.NoError(t, err)

	for _, group := range sweep.MetricGroups() {
		fid, accuracy := "fid."+group, "label_accuracy."+group
		require.Greater(t, good[accuracy], 0.75, group)
		require.Less(t, good[fid], j.Floor[fid]*2, "real images are near the floor of halves: %s", group)
		require.Greater(t, bad[fid], 5*good[fid], group)
	}
	require.Less(t, bad["label_accuracy.all"], 0.3)
	require.Len(t, good, 9*4, "nine families of four groups: %v", good)
	for _, group := range sweep.MetricGroups() {
		require.InDelta(t, 0, good["kid."+group], 0.1*bad["kid."+group], group)
		for _, family := range []string{"precision.", "recall.", "coverage."} {
			require.InDelta(t, j.Floor[family+group], good[family+group], 0.15, "as real as the other half: %s%s", family, group)
			require.Less(t, bad[family+group], 0.6*good[family+group], family+group)
		}
		require.InEpsilon(t, 1, good["density."+group], 0.2, group)
		require.InEpsilon(t, j.Floor["diversity."+group], good["diversity."+group], 0.15, group)
		require.Zero(t, good["memorised_ratio."+group])
		require.InEpsilon(t, j.Floor["label_accuracy."+group], good["label_accuracy."+group], 0.15, group)
		require.Less(t, j.Floor["memorised_ratio."+group], 0.05, "held-out images are not copies")
	}
}

func TestGroupsArePooled(t *testing.T) {
	j := openEvaluator(t)
	others, labels := part(t, 500, perClass)
	right, _, err := j.Metrics(context.Background(), pixels(t, others), labels, Whole, nil)
	require.NoError(t, err)

	// The head's classes 0 and 1 change places: the pool stays, the labels are wrong.
	swapped := slices.Clone(labels)
	for i, p := range swapped {
		if p < 2 {
			swapped[i] = 1 - p
		}
	}
	wrong, _, err := j.Metrics(context.Background(), pixels(t, others), swapped, Whole, nil)
	require.NoError(t, err)
	for _, group := range sweep.MetricGroups() {
		require.InEpsilon(t, right["fid."+group], wrong["fid."+group], 1e-9, group)
	}
	require.Less(t, wrong["label_accuracy.head"], right["label_accuracy.head"]-0.5)
	require.Equal(t, right["label_accuracy.tail"], wrong["label_accuracy.tail"])

	// A head class and a tail class change places: both groups' pools change.
	for i, p := range labels {
		switch p {
		case 0:
			swapped[i] = 9
		case 9:
			swapped[i] = 0
		default:
			swapped[i] = p
		}
	}
	moved, _, err := j.Metrics(context.Background(), pixels(t, others), swapped, Whole, nil)
	require.NoError(t, err)
	require.Greater(t, moved["fid.head"], 2*right["fid.head"])
	require.Greater(t, moved["fid.tail"], 2*right["fid.tail"])
	require.InEpsilon(t, right["fid.all"], moved["fid.all"], 1e-9)
	require.InEpsilon(t, right["fid.medium"], moved["fid.medium"], 1e-9)
}

func TestTooFewImagesHaveNoFID(t *testing.T) {
	j := openEvaluator(t)
	others, labels := part(t, 500, 42) // a head and a tail of 126, a medium of 168
	metrics, _, err := j.Metrics(context.Background(), pixels(t, others), labels, Whole, nil)
	require.NoError(t, err)
	require.NotContains(t, metrics, "fid.head")
	require.NotContains(t, metrics, "fid.tail")
	require.Contains(t, metrics, "fid.medium")
	require.Contains(t, metrics, "fid.all")
	require.Contains(t, metrics, "label_accuracy.tail")

	few, _ := part(t, 0, 42)
	small, err := newEvaluator(context.Background(), openGo(t), groups(longTail.Imbalance), few, nil, nil, 42, nil)
	require.NoError(t, err)
	defer small.Close()
	require.NotContains(t, small.Floor, "fid.head")
	more, labels := part(t, 500, perClass)
	metrics, _, err = small.Metrics(context.Background(), pixels(t, more), labels, Whole, nil)
	require.NoError(t, err)
	require.NotContains(t, metrics, "fid.head", "too few real ones")
	require.Contains(t, metrics, "fid.all")

	_, _, err = j.Metrics(context.Background(), pixels(t, others), labels, Whole, nil)
	require.ErrorContains(t, err, "420 images for 900 labels")
}

func TestAStepProfileHasNoMedium(t *testing.T) {
	real, labels := part(t, 0, perClass)
	step := sweep.Imbalance{Profile: sweep.ProfileStep, Factor: 0.1}
	j, err := newEvaluator(context.Background(), openGo(t), groups(step), real, nil, nil, perClass, nil)
	require.NoError(t, err)
	defer j.Close()
	metrics, _, err := j.Metrics(context.Background(), pixels(t, real), labels, Whole, nil)
	require.NoError(t, err)
	require.NotContains(t, metrics, "fid.medium")
	require.NotContains(t, metrics, "label_accuracy.medium")
	require.InDelta(t, 0, metrics["fid.head"], 1e-6, "the very images it learned")
}

// Copies of training images are distinguished from other samples, also when they are noisy.
func TestMemorised(t *testing.T) {
	j := openEvaluator(t)
	copies, labels := part(t, 0, trained)
	r := rand.New(rand.NewPCG(3, 4))
	images := pixels(t, copies)
	for i := range images {
		if i < len(images)/2 { // classes 0 to 4: the head and two of the medium
			images[i] = -images[i]
		} else {
			images[i] += float32(0.01 * r.NormFloat64())
		}
	}
	memorised := func(name string) bool { return familyOf(name) == "memorised_ratio" }
	m, _, err := j.Metrics(context.Background(), images, labels, Whole, memorised)
	require.NoError(t, err)
	require.Equal(t, map[string]float64{
		"memorised_ratio.all": 0.5, "memorised_ratio.head": 0, "memorised_ratio.medium": 0.5, "memorised_ratio.tail": 1,
	}, m)
}

func TestClassesHaveAFIDOfTheirOwn(t *testing.T) {
	const n = 128
	real, labels := part(t, 0, n)
	j, err := newEvaluator(context.Background(), openGo(t), groups(longTail.Imbalance), real, nil, nil, n, nil)
	require.NoError(t, err)
	defer j.Close()
	// Classes 0 and 9 change places.
	for i, p := range labels {
		if p == 0 || p == 9 {
			labels[i] = 9 - p
		}
	}
	m, _, err := j.Metrics(context.Background(), pixels(t, real), labels, Whole, func(name string) bool { return strings.HasPrefix(name, sweep.FIDClass) })
	require.NoError(t, err)
	require.Len(t, m, 10)
	require.Greater(t, m["fid.class.t-shirt"], 10.0)
	require.Greater(t, m["fid.class.ankle_boot"], 10.0)
	require.InDelta(t, 0, m["fid.class.bag"], 1e-6, "the very images")
}

// TestCAS trains on the right labels and on wrong ones.
func TestCAS(t *testing.T) {
	j := openEvaluator(t)
	others, labels := part(t, 500, 40)
	right, _, err := j.cas(context.Background(), pixels(t, others), labels, 40)
	require.NoError(t, err)
	require.Len(t, right, 4)
	again, _, err := j.cas(context.Background(), pixels(t, others), labels, 40)
	require.NoError(t, err)
	require.Equal(t, right, again)
	for i, p := range labels {
		labels[i] = 9 - p
	}
	wrong, _, err := j.cas(context.Background(), pixels(t, others), labels, 40)
	require.NoError(t, err)
	require.Greater(t, right["cas.tail"], 0.7)
	require.Less(t, wrong["cas.all"], right["cas.all"]-0.2)
}

func TestFeaturesFromAFile(t *testing.T) {
	real, _ := part(t, 0, 5)
	path := filepath.Join(t.TempDir(), "w.safetensors")
	weights, err := os.ReadFile("../features/weights/fashion-mnist-16.safetensors")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, weights, 0o600))
	j, err := newEvaluator(context.Background(), openGo(t), groups(longTail.Imbalance), real, nil, &sweep.Features{Path: path}, 5, nil)
	require.NoError(t, err)
	defer j.Close()
	require.Equal(t, openEvaluator(t).Features, j.Features)
	spec := tinySpec()
	spec.Evaluate.Features = &sweep.Features{Path: path}
	err = complete(&spec, &Result{Evaluation: sweep.Evaluation{Samples: 5, Real: 5}})
	require.ErrorContains(t, err, "metrics[0].name: was not measured, with 5 samples and 5 real images per class (fid.all)")

	_, err = newEvaluator(context.Background(), openGo(t), groups(longTail.Imbalance), real, nil, &sweep.Features{Path: path + "x"}, 5, nil)
	require.ErrorContains(t, err, "evaluate.features.path: features: stat ")
	var failure *sweep.FailureError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, sweep.FailBadData, failure.Class)
}
