package evaluate

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer"
	"github.com/tailsweep/tailsweep/trainer/dataset"
)

var regen = flag.Bool("regen", false, "write testdata/grid.png again")

func readPNG(t *testing.T, path string) image.Image {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	img, err := png.Decode(bytes.NewReader(data))
	require.NoError(t, err)
	return img
}

func describe(t *testing.T, d sweep.Dataset) dataset.About {
	t.Helper()
	about, err := dataset.Describe(d)
	require.NoError(t, err)
	return about
}

// TestGridGolden draws three real images of each class; testdata/grid.png was
// looked at by a person.
func TestGridGolden(t *testing.T) {
	const n = 3
	some, _ := part(t, 0, n)
	r := Result{Evaluation: sweep.Evaluation{Samples: n}, dataset: longTail, about: describe(t, longTail), images: pixels(t, some)}
	path := filepath.Join(t.TempDir(), "grid.png")
	require.NoError(t, r.WriteGrid(path))
	golden := filepath.Join("testdata", "grid.png")
	if *regen {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(golden, data, 0o600))
	}
	want, got := readPNG(t, golden), readPNG(t, path)
	require.Equal(t, want.Bounds(), got.Bounds())
	require.Equal(t, want, got)
}

func TestGridHasARowAClassByFrequency(t *testing.T) {
	d := longTail
	d.Imbalance = sweep.Imbalance{Profile: sweep.ProfileStep, Factor: 0.1}
	const perClass, columns = 12, gridColumns
	size := d.Size * d.Size
	images := make([]float32, 10*perClass*size)
	for i := range images {
		images[i] = 2*float32(i/size/perClass)/9 - 1 // a class is one grey
	}
	path := filepath.Join(t.TempDir(), "grid.png")
	r := Result{Evaluation: sweep.Evaluation{Samples: perClass}, dataset: d, about: describe(t, d), images: images}
	require.NoError(t, r.WriteGrid(path))
	img := readPNG(t, path)
	cell := d.Size*gridScale + gridGap
	require.Equal(t, image.Rect(0, 0, gridLabel+columns*cell+gridGap, 10*cell+gridGap), img.Bounds())
	for row := range 10 {
		grey := dataset.Levels(images[row*perClass*size:][:1])[0]
		for _, column := range []int{0, columns - 1} {
			at := img.At(gridLabel+column*cell+5, gridGap+row*cell+5)
			require.Equal(t, color.RGBA{grey, grey, grey, 255}, at, "row %d", row)
		}
	}
}

// TestPanelsGolden draws the head next to the tail, of two sets of samples;
// testdata/panels.png was looked at by a person.
func TestPanelsGolden(t *testing.T) {
	const n = 2
	one, _ := part(t, 0, n)
	other, _ := part(t, 10, n)
	about, err := dataset.Describe(longTail)
	require.NoError(t, err)
	groups := about.Groups
	panels := []panel{
		{title: "trial 0 (baseline)", classes: groups.Head, images: pixels(t, one)}, {title: "trial 0 (baseline)", classes: groups.Tail, images: pixels(t, one)},
		{title: "trial 7", classes: groups.Head, images: pixels(t, other)}, {title: "trial 7", classes: groups.Tail, images: pixels(t, other)},
	}
	path := filepath.Join(t.TempDir(), "panels.png")
	require.NoError(t, writePanels(path, longTail, about, n, n, panels))
	golden := filepath.Join("testdata", "panels.png")
	if *regen {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(golden, data, 0o600))
	}
	require.Equal(t, readPNG(t, golden), readPNG(t, path))
}

// A grid has the levels that `generate` writes: rounded, and white where a grey sample is 1.
func TestPaint(t *testing.T) {
	for _, c := range []struct {
		values []float32
		want   color.RGBA
	}{
		{[]float32{1, -1, 0}, color.RGBA{255, 0, 128, 255}},
		{[]float32{0.999}, color.RGBA{255, 255, 255, 255}},
		{[]float32{-0.5}, color.RGBA{64, 64, 64, 255}},
	} {
		canvas := image.NewRGBA(image.Rect(0, 0, gridScale, gridScale))
		dataset.DrawCell(canvas, 0, 0, gridScale, 1, c.values)
		require.Equal(t, c.want, canvas.At(0, 0))
	}
}

