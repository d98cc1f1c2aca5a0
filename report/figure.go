package report

import (
	"fmt"
	"strings"
)

// frame is the size of a figure in its own pixels, and the sides of its plot.
type frame struct{ Width, Height, Left, Right, Top, Bottom float64 }

var (
	figureFrame = frame{Width: 640, Height: 400, Left: 64, Right: 620, Top: 14, Bottom: 352}
	panelFrame  = frame{Width: 270, Height: 180, Left: 58, Right: 256, Top: 8, Bottom: 154}
)

func (f frame) x(values []float64) scale { return newScale(values, false, f.Left, f.Right) }

func (f frame) y(values []float64, wantLog bool) scale {
	return newScale(values, wantLog, f.Bottom, f.Top)
}

// figure is a chart, ready to be written. Everything drawn is a path with a class, and
// style.css gives the classes their colours for light, dark and paper.
type figure struct {
	frame
	Title, Desc    string // for readers who cannot see the picture
	Caption        string // printed above it; may be empty
	XLabel, YLabel string // may be empty
	XTicks, YTicks []tick
	Shapes         []shape
	Labels         []label
	Legend         []legendEntry // may be empty
}

// shape is one path; Tip is shown when the mouse rests on it.
type shape struct {
	Path, Class, Tip string
}

// label is text beside a mark.
type label struct {
	X, Y, Anchor, Text string
}

// legendEntry explains one class; Path is a sample in a box of 24 by 14.
type legendEntry struct {
	Path, Class, Text string
}

// The marks; size is half the width in pixels. They differ in form, not only in
// colour.
func circle(x, y, size float64) string {
	return fmt.Sprintf("M%s %sa%[3]s %[3]s 0 1 0 %[4]s 0a%[3]s %[3]s 0 1 0 -%[4]s 0Z", px(x-size), px(y), px(size), px(2*size))
}

func diamond(x, y, size float64) string {
	return fmt.Sprintf("M%s %sL%s %sL%s %sL%s %sZ", px(x-size), px(y), px(x), px(y-size), px(x+size), px(y), px(x), px(y+size))
}

func star(x, y, size float64) string {
	// A four-pointed star whose inner corners lie at a third of its size.
	in := size / 3
	return fmt.Sprintf("M%s %sL%s %sL%s %sL%s %sL%s %sL%s %sL%s %sL%s %sZ",
		px(x), px(y-size), px(x+in), px(y-in), px(x+size), px(y), px(x+in), px(y+in),
		px(x), px(y+size), px(x-in), px(y+in), px(x-size), px(y), px(x-in), px(y-in))
}

// polyline joins points, given in pixels.
func polyline(points [][2]float64) string {
	var b strings.Builder
	for i, p := range points {
		op := "L"
		if i == 0 {
			op = "M"
		}
		b.WriteString(op + px(p[0]) + " " + px(p[1]))
	}
	return b.String()
}

// stairs joins points by horizontal, then vertical strokes.
func stairs(points [][2]float64) string {
	var b strings.Builder
	for i, p := range points {
		if i == 0 {
			b.WriteString("M" + px(p[0]) + " " + px(p[1]))
			continue
		}
		b.WriteString("H" + px(p[0]) + "V" + px(p[1]))
	}
	return b.String()
}
