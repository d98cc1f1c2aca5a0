package console

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

func BytesText(n int64) string {
	const unit = 1024
	switch {
	case n < unit:
		return fmt.Sprintf("%d B", n)
	case n < unit*unit:
		return fmt.Sprintf("%.1f KiB", float64(n)/unit)
	case n < unit*unit*unit:
		return fmt.Sprintf("%.1f MiB", float64(n)/(unit*unit))
	default:
		return fmt.Sprintf("%.1f GiB", float64(n)/(unit*unit*unit))
	}
}

// LineWidth is how wide lines for people are at most, tables aside.
const LineWidth = 100

// Wrapped breaks text at spaces into lines of LineWidth, the first after a name, the
// others below it. A longer word has a line of its own.
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

// Short is a duration in at most two units: 4s, 3m10s, 2h05m, 3d4h.
func Short(d time.Duration) string {
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

// Clip shortens a line to width columns, ANSI codes not counted.
func Clip(s string, width int) string {
	if width <= 0 || Visible(s) <= width {
		return s
	}
	var b strings.Builder
	n, coloured := 0, false
	for i := 0; i < len(s); {
		if code := ansiAt(s[i:]); code > 0 {
			b.WriteString(s[i : i+code])
			i, coloured = i+code, true
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if n == width-1 {
			b.WriteRune('…')
			break
		}
		b.WriteRune(r)
		i, n = i+size, n+1
	}
	if coloured {
		b.WriteString(reset)
	}
	return b.String()
}