// Two models of one training have the same samples; another scale has others.
func TestSampleGridsShareTheNoise(t *testing.T) {
	dir := train(t)
	open := func() *trainer.Model {
		m, err := Open(openGo(t), dir)
		require.NoError(t, err)
		t.Cleanup(m.Close)
		return m
	}
	two := []*trainer.Model{open(), open()}
	two[1].Spec.Evaluate.Seed++
	path := filepath.Join(t.TempDir(), "two.png")
	halves := func(w float64) (left, right image.Image) {
		o := GridOptions{Guidance: []float64{1, w}, Titles: []string{"", ""}, Steps: 2, Columns: 1, Layout: LayoutClasses}
		require.NoError(t, SampleGrids(t.Context(), two, path, o))
		img := readPNG(t, path).(*image.RGBA)
		at := img.Bounds().Dx() / 2
		return img.SubImage(image.Rect(0, 0, at, img.Bounds().Dy())), img.SubImage(image.Rect(at, 0, 2*at, img.Bounds().Dy()))
	}
	same := func(a, b image.Image) bool {
		for y := range a.Bounds().Dy() {
			for x := range a.Bounds().Dx() {
				if a.At(x, y) != b.At(b.Bounds().Min.X+x, y) {
					return false
				}
			}
		}
		return true
	}
	left, right := halves(1)
	require.True(t, same(left, right))
	left, right = halves(4)
	require.False(t, same(left, right))

	two[1].Spec.Dataset.Size = 28
	err := SampleGrids(t.Context(), two, path, GridOptions{Guidance: []float64{1, 1}, Titles: []string{"", ""}, Steps: 2, Columns: 1})
	require.ErrorContains(t, err, "models of fashion-mnist-10k at 16 pixels and of fashion-mnist-10k at 28")
}

// A grid that would take gigabytes is refused before a sample is drawn.
func TestASampledGridIsBounded(t *testing.T) {
	check := func(size, classes, columns, models int) error {
		d := sweep.Dataset{Name: sweep.ImageFolder, Size: size, FolderChannels: 3, FolderClasses: classes}
		return checkGrid(d, GridOptions{Columns: columns}, models, [][]int{make([]int, classes)})
	}
	require.NoError(t, check(28, 10, 100, 6))
	require.NoError(t, check(64, 1000, 7, 1))
	require.ErrorContains(t, check(64, 1000, 8, 1), "--columns 8: 8000 samples of 64 pixels do not fit in a grid (valid: --columns 7 or fewer)")
	require.NoError(t, check(256, 10, 100, 1))
	require.ErrorContains(t, check(256, 10, 100, 2), "(valid: --columns 68 or fewer)")
	require.ErrorContains(t, check(256, 10000, 1, 1), "(valid: fewer checkpoints, or `tailsweep generate` with --class)")
}

// A grid of large or many images stays below what the archive takes, with samples of noise.
func TestTheStoredGridIsBounded(t *testing.T) {
	for size, want := range map[int]int{16: 10, 28: 10, 64: 10, 65: 10, 128: 10, 200: 10, 256: 10} {
		d := sweep.Dataset{Name: sweep.ImageFolder, Size: size, FolderChannels: 3, FolderClasses: 1000}
		rows := gridRows(d, gridColumns)
		require.Greater(t, rows, 2*want, "size %d", size)
		require.LessOrEqual(t, gridColumns*rows*min(size, side(size))*min(size, side(size))*3, gridValues)
	}
	require.Equal(t, []int{0, 3, 6}, spread([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 3))
	require.Equal(t, []int{0, 1}, spread([]int{0, 1}, 3))
	require.Equal(t, []int{24, 84, 192, 130, 128, 128}, []int{side(8), side(28), side(64), side(65), side(128), side(256)})

	const n = 2
	d := sweep.Dataset{Name: sweep.ImageFolder, Size: 256, FolderChannels: 3, FolderClasses: 2}
	about := dataset.About{Classes: []string{"a", "b"}, Counts: []int{5, 3}, Groups: sweep.ClassGroups{Head: []int{0}, Tail: []int{1}}}
	images := make([]float32, 2*n*256*256*3)
	for i := range images {
		images[i] = -1
		if i%3 == 0 && i/3%256 >= 128 {
			images[i] = 1 // the right half is red
		}
	}
	path := filepath.Join(t.TempDir(), "grid.png")
	require.NoError(t, writePanels(path, d, about, n, n, []panel{{classes: []int{0, 1}, images: images}}))
	img := readPNG(t, path)
	require.Equal(t, image.Rect(0, 0, gridLabel+n*131+gridGap, 2*131+gridGap), img.Bounds())
	require.Equal(t, color.RGBA{0, 0, 0, 255}, img.At(gridLabel+131+30, gridGap+131+64))
	require.Equal(t, color.RGBA{255, 0, 0, 255}, img.At(gridLabel+131+100, gridGap+131+64))
}
