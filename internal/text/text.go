// Package text shortens and formats text for people: clipped at a rune or at a
// display width, sizes and durations in short units.
package text

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
	"github.com/mattn/go-runewidth"
)

// Clip returns s as valid UTF-8 of at most maxBytes bytes. A shortened text ends
// with "..." where that fits.
func Clip(s string, maxBytes int) string {
	s, mark, left := fit(s, maxBytes)
	return s[:boundary(s, left)] + mark
}

// ClipStart is Clip that keeps the end of s; a shortened text begins with "...".
func ClipStart(s string, maxBytes int) string {
	s, mark, left := fit(s, maxBytes)
	at := len(s) - left
	for at < len(s) && !utf8.RuneStart(s[at]) {
		at++
	}
	return mark + s[at:]
}

// fit returns s as valid UTF-8, how many bytes of it to keep, and the mark of what is
// left out.
func fit(s string, maxBytes int) (valid, mark string, left int) {
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

const dots = "..."

// boundary returns the end of the last whole rune within the first n bytes of s.
func boundary(s string, n int) int {
	for n > 0 && n < len(s) && !utf8.RuneStart(s[n]) {
		n--
	}
	return n
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

// columns measures text as terminals with Western settings do: the result does not
// depend on the locale.
var columns = &runewidth.Condition{StrictEmojiNeutral: true}

// Width returns the number of terminal columns that s takes; ANSI colour codes take
// none.
func Width(s string) int {
	n := 0
	for len(s) > 0 {
		plain, code := cutCode(s)
		n += columns.StringWidth(plain)
		s = s[len(plain)+code:]
	}
	return n
}

// Fit shortens s to width terminal columns, with an ellipsis at its end; a width of
// 0 or less is no limit. ANSI colour codes take no columns, and are reset after a
// shortened text.
func Fit(s string, width int) string {
	if width <= 0 || Width(s) <= width {
		return s
	}
	const ellipsis, reset = "…", "\x1b[0m"
	var b strings.Builder
	left, coloured := width, false
	for len(s) > 0 {
		plain, code := cutCode(s)
		if rest := s[len(plain)+code:]; columns.StringWidth(plain) < left || columns.StringWidth(plain) == left && Width(rest) == 0 {
			b.WriteString(s[:len(plain)+code])
			left -= columns.StringWidth(plain)
			coloured = coloured || code > 0
			s = rest
			continue
		}
		b.WriteString(columns.Truncate(plain+ellipsis+ellipsis, left, ellipsis)) // longer than left in any case
		break
	}
	if coloured {
		b.WriteString(reset)
	}
	return b.String()
}

// cutCode returns the text before the first ANSI code of s, and the code's length.
func cutCode(s string) (plain string, code int) {
	at := strings.Index(s, "\x1b[")
	if at < 0 {
		return s, 0
	}
	end := strings.IndexByte(s[at:], 'm')
	if end < 0 {
		return s, 0
	}
	return s[:at], end + 1
}

// List joins the first names, at most so many, for an error.
func List(names []string, most int) string {
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:most], ", ") + ", ..."
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
