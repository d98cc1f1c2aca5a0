package report

import (
	"fmt"
	"strings"
)

// The size of a figure in its own pixels, and of the margins around its plot.
const (
	figureWidth  = 640
	figureHeight = 400
	marginLeft   = 64
	marginRight  = 20
	marginTop    = 14
	marginBottom = 48
)

// figure is a chart that only needs to be written down. Everything drawn is a
// path with a class; style.css gives the classes their colours, so that one SVG
// serves light, dark and paper.
type figure struct {
	Title, Desc    string // for readers who cannot see the picture
	Caption        string // printed above it; may be empty
	XLabel, YLabel string
	XTicks, YTicks []tick
	Shapes         []shape
	Labels         []label
	Legend         []legendEntry
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

// Width and its like are for the template.
func (figure) Width() int  { return figureWidth }
func (figure) Height() int { return figureHeight }
func (figure) Left() int   { return marginLeft }
func (figure) Right() int  { return figureWidth - marginRight }
func (figure) Top() int    { return marginTop }
func (figure) Bottom() int { return figureHeight - marginBottom }

func xScale(values []float64) scale {
	return newScale(values, false, marginLeft, figureWidth-marginRight)
}

func yScale(values []float64, wantLog bool) scale {
	return newScale(values, wantLog, figureHeight-marginBottom, marginTop)
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
