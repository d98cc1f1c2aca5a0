package generate

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/features"
)

const side = 8

// flat is an image of one grey level, with one pixel of another.
func flat(level byte, at int, other byte) []byte {
	p := slices.Repeat([]byte{level}, side*side)
	p[at] = other
	return p
}

// set is a set of 2 classes with these images.
func set(images map[int][][]byte) *dataset.Set {
	s := &dataset.Set{Name: sweep.ImageFolder, Size: side, Channels: 1, About: dataset.About{Classes: []string{"a", "b"}, Counts: make([]int, 2)}}
	var all []float32
	for class := range 2 {
		for _, p := range images[class] {
			all, s.Labels = append(all, dataset.Values(p)...), append(s.Labels, class)
			s.Counts[class]++
		}
	}
	s.Images = dataset.InMemory(all, side*side)
	return s
}

// ladder is n images whose neighbours are step grey levels apart.
func ladder(n, from, step int) (images [][]byte) {
	for i := range n {
		images = append(images, slices.Repeat([]byte{byte(from + i*step)}, side*side))
	}
	return images
}

func TestDistancesAreInGreyLevels(t *testing.T) {
	of := func(levels ...[]byte) dataset.Images {
		return dataset.InMemory(dataset.Values(slices.Concat(levels...)), side*side)
	}
	first, second, err := nearest(of(flat(10, 0, 10)), of(flat(50, 0, 50), flat(13, 0, 13)), side*side)
	require.NoError(t, err)
	require.Equal(t, []float64{3}, first)
	require.Equal(t, []float64{40}, second)
	require.Equal(t, 3.0, thumbs{thumb(flat(50, 0, 50), side), thumb(flat(13, 0, 13), side)}.closest(thumb(flat(10, 0, 10), side), -1))
	require.Equal(t, thumb(flat(10, 0, 10), side), flat(10, 0, 10), "at 8 pixels the means are the image")
	wide := make([]byte, 28*28*3)
	for i := range wide {
		wide[i] = byte(i % 3) // channels stay apart
	}
	require.Equal(t, []byte{0, 1, 2, 0, 1, 2}, thumb(wide, 28)[:6])
}

func TestThumbsAreRounded(t *testing.T) {
	const size = 16
	image := make([]byte, size*size)
	image[0], image[1], image[size] = 1, 1, 1 // three of four pixels of the first cell
	image[2] = 1                              // one of the second
	require.Equal(t, []byte{1, 0, 0}, thumb(image, size)[:3])
}

// Each image of a batch has its own verdict, probability and distance.
func TestCheckIsOfOneImage(t *testing.T) {
	in := &inspector{gates: []string{sweep.GateLabel}, classifier: &features.Extractor{}, training: dataset.InMemory(make([]float32, 1), 1), thresholds: make([]Threshold, 2)}
	batch := looked{
		found: features.Output{Predictions: []int{0, 1}, Probabilities: []float64{0.25, 0.75}}, first: []float64{3, 5}, second: []float64{4, 6},
		pixels: [][]byte{{0}, {0}},
	}
	require.Equal(t, checked{label: 0, probability: 0.25, nearest: 3, reasons: []string{sweep.GateLabel}}, in.check(batch, 0, 1))
	require.Equal(t, checked{label: 1, probability: 0.75, nearest: 5}, in.check(batch, 1, 1))
}

// A class with more than is wanted, after a call for more, does not make up for another one.
func TestMissingIsOfEachClass(t *testing.T) {
	d := &drawing{tally: []Class{{Wanted: 5, Kept: 9}, {Wanted: 5, Kept: 2}}}
	require.Equal(t, 3, d.missing())
	d = &drawing{Options: Options{Attempts: 3}, tally: []Class{{Wanted: 5, Kept: 9, Drawn: 10}, {Wanted: 5, Kept: 2, Drawn: 4}, {Wanted: 5, Kept: 2, Drawn: 15}}}
	require.Equal(t, 11, d.possible(), "of the class that may still get images")
}

func TestLeastQuantile(t *testing.T) {
	var values []float64
	for i := range 200 {
		values = append(values, float64(200-i))
	}
	require.Equal(t, 2.0, leastQuantile(values, 0.01))
	require.Equal(t, 101.0, leastQuantile(values[:100], 0.01), "the smallest of 100")
	require.Equal(t, 200.0, leastQuantile(values[:1], 0.01))
}

