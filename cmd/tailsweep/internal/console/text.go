package console

import (
	"strings"
	"unicode/utf8"
)

// LineWidth is the width of lines of text, tables excepted.
const LineWidth = 100

// Wrapped breaks text at spaces into lines of LineWidth. The first line begins with
// name, the others with as many spaces. A longer word gets a line of its own.
func Wrapped(name, text string) []string {
	lines := []string{name}
	for _, word := range strings.SplitAfter(text, " ") {
		last := &lines[len(lines)-1]
		if len(*last) > len(name) && utf8.RuneCountInString(strings.TrimRight(*last+word, " ")) > LineWidth {
			*last = strings.TrimRight(*last, " ")
			lines = append(lines, strings.Repeat(" ", len(name)))
			last = &lines[len(lines)-1]
		}
		*last += word
	}
	return lines
}
