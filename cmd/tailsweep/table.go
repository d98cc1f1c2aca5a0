package main

import (
	"strings"
	"unicode/utf8"

	"github.com/tailsweep/tailsweep/workflows"
)

// ANSI codes; painter leaves them out where they are not wanted.
const (
	reset  = "\x1b[0m"
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
)

// paint puts an ANSI code around text.
type paint func(code, text string) string

func painter(colour bool) paint {
	if !colour {
		return func(_, text string) string { return text }
	}
	return func(code, text string) string { return code + text + reset }
}

func phaseColour(p workflows.Phase) string {
	switch p {
	case workflows.PhaseCompleted, workflows.PhaseRunning:
		return green
	case workflows.PhaseFailed, workflows.PhaseCancelled:
		return red
	default:
		return yellow
	}
}

// ansiAt is the length of the ANSI code that s begins with, 0 for none.
func ansiAt(s string) int {
	if !strings.HasPrefix(s, "\x1b[") {
		return 0
	}
	return strings.IndexByte(s, 'm') + 1
}

// visible is the number of columns that s takes.
func visible(s string) int {
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

// table lays out text in columns, two spaces apart.
type table struct {
	columns []column
	rows    [][]string
}

// newTable makes a table; a title that begins with > is a column of numbers.
func newTable(titles ...string) *table {
	t := &table{}
	for _, title := range titles {
		text, right := strings.CutPrefix(title, ">")
		t.columns = append(t.columns, column{text, right})
	}
	return t
}

func (t *table) row(cells ...string) {
	for i, c := range cells {
		cells[i] = printable(c)
	}
	t.rows = append(t.rows, cells)
}

// printable keeps what came from outside from moving the cursor.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return ' '
		}
		return r
	}, s)
}

// render returns the lines, clipped to width when it is positive.
func (t *table) render(width int, paint paint) []string {
	header := make([]string, len(t.columns))
	for i, c := range t.columns {
		header[i] = c.title
	}
	widths := make([]int, len(t.columns))
	for _, row := range append([][]string{header}, t.rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], visible(cell))
		}
	}
	line := func(row []string) string {
		var b strings.Builder
		for i, cell := range row {
			if i > 0 {
				b.WriteString("  ")
			}
			space := strings.Repeat(" ", widths[i]-visible(cell))
			switch {
			case t.columns[i].right:
				b.WriteString(space + cell)
			case i == len(row)-1:
				b.WriteString(cell)
			default:
				b.WriteString(cell + space)
			}
		}
		return clip(b.String(), width)
	}
	lines := []string{paint(dim, line(header))}
	for _, row := range t.rows {
		lines = append(lines, line(row))
	}
	return lines
}

// lineWidth is how wide lines for people are at most, tables aside.
const lineWidth = 100

// wrapped breaks text at spaces into lines of lineWidth, the first after a name, the
// others below it. A longer word has a line of its own.
func wrapped(name, text string) []string {
	lines := []string{name}
	for _, word := range strings.SplitAfter(text, " ") {
		last := &lines[len(lines)-1]
		if len(*last) > len(name) && utf8.RuneCountInString(strings.TrimRight(*last+word, " ")) > lineWidth {
			*last = strings.TrimRight(*last, " ")
			lines = append(lines, strings.Repeat(" ", len(name)))
			last = &lines[len(lines)-1]
		}
		*last += word
	}
	return lines
}
