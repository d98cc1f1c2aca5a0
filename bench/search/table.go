package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
)

// floor is the least normalised loss that counts in the geometric mean: a ten-
// thousandth of the loss of one random trial.
const floor = 1e-4

// table writes medians by problem and engine.
func table(w io.Writer, p plan, results []result) error {
	s := summarise(p.problems, p.engines, results)
	var text strings.Builder
	row := func(name, format string, value func(j int) float64) {
		text.WriteString(name)
		for j := range p.engines {
			cell := "-"
			if v := value(j); !math.IsNaN(v) {
				cell = fmt.Sprintf(format, v)
			}
			text.WriteString("\t" + cell)
		}
		text.WriteString("\t\n")
	}
	text.WriteString("problem")
	for _, e := range p.engines {
		text.WriteString("\t" + e.Name)
	}
	text.WriteString("\t\n")
	for i, name := range p.problems {
		row(name, "%.2e", func(j int) float64 { return s.medians[i][j] })
	}
	row("geometric mean", "%.2e", func(j int) float64 { return s.mean(j, j, 1) })
	row("ms/suggestion", "%.3g", s.millis)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, err := io.WriteString(t, text.String())
	return errors.Join(err, t.Flush())
}

// finals are the losses at the end of the runs of one problem and engine.
func finals(results []result, problem, engine string) []float64 {
	var list []float64
	for _, r := range results {
		if r.Problem == problem && r.Engine == engine {
			list = append(list, r.final())
		}
	}
	return list
}

// median is the mean of the two middle values of an even number, NaN of none.
func median(list []float64) float64 {
	if len(list) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(list))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
