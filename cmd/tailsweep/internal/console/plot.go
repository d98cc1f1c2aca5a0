package console

import (
	"fmt"
	"math"
	"strings"
)

// plotHeight is the number of lines of a plot without its axis.
const plotHeight = 10

// Plot draws values by their position, from 1. NaN is left out.
func Plot(values []float64, width int) []string {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if !math.IsNaN(v) {
			low, high = math.Min(low, v), math.Max(high, v)
		}
	}
	if math.IsInf(low, 1) {
		return []string{"    nothing to draw"}
	}
	const labels, unit = 12, " trials"
	columns := 60
	if width > 0 {
		columns = max(10, min(columns, width-labels-2-len(unit)))
	}
	columns = min(columns, len(values))
	rows := make([][]byte, plotHeight)
	for i := range rows {
		rows[i] = []byte(strings.Repeat(" ", columns))
	}
	for c := range columns {
		v := values[(c+1)*len(values)/columns-1]
		if math.IsNaN(v) {
			continue
		}
		at := 0.5
		if high > low {
			at = (v - low) / (high - low)
		}
		rows[int(math.Round((1-at)*(plotHeight-1)))][c] = '*'
	}
	var lines []string
	for i, row := range rows {
		label := ""
		switch {
		case high == low && i == plotHeight/2, high > low && i == 0:
			label = fmt.Sprintf("%.4g", high)
		case high > low && i == plotHeight-1:
			label = fmt.Sprintf("%.4g", low)
		}
		lines = append(lines, strings.TrimRight(fmt.Sprintf("%*s |%s", labels, label, row), " "))
	}
	last := fmt.Sprint(len(values))
	return append(lines,
		strings.Repeat(" ", labels)+" +"+strings.Repeat("-", columns),
		fmt.Sprintf("%s  1%*s%s", strings.Repeat(" ", labels), max(columns-1, len(last)+1), last, unit))
}
