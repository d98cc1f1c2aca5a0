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
func table(w io.Writer, problems, engines []string, results []result) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "problem\t")
	for _, e := range engines {
		fmt.Fprintf(t, "%s\t", e)
	}
	fmt.Fprintln(t)
	logs, counts := make([]float64, len(engines)), make([]float64, len(engines))
	for _, p := range problems {
		fmt.Fprintf(t, "%s\t", p)
		for i, e := range engines {
			list := finals(results, p, e)
			if len(list) == 0 {
				fmt.Fprint(t, "-\t")
				continue
			}
			m := median(list)
			logs[i] += math.Log(math.Max(m, floor))
			counts[i]++
			fmt.Fprintf(t, "%.2e\t", m)
		}
		fmt.Fprintln(t)
	}
	fmt.Fprint(t, "geometric mean\t")
	for i := range engines {
		fmt.Fprintf(t, "%.2e\t", math.Exp(logs[i]/counts[i]))
	}
	fmt.Fprint(t, "\nms/suggestion\t")
	for _, e := range engines {
		var list []float64
		for _, r := range results {
			if r.Engine == e {
				list = append(list, r.AskMillis)
			}
		}
		fmt.Fprintf(t, "%.3g\t", median(list))
	}
	fmt.Fprintln(t)
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

// median is the mean of the two middle values of an even number.
func median(list []float64) float64 {
	if len(list) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(list))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
