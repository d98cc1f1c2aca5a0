package dataset

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

func longTail(size int, factor float64) sweep.Dataset {
	return sweep.Dataset{Name: sweep.FashionMNIST10k, Size: size, Imbalance: sweep.Imbalance{Profile: sweep.ProfileExp, Factor: factor}}
}

func load(t *testing.T, d sweep.Dataset) *Set {
	t.Helper()
	s, err := Load(d)
	require.NoError(t, err)
	return s
}

func TestLoadLongTail(t *testing.T) {
	s := load(t, longTail(28, 0.01))
	require.Equal(t, []int{1000, 599, 359, 215, 129, 77, 46, 27, 16, 10}, s.Counts)
	require.Equal(t, 2478, s.Len())
	require.Equal(t, 2478, s.Images.Len())
	got := make([]int, 10)
	for _, l := range s.Labels {
		got[l]++
	}
	require.Equal(t, s.Counts, got)
	require.True(t, slices.IsSorted(s.Labels), "ordered by class")
	pixels := pixelsOf(t, s)
	require.EqualValues(t, -1, slices.Min(pixels))
	require.EqualValues(t, 1, slices.Max(pixels))
	require.Equal(t, "ankle boot", s.Classes[9])
}

func TestSplitIsPinned(t *testing.T) {
	d := longTail(16, 0.01)
	first := load(t, d)
	require.Equal(t, digestOf(t, first), digestOf(t, load(t, d)))
	require.Equal(t, "1a857a956661985d0f27812293b9e5a9ffc625c69477ac5c2eae54ab5662ee96", digestOf(t, first), "another digest makes every trial of old checkpoints irreproducible")

	d.Imbalance.Seed = 1
	other := load(t, d)
	require.Equal(t, first.Counts, other.Counts)
	require.NotEqual(t, digestOf(t, first), digestOf(t, other))
}

func TestStrongerImbalanceKeepsAPart(t *testing.T) {
	weak, strong := load(t, longTail(16, 0.1)), load(t, longTail(16, 0.01))
	w, s := 0, 0
	for class := range weak.Counts {
		require.LessOrEqual(t, strong.Counts[class], weak.Counts[class])
		for i := range strong.Counts[class] {
			require.Equal(t, imageOf(t, weak, w+i), imageOf(t, strong, s+i))
		}
		w, s = w+weak.Counts[class], s+strong.Counts[class]
	}
}

func TestBalancedHasAllImages(t *testing.T) {
	d := longTail(28, 0.01)
	s, err := Balanced(d)
	require.NoError(t, err)
	require.Equal(t, slices.Repeat([]int{1000}, 10), s.Counts)

	pixels, labels, err := fashionTest.read(d)
	require.NoError(t, err)
	// Both are the same images if every class has the same sum of pixels.
	want, got := make([]float64, 10), make([]float64, 10)
	for i, l := range labels {
		for _, v := range pixels[i*side*side:][:side*side] {
			want[l] += float64(float32(v)/127.5 - 1)
		}
	}
	for i, l := range s.Labels {
		for _, v := range imageOf(t, s, i) {
			got[l] += float64(v)
		}
	}
	require.InDeltaSlice(t, want, got, 1e-6, "sums of 784,000 float64")
}

// Of fashion-mnist, all of whose images the built-in classifier was trained on, classifiers are
// tested on the test images.
func TestUnseen(t *testing.T) {
	test, err := Loader{}.Unseen(sweep.Dataset{Name: sweep.FashionMNIST, Path: "/nowhere", Size: 16})
	require.NoError(t, err)
	require.Equal(t, 10_000, test.Len())
}

func TestSize16IsPaddedAndAveraged(t *testing.T) {
	px := make([]byte, side*side)
	px[0] = 255       // pixel (0,0) lies at (2,2) of 32x32: a quarter of (1,1) of 16x16
	px[27*side] = 100 // (27,0) at (29,2): (14,1)
	px[26*side] = 20  // (26,0) at (28,2): the same
	got := make([]float32, 256)
	greyImage(got, px, 16)
	for i, v := range got {
		want := -1.0
		switch i {
		case 16 + 1:
			want = 255.0/4/127.5 - 1
		case 14*16 + 1:
			want = 120.0/4/127.5 - 1
		}
		require.InDelta(t, want, v, 1e-6, "pixel %d", i) // float32 rounding
	}
}

func TestGather(t *testing.T) {
	s := load(t, longTail(16, 0.01))
	images, labels, err := s.Gather([]int{2477, 0})
	require.NoError(t, err)
	require.Equal(t, []int32{9, 0}, labels)
	require.Equal(t, imageOf(t, s, 2477), images[:256])
	require.Equal(t, imageOf(t, s, 0), images[256:])
}

func TestLoadNamesTheField(t *testing.T) {
	none := sweep.Imbalance{Profile: sweep.ProfileNone}
	for want, d := range map[string]sweep.Dataset{
		`dataset.name: unknown dataset "mnist" (valid: fashion-mnist-10k, fashion-mnist, cifar-10, cifar-100, image-folder)`: {Name: "mnist", Size: 28, Imbalance: none},
		`dataset.size: 20 (valid: 28, 16)`:                       {Name: sweep.FashionMNIST10k, Size: 20, Imbalance: none},
		`dataset.size: 28 (valid: 32, 16)`:                       {Name: sweep.CIFAR100, Size: 28, Imbalance: none},
		`dataset.size: 257 (valid: 8 to 256)`:                    {Name: sweep.ImageFolder, Size: 257, Imbalance: none},
		`dataset.channels: 2 (valid: 1, 3)`:                      {Name: sweep.ImageFolder, Size: 64, FolderChannels: 2, Imbalance: none},
		`dataset.imbalance.factor: 0, want a number in (0, 1]`:   {Name: sweep.FashionMNIST10k, Size: 28, Imbalance: sweep.Imbalance{Profile: sweep.ProfileExp}},
		`unknown profile "linear" (valid: exp, step, none)`:      {Name: sweep.FashionMNIST10k, Size: 28, Imbalance: sweep.Imbalance{Profile: "linear"}},
		`dataset.imbalance.factor: 1.5, want a number in (0, 1]`: {Name: sweep.FashionMNIST10k, Size: 28, Imbalance: sweep.Imbalance{Profile: sweep.ProfileExp, Factor: 1.5}},
	} {
		_, err := Load(d)
		requireBadData(t, err, want)
	}
}

// requireBadData checks that err is a failure of class bad_data whose text contains want.
func requireBadData(t *testing.T, err error, want string) {
	t.Helper()
	require.ErrorContains(t, err, want)
	var failure *sweep.FailureError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, sweep.FailBadData, failure.Class)
}

func imageOf(t *testing.T, s *Set, i int) []float32 {
	t.Helper()
	image, err := s.Image(i)
	require.NoError(t, err)
	return image
}

// pixelsOf returns the values of all images of a set.
func pixelsOf(t *testing.T, s *Set) (values []float32) {
	t.Helper()
	for i := range s.Len() {
		values = append(values, imageOf(t, s, i)...)
	}
	return values
}

func digestOf(t *testing.T, s *Set) string {
	t.Helper()
	digest, err := s.Digest()
	require.NoError(t, err)
	return digest
}
