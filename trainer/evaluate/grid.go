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

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

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
)

// WriteGrid writes the first samples of each class as a PNG: a row a class, the
// most frequent first, captioned with its group and training images; a column a
// noise, the same in every trial. m is the model that was evaluated.
func (r *Result) WriteGrid(path string, m *trainer.Model) error {
	about, err := m.Classes()
	if err != nil {
		return err
	}
	return writeGrid(path, m.Spec.Dataset, about, min(gridColumns, r.SamplesPerClass), r.SamplesPerClass, r.images)
}

// SampleGrid draws columns samples of each class from m with guidance scale w in
// steps denoising steps, and writes them as WriteGrid does.
func SampleGrid(ctx context.Context, m *trainer.Model, path string, w float64, steps, columns int) error {
	return trainer.Guard(func(string, ...any) {}, func() error {
		about, err := m.Classes()
		if err != nil {
			return err
		}
		sampler, err := m.Sampler(sampleBatch)
		if err != nil {
			return err
		}
		defer sampler.Close()
		images, err := sampler.Sample(ctx, pictures(m.Spec.Dataset.Classes(), columns), w, steps, nil)
		if err != nil {
			return err
		}
		return writeGrid(path, m.Spec.Dataset, about, columns, columns, images)
	})
}

// writeGrid draws the first columns of every perClass images `[C*perClass,S,S,K]`.
func writeGrid(path string, d sweep.Dataset, about dataset.About, columns, perClass int, images []float32) (err error) {
	counts, groups := about.Counts, about.Groups
	cell := d.Size*gridScale + gridGap
	canvas := image.NewRGBA(image.Rect(0, 0, gridLabel+columns*cell+gridGap, len(counts)*cell+gridGap))
	draw.Draw(canvas, canvas.Bounds(), image.White, image.Point{}, draw.Src)
	pixels := d.Size * d.Size * d.Channels()
	row := 0
	for _, group := range []string{sweep.GroupHead, sweep.GroupMedium, sweep.GroupTail} {
		for _, class := range groups.Classes(group) {
			top := gridGap + row*cell
			caption(canvas, top+cell/2-4, groupColor(group), fmt.Sprintf("%s (%d)", about.Classes[class], counts[class]))
			caption(canvas, top+cell/2+10, groupColor(group), group)
			for column := range columns {
				at := (class*perClass + column) * pixels
				paint(canvas, gridLabel+column*cell, top, d.Size, d.Channels(), images[at:at+pixels])
			}
			row++
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

// paint draws one sample `[S,S,K]`, values in [-1, 1]: RGB as it is, and grey with
// dark garments on white.
func paint(canvas *image.RGBA, left, top, size, channels int, values []float32) {
	for y := range size * gridScale {
		for x := range size * gridScale {
			at := (y/gridScale*size + x/gridScale) * channels
			level := func(channel int) uint8 { return uint8(255 * (min(max(values[at+channel], -1), 1) + 1) / 2) }
			c := color.RGBA{255 - level(0), 255 - level(0), 255 - level(0), 255}
			if channels == 3 {
				c = color.RGBA{level(0), level(1), level(2), 255}
			}
			canvas.SetRGBA(left+x, top+y, c)
		}
	}
}

func caption(canvas *image.RGBA, baseline int, c color.Color, text string) {
	d := font.Drawer{Dst: canvas, Src: image.NewUniform(c), Face: basicfont.Face7x13, Dot: fixed.P(6, baseline)}
	d.DrawString(text)
}

// groupColor tells head, medium and tail apart, also for the colour-blind.
func groupColor(group string) color.RGBA {
	switch group {
	case sweep.GroupHead:
		return color.RGBA{0, 90, 181, 255}
	case sweep.GroupTail:
		return color.RGBA{200, 60, 0, 255}
	}
	return color.RGBA{90, 90, 90, 255}
}