// A class with 100 held-out images has its threshold from them; a class with 100 training
// images from these; a smaller class from all.
func TestThresholds(t *testing.T) {
	training := set(map[int][][]byte{0: ladder(100, 0, 2), 1: ladder(2, 230, 20)}) // 230 and 250
	in := inspectorOf(t, sweep.Dataset{Size: side}, training.Classes, sweep.ImageGates(), nil, Real{Training: training})
	require.Equal(t, Threshold{NearCopy: 2, NearCopyImages: 100, Duplicate: 2, DuplicateReal: 100}, in.thresholds[0])
	require.Equal(t, Threshold{NearCopy: 2, NearCopyImages: 102, Duplicate: 2, DuplicateReal: 102}, in.thresholds[1], "2 images cannot show what is rare")

	var others [][]byte // at 1 from a training image, but for the pixel
	for i := range 100 {
		others = append(others, flat(byte(2*i+1), i%64, byte(2*i+2)))
	}
	balanced := set(map[int][][]byte{0: append(others, ladder(100, 0, 2)...), 1: ladder(2, 230, 20)})
	in = inspectorOf(t, sweep.Dataset{Size: side}, training.Classes, sweep.ImageGates(), nil, Real{Training: training, Balanced: balanced})
	require.Equal(t, 100, in.thresholds[0].NearCopyImages, "the held-out images alone")
	require.InDelta(t, 0.99, in.thresholds[0].NearCopy, 0.02)
	require.Equal(t, 200, in.thresholds[0].DuplicateReal)

	// Copies among the training images count once.
	double := set(map[int][][]byte{0: append(ladder(100, 0, 2), ladder(100, 0, 2)...), 1: ladder(2, 230, 20)})
	in = inspectorOf(t, sweep.Dataset{Size: side}, double.Classes, sweep.ImageGates(), nil, Real{Training: double})
	require.Equal(t, Threshold{NearCopy: 2, NearCopyImages: 100, Duplicate: 2, DuplicateReal: 100}, in.thresholds[0])
}

func TestGates(t *testing.T) {
	training := set(map[int][][]byte{0: ladder(100, 0, 2), 1: ladder(2, 210, 45)}) // 210 and 255
	in := inspectorOf(t, sweep.Dataset{Size: side}, training.Classes, []string{sweep.GateNearCopy, sweep.GateDuplicate}, nil, Real{Training: training})
	check := func(class int, pixels ...[]byte) (reasons [][]string, distances []float64) {
		b, err := in.look(t.Context(), dataset.Values(slices.Concat(pixels...)), len(pixels))
		require.NoError(t, err)
		for i := range pixels {
			c := in.check(b, i, class)
			reasons, distances = append(reasons, c.reasons), append(distances, c.nearest)
		}
		return reasons, distances
	}
	reasons, distances := check(1, flat(212, 0, 212), flat(225, 0, 225), flat(233, 0, 233), flat(234, 0, 234), flat(236, 0, 236))
	require.Equal(t, []float64{2, 15, 22, 21, 19}, distances)
	require.Equal(t, []string{sweep.GateNearCopy}, reasons[0], "as near as real images are only rarely")
	require.Nil(t, reasons[1], "15 is more than a third of 27, the distance to 198")
	require.Nil(t, reasons[2])
	require.Equal(t, []string{sweep.GateDuplicate}, reasons[3], "of one of the same call")
	require.Nil(t, reasons[4], "3 from the nearest")
	reasons, _ = check(1, flat(237, 0, 237))
	require.Equal(t, [][]string{{sweep.GateDuplicate}}, reasons, "of one of an earlier call")
	reasons, _ = check(0, flat(237, 0, 237), flat(237, 0, 237))
	require.Equal(t, [][]string{nil, {sweep.GateDuplicate}}, reasons, "another class has its own")
	reasons, distances = check(1, flat(247, 0, 247))
	require.Equal(t, []float64{8}, distances)
	require.Equal(t, [][]string{{sweep.GateNearCopy}}, reasons, "8 is less than a third of the second distance of 37")

	// Without real images nothing but a copy is a duplicate.
	in = inspectorOf(t, sweep.Dataset{Size: side}, training.Classes, []string{sweep.GateDuplicate}, nil, Real{})
	reasons, _ = check(0, flat(100, 0, 100), flat(101, 0, 101), flat(100, 0, 100))
	require.Equal(t, [][]string{nil, nil, {sweep.GateDuplicate}}, reasons)
}

// One training image alone has no second distance, and is no reason to refuse everything.
func TestOneTrainingImage(t *testing.T) {
	training := set(map[int][][]byte{0: {flat(10, 0, 10)}})
	in := inspectorOf(t, sweep.Dataset{Size: side}, training.Classes, sweep.ImageGates()[1:], nil, Real{Training: training})
	require.Equal(t, Threshold{}, in.thresholds[0])
	b, err := in.look(t.Context(), dataset.Values(slices.Concat(flat(10, 0, 10), flat(90, 0, 90))), 2)
	require.NoError(t, err)
	require.Equal(t, []string{sweep.GateNearCopy}, in.check(b, 0, 0).reasons)
	require.Nil(t, in.check(b, 1, 0).reasons)
}

func TestChooseGates(t *testing.T) {

	gone := errors.New("gone")
	gates, missing, err := chooseGates(nil, nil, gone)
	require.NoError(t, err)
	require.Equal(t, []string{sweep.GateLabel, sweep.GateDuplicate}, gates)
	require.Len(t, missing, 1)
	_, _, err = chooseGates([]string{sweep.GateNearCopy}, nil, gone)
	require.EqualError(t, err, "gate near_copy cannot be applied: gone (valid: --gates none)")
	gates, missing, err = chooseGates([]string{}, gone, gone)
	require.NoError(t, err)
	require.Empty(t, gates)
	require.Empty(t, missing)
	gates, _, err = chooseGates([]string{sweep.GateDuplicate, sweep.GateLabel}, nil, gone)
	require.NoError(t, err)
	require.Equal(t, []string{sweep.GateLabel, sweep.GateDuplicate}, gates, "in one order")
}

func inspectorOf(t *testing.T, d sweep.Dataset, classes, gates []string, classifier *features.Extractor, real Real) *inspector {
	t.Helper()
	in, err := newInspector(d, classes, gates, classifier, real)
	require.NoError(t, err)
	return in
}
