package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
)

// floor is the least normalised loss that the geometric mean tells from 0: a
// ten-thousandth of what one random trial loses.
const floor = 1e-4

// table prints medians by problem and engine.
func table(w io.Writer, p plan, results []result) {
	s := summarise(p.problems, p.engines, results)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name, format string, value func(j int) float64) {
		fmt.Fprintf(t, "%s\t", name)
		for j := range p.engines {
			if v := value(j); math.IsNaN(v) {
				fmt.Fprint(t, "-\t")
			} else {
				fmt.Fprintf(t, format+"\t", v)
			}
		}
		fmt.Fprintln(t)
	}
	fmt.Fprint(t, "problem\t")
	for _, e := range p.engines {
		fmt.Fprintf(t, "%s\t", e.Name)
	}
	fmt.Fprintln(t)
	for i, name := range p.problems {
		row(name, "%.2e", func(j int) float64 { return s.medians[i][j] })
	}
	row("geometric mean", "%.2e", func(j int) float64 { return s.mean(j, j) })
	row("ms/suggestion", "%.3g", s.millis)
	_ = t.Flush() // what a terminal does not take is lost anyway
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
