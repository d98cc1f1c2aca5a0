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

// label is text next to a mark.
type label struct {
	X, Y, Anchor, Text string
}

// legendEntry explains one class; Path is a sample in a box of 24 by 14.
type legendEntry struct {
	Path, Class, Text string
}

// lineEntry explains a class of lines.
func lineEntry(class, text string) legendEntry { return legendEntry{"M1 7H23", "line " + class, text} }

// The marks; size is half the width in pixels. They differ in form, not only in
// colour.
func circle(x, y, size float64) string {
	return fmt.Sprintf("M%s %sa%[3]s %[3]s 0 1 0 %[4]s 0a%[3]s %[3]s 0 1 0 -%[4]s 0Z", px(x-size), px(y), px(size), px(2*size))
}

func diamond(x, y, size float64) string {
	return polygon(x, y, point{-size, 0}, point{0, -size}, point{size, 0}, point{0, size})
}

// star has four points; its inner corners are at a third of its size.
func star(x, y, size float64) string {
	in := size / 3
	return polygon(x, y, point{0, -size}, point{in, -in}, point{size, 0}, point{in, in},
		point{0, size}, point{-in, in}, point{-size, 0}, point{-in, -in})
}

// polygon is a closed path through corners around (x, y).
func polygon(x, y float64, corners ...point) string {
	for i, c := range corners {
		corners[i] = point{x + c[0], y + c[1]}
	}
	return polyline(corners) + "Z"
}

// point is a position in pixels, or a value at a step: x and y.
type point [2]float64

// polyline connects points by straight lines.
func polyline(points []point) string { return path(points, "L%s %s") }

// stairs connects points by horizontal, then vertical lines.
func stairs(points []point) string { return path(points, "H%sV%s") }

// path connects points; command draws the line to a point.
func path(points []point, command string) string {
	var b strings.Builder
	for i, p := range points {
		format := command
		if i == 0 {
			format = "M%s %s"
		}
		fmt.Fprintf(&b, format, px(p[0]), px(p[1]))
	}
	return b.String()
}
