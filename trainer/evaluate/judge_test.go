package evaluate

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/diffusion"
)

// perClass real images are what the tests judge against: enough for a head and a
// tail of three classes to have a covariance in each half.
const perClass = 90

var longTail = sweep.Dataset{
	Name: sweep.FashionMNIST10k, Size: 16,
	Imbalance: sweep.Imbalance{Profile: sweep.ProfileExp, Factor: 0.01},
}

// part returns images from..from+n of each class of the balanced set, and what to
// ask for to get them.
func part(t *testing.T, from, n int) (*dataset.Set, []diffusion.Picture) {
	t.Helper()
	all, err := balanced()
	require.NoError(t, err)
	s := &dataset.Set{Name: all.Name, Size: all.Size, Classes: all.Classes, Counts: slices.Repeat([]int{n}, 10)}
	var asked []diffusion.Picture
	for class := range 10 {
		for i := range n {
			at := class*1000 + from + i
			s.Images = append(s.Images, all.Image(at)...)
			s.Labels = append(s.Labels, all.Labels[at])
			asked = append(asked, diffusion.Picture{Class: class, Index: i})
		}
	}
	return s, asked
}

var balanced = sync.OnceValues(func() (*dataset.Set, error) { return dataset.Balanced(longTail) })

// openJudge judges against few real images on backend go. The tests of this
// package share it; it is never closed.
func openJudge(t *testing.T) *Judge {
	t.Helper()
	real, _ := part(t, 0, perClass)
	sharedJudge.once.Do(func() {
		sharedJudge.judge, sharedJudge.err = newJudge(context.Background(), openGo(t), groups(longTail.Imbalance), real, nil)
	})
	require.NoError(t, sharedJudge.err)
	return sharedJudge.judge
}

func groups(im sweep.Imbalance) sweep.ClassGroups {
	return sweep.Groups(im.Profile, sweep.Counts(im, 10, 1000))
}

var sharedJudge struct {
	once  sync.Once
	judge *Judge
	err   error
}

var goBackend = sync.OnceValues(func() (*backend.Backend, error) { return backend.Open(backend.Go) })

// openGo shares one backend among the tests of this package; it is never closed.
func openGo(t *testing.T) *backend.Backend {
	t.Helper()
	b, err := goBackend()
	require.NoError(t, err)
	return b
}

func TestMetricsTellRealImagesFromNoise(t *testing.T) {
	j := openJudge(t)
	require.Equal(t, []int{0, 1, 2}, j.Groups.Head)
	others, asked := part(t, 500, perClass)
	good, err := j.Metrics(context.Background(), others.Images, asked)
	require.NoError(t, err)

	noise := make([]float32, len(others.Images))
	r := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = float32(max(-1, min(1, r.NormFloat64())))
	}
	bad, err := j.Metrics(context.Background(), noise, asked)
	require.NoError(t, err)

	for _, group := range groupNames {
		fid, accuracy := "fid."+group, "label_accuracy."+group
		require.Greater(t, good[accuracy], 0.75, group)
		require.Less(t, good[fid], j.Floor[fid]*2, "real images are near the floor of halves: %s", group)
		require.Greater(t, bad[fid], 5*good[fid], group)
	}
	require.Less(t, bad["label_accuracy.all"], 0.3)
	require.Len(t, good, 8, "nothing but fid.* and label_accuracy.* of four groups: %v", good)
}

func TestGroupsArePooled(t *testing.T) {
	j := openJudge(t)
	others, asked := part(t, 500, perClass)
	right, err := j.Metrics(context.Background(), others.Images, asked)
	require.NoError(t, err)

	// The head's classes 0 and 1 change places: the pool stays, the labels are wrong.
	swapped := slices.Clone(asked)
	for i, p := range swapped {
		if p.Class < 2 {
			swapped[i].Class = 1 - p.Class
		}
	}
	wrong, err := j.Metrics(context.Background(), others.Images, swapped)
	require.NoError(t, err)
	for _, group := range groupNames {
		require.InEpsilon(t, right["fid."+group], wrong["fid."+group], 1e-9, group)
	}
	require.Less(t, wrong["label_accuracy.head"], right["label_accuracy.head"]-0.5)
	require.Equal(t, right["label_accuracy.tail"], wrong["label_accuracy.tail"])

	// A head class and a tail class change places: both groups' pools change.
	for i, p := range asked {
		switch p.Class {
		case 0:
			swapped[i].Class = 9
		case 9:
			swapped[i].Class = 0
		default:
			swapped[i].Class = p.Class
		}
	}
	moved, err := j.Metrics(context.Background(), others.Images, swapped)
	require.NoError(t, err)
	require.Greater(t, moved["fid.head"], 2*right["fid.head"])
	require.Greater(t, moved["fid.tail"], 2*right["fid.tail"])
	require.InEpsilon(t, right["fid.all"], moved["fid.all"], 1e-9)
	require.InEpsilon(t, right["fid.medium"], moved["fid.medium"], 1e-9)
}

func TestTooFewImagesHaveNoFID(t *testing.T) {
	j := openJudge(t)
	others, asked := part(t, 500, 42) // a head and a tail of 126, a medium of 168
	metrics, err := j.Metrics(context.Background(), others.Images, asked)
	require.NoError(t, err)
	require.NotContains(t, metrics, "fid.head")
	require.NotContains(t, metrics, "fid.tail")
	require.Contains(t, metrics, "fid.medium")
	require.Contains(t, metrics, "fid.all")
	require.Contains(t, metrics, "label_accuracy.tail")

	few, _ := part(t, 0, 42)
	small, err := newJudge(context.Background(), openGo(t), groups(longTail.Imbalance), few, nil)
	require.NoError(t, err)
	defer small.Close()
	require.NotContains(t, small.Floor, "fid.head")
	more, asked := part(t, 500, perClass)
	metrics, err = small.Metrics(context.Background(), more.Images, asked)
	require.NoError(t, err)
	require.NotContains(t, metrics, "fid.head", "too few real ones")
	require.Contains(t, metrics, "fid.all")

	_, err = j.Metrics(context.Background(), others.Images, asked)
	require.ErrorContains(t, err, "420 images for 900 labels")
}

func TestAStepProfileHasNoMedium(t *testing.T) {
	real, asked := part(t, 0, perClass)
	step := sweep.Imbalance{Profile: sweep.ProfileStep, Factor: 0.1}
	j, err := newJudge(context.Background(), openGo(t), groups(step), real, nil)
	require.NoError(t, err)
	defer j.Close()
	metrics, err := j.Metrics(context.Background(), real.Images, asked)
	require.NoError(t, err)
	require.NotContains(t, metrics, "fid.medium")
	require.NotContains(t, metrics, "label_accuracy.medium")
	require.InDelta(t, 0, metrics["fid.head"], 1e-6, "the very images it learned")
}
