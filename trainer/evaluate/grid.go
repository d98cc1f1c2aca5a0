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
)

// Layout of a grid, in pixels.
const (
	gridColumns = 10
	gridScale   = 3   // a sample's pixel
	gridGap     = 3   // between samples
	gridLabel   = 150 // width of a row's caption
	gridHeader  = 20  // height of the titles, where there are any
)

// WriteGrid writes the first samples of each class as a PNG. Each class is a row, the
// most frequent first, with its group and number of training images; each column has the
// same noise in every trial. m is the model that was evaluated.
func (r *Result) WriteGrid(path string, m *trainer.Model) error {
	about, err := m.Classes()
	if err != nil {
		return err
	}
	order := about.Groups.Classes(sweep.GroupAll)
	panels := []panel{{classes: order, images: r.images}}
	return writePanels(path, m.Spec.Dataset, about, min(gridColumns, r.Samples), r.Samples, panels)
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

func sampleGrid(ctx context.Context, m *trainer.Model, w float64, o GridOptions) ([]float32, error) {
	sampler, err := m.Sampler(sampleBatch)
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
	cell := d.Size*gridScale + gridGap
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
				paint(canvas, left+gridLabel+column*cell, top, d.Size, p.images[at:at+values])
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

// paint draws one sample `[S,S,I]` with values in [-1, 1].
func paint(canvas *image.RGBA, left, top, size int, values []float32) {
	channels, levels := len(values)/(size*size), dataset.Levels(values)
	for y := range size * gridScale {
		for x := range size * gridScale {
			pixel := levels[(y/gridScale*size+x/gridScale)*channels:][:channels]
			canvas.SetRGBA(left+x, top+y, color.RGBA{pixel[0], pixel[channels/2], pixel[channels-1], 255})
		}
	}
}
