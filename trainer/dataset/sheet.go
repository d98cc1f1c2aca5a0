package dataset

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
)

// Layout of a sheet, in pixels.
const (
	sheetGap     = 3   // between images
	sheetCaption = 190 // width of a row's caption
	sheetCell    = 64  // see CellSide
	sheetRows    = 20  // classes of a group; of more, those spread evenly over it
)

// Sheet draws the first columns images of each class: one row per class, head, medium and
// tail, captioned with the class's number, name and number of images.
func (s *Set) Sheet(columns int) (image.Image, error) {
	type row struct {
		class int
		group string
	}
	var rows []row
	for _, group := range sweep.GroupList() {
		classes := s.Groups.Classes(group)
		shown := min(len(classes), sheetRows)
		for k := range shown {
			rows = append(rows, row{classes[k*len(classes)/shown], group})
		}
	}
	side := CellSide(s.Size, sheetCell)
	cell := side + sheetGap
	canvas := image.NewRGBA(image.Rect(0, 0, sheetCaption+columns*cell+sheetGap, len(rows)*cell+sheetGap))
	draw.Draw(canvas, canvas.Bounds(), image.White, image.Point{}, draw.Src)
	for k, r := range rows {
		top := sheetGap + k*cell
		write := func(baseline int, text, instead string) {
			Caption(canvas, 0, baseline, sheetCaption, GroupColour(r.group), text, instead)
		}
		write(top+cell/2-4, fmt.Sprintf("%d %s", r.class, s.Classes[r.class]), fmt.Sprintf("class %d", r.class))
		write(top+cell/2+10, fmt.Sprintf("%s, %d images", r.group, s.Counts[r.class]), "")
		first := slices.Index(s.Labels, r.class)
		for column := range min(columns, s.Counts[r.class]) {
			px, err := s.Image(first + column)
			if err != nil {
				return nil, err
			}
			DrawCell(canvas, sheetCaption+column*cell, top, side, s.Size, px)
		}
	}
	return canvas, nil
}

// GroupColour returns the colour of a group in images for people. Colour-blind readers can
// distinguish the colours too.
func GroupColour(group string) color.RGBA {
	switch group {
	case sweep.GroupHead:
		return color.RGBA{0, 90, 181, 255}
	case sweep.GroupTail:
		return color.RGBA{200, 60, 0, 255}
	}
	return color.RGBA{90, 90, 90, 255}
}
