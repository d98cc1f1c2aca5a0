package evaluate

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/precheck"
)

// Layout of a grid, in pixels.
const (
	gridColumns = 10
	gridScale   = 3   // most pixels a side of a sample's pixel
	gridSide    = 192 // see dataset.CellSide
	gridGap     = 3   // between samples
	gridLabel   = 150 // width of a row's caption
	gridHeader  = 20  // height of the titles, where there are any
)

// A grid that is stored with a trial is bounded. Noise does not compress: its PNG has a byte
// for each value of the samples.
const (
	gridValues = 24 << 20 // of all samples
	gridPixels = 32 << 20 // of the picture
)

// A grid of `tailsweep sample` is bounded by the memory that it takes: a GiB for the samples, and
// one for the picture.
const (
	sampledValues = 1 << 28
	sampledPixels = 1 << 28
)

// side is the side of a sample of size pixels in a grid.
func side(size int) int { return dataset.CellSide(size, min(gridSide, gridScale*size)) }

// gridRows is how many classes are in a grid that is stored.
func gridRows(d sweep.Dataset, columns int) int {
	cell, drawn := side(d.Size)+gridGap, min(d.Size, side(d.Size))
	return min(gridPixels/(cell*(gridLabel+columns*cell)), gridValues/(columns*drawn*drawn*d.Channels()))
}

// spread returns at most n of the classes, spread evenly.
func spread(classes []int, n int) (some []int) {
	n = min(n, len(classes))
	for k := range n {
		some = append(some, classes[k*len(classes)/n])
	}
	return some
}

// WriteGrid writes the first samples of each class as a PNG. Each class is a row, the
// most frequent first, with its group and number of training images; each column has the
// same noise in every trial of the built-in trainer. Of very many classes it shows some.
func (r *Result) WriteGrid(path string) error {
	columns := min(gridColumns, r.Samples)
	classes := spread(r.about.Groups.Classes(sweep.GroupAll), gridRows(r.dataset, columns))
	return writePanels(path, r.dataset, r.about, columns, r.Samples, []panel{{classes: classes, images: r.images}})
}

// Layout is an arrangement of samples by SampleGrids.
type Layout string

// The layouts: the classes one below the other, or the head next to the tail.
const (
	LayoutClasses  Layout = "classes"
	LayoutHeadTail Layout = "head-tail"
)

// GridOptions configures SampleGrids.
type GridOptions struct {
	Guidance []float64 // scale of each model
	Titles   []string  // above each model's samples; "" for none
	Steps    int       // of denoising
	Columns  int       // samples of each class
	Layout   Layout
}

// SampleGrids draws samples of each class from one or several models of one
// dataset, with the same noise, and writes them side by side as a PNG.
func SampleGrids(ctx context.Context, models []*trainer.Model, path string, o GridOptions) error {
	return trainer.Guard(func(string, ...any) {}, func() error {
		d := models[0].Spec.Dataset
		about, err := models[0].Classes()
		if err != nil {
			return err
		}
		groups := about.Groups
		sets := [][]int{slices.Concat(groups.Head, groups.Medium, groups.Tail)}
		if o.Layout == LayoutHeadTail {
			sets = [][]int{groups.Head, groups.Tail}
		}
		if err := checkGrid(d, o, len(models), sets); err != nil {
			return err
		}
		var panels []panel
		for i, m := range models {
			if own := m.Spec.Dataset; own.Name != d.Name || own.Size != d.Size {
				return fmt.Errorf("sample grid: models of %s at %d pixels and of %s at %d", d.Name, d.Size, own.Name, own.Size)
			}
			same := *m // with one noise, whatever its own spec says
			same.Spec.Evaluate.Seed = models[0].Spec.Evaluate.Seed
			images, err := sampleGrid(ctx, &same, o.Guidance[i], o)
			if err != nil {
				return err
			}
			for _, classes := range sets {
				panels = append(panels, panel{title: o.Titles[i], classes: classes, images: images})
			}
		}
		return writePanels(path, d, about, o.Columns, o.Columns, panels)
	})
}

// checkGrid returns an error for a grid of n models that takes more memory than a machine has to
// spare.
func checkGrid(d sweep.Dataset, o GridOptions, n int, sets [][]int) error {
	cell, rows := int64(side(d.Size)+gridGap), 0
	for _, classes := range sets {
		rows = max(rows, len(classes))
	}
	values := int64(n*d.Classes()*d.Size) * int64(d.Size*d.Channels()) // of a column
	pixels := int64(n*len(sets)*rows) * cell * cell
	if most := min(sampledValues/values, sampledPixels/pixels); int64(o.Columns) > most {
		advice := fmt.Sprintf("--columns %d or fewer", most)
		if most == 0 {
			advice = "fewer checkpoints, or `tailsweep generate` with --class"
		}
		return precheck.BadData(fmt.Errorf("--columns %d: %d samples of %d pixels do not fit in a grid (valid: %s)", o.Columns, n*d.Classes()*o.Columns, d.Size, advice))
	}
	return nil
}

func sampleGrid(ctx context.Context, m *trainer.Model, w float64, o GridOptions) ([]float32, error) {
	sampler, err := m.Sampler(dataset.Batch(sampleBatch, m.Spec.Dataset.Size))
	if err != nil {
		return nil, err
	}
	defer sampler.Close()
	return sampler.Sample(ctx, sampleIDs(m.Spec.Dataset.Classes(), 0, o.Columns), w, o.Steps, nil)
}

// panel is a block of rows, a class each, from images `[C*perClass,S,S,I]`.
type panel struct {
	title   string
	classes []int
	images  []float32
}

// writePanels draws panels side by side.
func writePanels(path string, d sweep.Dataset, about dataset.About, columns, perClass int, panels []panel) (err error) {
	counts, groups := about.Counts, about.Groups
	cell := side(d.Size) + gridGap
	rows, header := 0, 0
	for _, p := range panels {
		rows = max(rows, len(p.classes))
		if p.title != "" {
			header = gridHeader
		}
	}
	width := gridLabel + columns*cell + gridGap
	canvas := image.NewRGBA(image.Rect(0, 0, width*len(panels), header+rows*cell+gridGap))
	draw.Draw(canvas, canvas.Bounds(), image.White, image.Point{}, draw.Src)
	for i, p := range panels {
		left := i * width
		dataset.Caption(canvas, left, gridHeader-7, width, color.Black, p.title, "")
		values := len(p.images) / (len(counts) * perClass)
		for row, class := range p.classes {
			top := header + gridGap + row*cell
			group := groups.Of(class)
			caption := func(baseline int, text, instead string) {
				dataset.Caption(canvas, left, baseline, gridLabel, dataset.GroupColour(group), text, instead)
			}
			caption(top+cell/2-4, fmt.Sprintf("%s (%d)", about.Classes[class], counts[class]), fmt.Sprintf("class %d (%d)", class, counts[class]))
			caption(top+cell/2+10, group, "")
			for column := range columns {
				at := (class*perClass + column) * values
				dataset.DrawCell(canvas, left+gridLabel+column*cell, top, side(d.Size), d.Size, p.images[at:at+values])
			}
		}
	}
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("sample grid: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := png.Encode(f, canvas); err != nil {
		return fmt.Errorf("sample grid %s: %w", path, err)
	}
	return nil
}
