package text

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/displaywidth"
	"github.com/dustin/go-humanize"
)

// Clip returns s as valid UTF-8 of at most maxBytes bytes. A shortened text ends
// with "..." where that fits.
func Clip(s string, maxBytes int) string {
	s, mark, keep := fit(s, maxBytes)
	for keep > 0 && keep < len(s) && !utf8.RuneStart(s[keep]) {
		keep--
	}
	return s[:keep] + mark
}

// ClipStart is Clip that keeps the end of s; a shortened text begins with "...".
func ClipStart(s string, maxBytes int) string {
	s, mark, keep := fit(s, maxBytes)
	at := len(s) - keep
	for at < len(s) && !utf8.RuneStart(s[at]) {
		at++
	}
	return mark + s[at:]
}

// fit returns s as valid UTF-8, the mark of a shortened text, and how many bytes of s
// fit next to the mark.
func fit(s string, maxBytes int) (valid, mark string, keep int) {
	const dots = "..."
	s = strings.ToValidUTF8(s, "\uFFFD")
	switch {
	case len(s) <= maxBytes:
		return s, "", len(s)
	case maxBytes < len(dots):
		return s, "", max(0, maxBytes)
	default:
		return s, dots, maxBytes - len(dots)
	}
}

// FirstLine returns s up to its first line break.
func FirstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// Printable replaces characters that control a terminal or the order of text with spaces,
// so that text from outside cannot do either.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if controls(r) {
			return ' '
		}
		return r
	}, s)
}

// PrintableLines is Printable for text of several lines.
func PrintableLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = Printable(lines[i])
	}
	return strings.Join(lines, "\n")
}

// EscapeJSON writes the characters that Printable replaces as escapes of JSON, which has
// them only in strings.
func EscapeJSON(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r != '\n' && controls(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if r != '\n' && controls(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func controls(r rune) bool {
	if ' ' <= r && r <= '~' {
		return false
	}
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

// Bytes formats a size in binary units: 512 B, 1.5 KiB, 12 MiB.
func Bytes(n int64) string { return humanize.IBytes(uint64(max(0, n))) }

// Duration formats a duration in at most two units: 4s, 3m10s, 2h05m, 3d4h.
func Duration(d time.Duration) string {
	d = max(0, d).Round(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%dd%dh", int(d.Hours())/24, int(d.Hours())%24)
	}
}

// columns measures text as terminals with Western settings do; ANSI colour codes take
// no columns.
var columns = displaywidth.Options{ControlSequences: true}

// Width returns the number of terminal columns that s takes.
func Width(s string) int { return columns.String(s) }

// Fit shortens s to width terminal columns, with an ellipsis at its end; a width of
// 0 or less is no limit. The colour codes of the part that is cut off are kept, so that
// a shortened text resets its colours.
func Fit(s string, width int) string {
	if width <= 0 {
		return s
	}
	return columns.TruncateString(s, width, "…")
}

// List joins at most the first most names with commas; ", ..." stands for the rest.
func List[S ~string](names []S, most int) string {
	var list []string
	for _, name := range names[:min(len(names), most)] {
		list = append(list, string(name))
	}
	if len(names) > most {
		list = append(list, "...")
	}
	return strings.Join(list, ", ")
}

// Trials names trials, at most most of them: "trial 1", "trials 1, 2".
func Trials(numbers []int, most int) string {
	if len(numbers) == 1 {
		return "trial " + Numbers(numbers, most)
	}
	return "trials " + Numbers(numbers, most)
}

// Numbers lists at most most numbers: "1, 2, 3", "1, 2 and 5 more".
func Numbers(numbers []int, most int) string {
	shown := numbers[:min(len(numbers), most)]
	list := strings.ReplaceAll(strings.Trim(fmt.Sprint(shown), "[]"), " ", ", ")
	if more := len(numbers) - len(shown); more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return list
}
