package console

import (
	"strings"
	"unicode/utf8"
)

// Indented is a table below a blank line.
func Indented(t *Table) []string {
	lines := []string{""}
	for _, line := range t.Render(0, Painter(false)) {
		lines = append(lines, "  "+strings.TrimRight(line, " "))
	}
	return lines
}

// ANSI codes; painter leaves them out where they are not wanted.
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

func Painter(colour bool) Paint {
	if !colour {
		return func(_, text string) string { return text }
	}
	return func(code, text string) string { return code + text + reset }
}

// ansiAt is the length of the ANSI code that s begins with, 0 for none.
func ansiAt(s string) int {
	if !strings.HasPrefix(s, "\x1b[") {
		return 0
	}
	return strings.IndexByte(s, 'm') + 1
}

// Visible is the number of columns that s takes.
func Visible(s string) int {
	n := 0
	for i := 0; i < len(s); {
		if code := ansiAt(s[i:]); code > 0 {
			i += code
			continue
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		i, n = i+size, n+1
	}
	return n
}

// column is a table's column; numbers stand to the right.
type column struct {
	title string
	right bool
}

// Table lays out text in columns, two spaces apart.
type Table struct {
	columns []column
	rows    [][]string
}

// NewTable makes a table; a title that begins with > is a column of numbers.
func NewTable(titles ...string) *Table {
	t := &Table{}
	for _, title := range titles {
		text, right := strings.CutPrefix(title, ">")
		t.columns = append(t.columns, column{text, right})
	}
	return t
}

func (t *Table) Row(cells ...string) {
	for i, c := range cells {
		cells[i] = Printable(c)
	}
	t.rows = append(t.rows, cells)
}

// Printable keeps what came from outside from moving the cursor.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return ' '
		}
		return r
	}, s)
}

// render returns the lines, clipped to width when it is positive.
func (t *Table) Render(width int, paint Paint) []string {
	header := make([]string, len(t.columns))
	for i, c := range t.columns {
		header[i] = c.title
	}
	widths := make([]int, len(t.columns))
	for _, row := range append([][]string{header}, t.rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], Visible(cell))
		}
	}
	line := func(row []string) string {
		var b strings.Builder
		for i, cell := range row {
			if i > 0 {
				b.WriteString("  ")
			}
			space := strings.Repeat(" ", widths[i]-Visible(cell))
			switch {
			case t.columns[i].right:
				b.WriteString(space + cell)
			case i == len(row)-1:
				b.WriteString(cell)
			default:
				b.WriteString(cell + space)
			}
		}
		return Clip(b.String(), width)
	}
	lines := []string{paint(dim, line(header))}
	for _, row := range t.rows {
		lines = append(lines, line(row))
	}
	return lines
}
