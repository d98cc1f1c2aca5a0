package console

import (
	"regexp"
	"strings"

	"github.com/tailsweep/tailsweep/internal/text"
)

// LineWidth is the width of lines of text, tables excepted.
const LineWidth = 80

// Wrapped breaks text at spaces into lines of LineWidth. The first line begins with
// name, the others with as many spaces. A longer word gets a line of its own.
func Wrapped(name, s string) []string { return wrapped(LineWidth, name, s) }

// WrapTo breaks a line at spaces into lines of width columns, or not at all where width is 0.
// All begin with the spaces that the line begins with. The result is empty for an empty line.
func WrapTo(width int, line string) []string {
	if line == "" {
		return nil
	}
	if width <= 0 || text.Width(line) <= width {
		return []string{line}
	}
	rest := strings.TrimLeft(line, " ")
	return wrapped(width, line[:len(line)-len(rest)], rest)
}

// definition matches a line of a list: a name, at least two spaces, and what it means.
var definition = regexp.MustCompile(`^( +\S.*?  +)(\S.*)$`)

// Reflow breaks the paragraphs and lists of a text into lines of LineWidth. Other lines that
// begin with spaces stay as they are.
func Reflow(s string) string {
	var lines []string
	name, words := "", ""
	end := func() {
		if words != "" {
			lines = append(lines, Wrapped(name, words)...)
		}
		name, words = "", ""
	}
	for line := range strings.SplitSeq(s, "\n") {
		trimmed := strings.TrimLeft(line, " ")
		if indent := len(line) - len(trimmed); words != "" && trimmed != "" && indent == len(name) {
			words += " " + trimmed
			continue
		}
		end()
		switch m := definition.FindStringSubmatch(line); {
		case m != nil:
			name, words = m[1], m[2]
		case trimmed == line:
			if words = line; line == "" {
				lines = append(lines, "")
			}
		default:
			lines = append(lines, line)
		}
	}
	end()
	return strings.Join(lines, "\n")
}

func wrapped(width int, name, s string) []string {
	lines := []string{name}
	for _, word := range strings.SplitAfter(s, " ") {
		last := &lines[len(lines)-1]
		if len(*last) > len(name) && text.Width(strings.TrimRight(*last+word, " ")) > width {
			*last = strings.TrimRight(*last, " ")
			lines = append(lines, strings.Repeat(" ", len(name)))
			last = &lines[len(lines)-1]
		}
		*last += word
	}
	return lines
}
