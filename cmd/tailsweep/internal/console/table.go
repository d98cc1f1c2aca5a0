package console

import (
	"regexp"
	"strings"

	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/internal/text"
)

// ANSI codes for Paint.
const (
	reset  = "\x1b[0m"
	Bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	Red    = "\x1b[31m"
	Green  = "\x1b[32m"
	Yellow = "\x1b[33m"
)

// Paint puts an ANSI code around text.
type Paint func(code, text string) string

// Painter returns a Paint that adds codes, or one that leaves text as it is.
func Painter(colour bool) Paint {
	if !colour {
		return func(_, text string) string { return text }
	}
	return func(code, text string) string { return code + text + reset }
}

// Printable is text.Printable.
func Printable(s string) string { return text.Printable(s) }

// ours matches what Safe keeps: line breaks, tabs and the codes of Paint.
var ours = regexp.MustCompile("[\n\t]|\x1b\\[(?:0|1|2|31|32|33)m")

// Safe is Printable for the output of a verb: its lines, tabs and own colours stay.
func Safe(s string) string {
	var b strings.Builder
	end := 0
	for _, at := range ours.FindAllStringIndex(s, -1) {
		b.WriteString(Printable(s[end:at[0]]) + s[at[0]:at[1]])
		end = at[1]
	}
	return b.String() + Printable(s[end:])
}

// Table lays out text in columns, two spaces apart.
type Table struct {
	columns []column
	rows    [][]string
}

type column struct {
	title string
	right bool // aligned to the right
}

// NewTable makes a table. The column of a title that begins with > is aligned to the
// right.
func NewTable(titles ...string) *Table {
	t := &Table{}
	for _, title := range titles {
		name, right := strings.CutPrefix(title, ">")
		t.columns = append(t.columns, column{name, right})
	}
	return t
}

// Row adds a row. Cells are made printable, without the secrets of URLs: Render may cut them.
func (t *Table) Row(cells ...string) {
	for i, c := range cells {
		cells[i] = Printable(address.Redact(c))
	}
	t.rows = append(t.rows, cells)
}

// Render returns the lines, cut to width columns when it is positive.
func (t *Table) Render(width int, paint Paint) []string {
	var header []string
	for _, c := range t.columns {
		header = append(header, c.title)
	}
	widths := make([]int, len(t.columns))
	for _, row := range append([][]string{header}, t.rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], text.Width(cell))
		}
	}
	line := func(row []string) string {
		var b strings.Builder
		for i, cell := range row {
			if i > 0 {
				b.WriteString("  ")
			}
			space := strings.Repeat(" ", widths[i]-text.Width(cell))
			switch {
			case t.columns[i].right:
				b.WriteString(space + cell)
			case i == len(row)-1:
				b.WriteString(cell)
			default:
				b.WriteString(cell + space)
			}
		}
		return text.Fit(b.String(), width)
	}
	lines := []string{paint(dim, line(header))}
	for _, row := range t.rows {
		lines = append(lines, line(row))
	}
	return lines
}

// Plain returns the lines without colours, at any width.
func (t *Table) Plain() []string { return t.Render(0, Painter(false)) }

// Indented returns the plain lines, indented, after an empty line; nothing where there
// are no rows.
func (t *Table) Indented() []string {
	if len(t.rows) == 0 {
		return nil
	}
	lines := []string{""}
	for _, line := range t.Plain() {
		lines = append(lines, "  "+strings.TrimRight(line, " "))
	}
	return lines
}
