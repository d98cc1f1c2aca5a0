package trialview

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"

	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
	"github.com/tailsweep/tailsweep/sweep/cost"
)

// Number formats a number with four digits, and an absent one as "-".
func Number(x *float64) string {
	if x == nil {
		return "-"
	}
	return fmt.Sprintf("%.4g", *x)
}

// Metric formats the metric with this name, "-" where it is missing.
func Metric(metrics map[string]float64, name string) string {
	if x, ok := metrics[name]; ok {
		return Number(&x)
	}
	return Number(nil)
}

// Metrics formats the metrics that tables show as "fid.head 21.3  fid.tail 88".
func Metrics(spec *sweep.Spec, metrics map[string]float64) string {
	var parts []string
	for _, name := range shown(spec) {
		parts = append(parts, name+" "+Metric(metrics, name))
	}
	return strings.Join(parts, "  ")
}

// Result is Metrics of a trial.
func Result(spec *sweep.Spec, t sweep.Trial) string {
	if spec == nil {
		return ""
	}
	return Metrics(spec, spec.Values(t))
}

// shown are the metrics that tables show, none where the spec is unknown.
func shown(spec *sweep.Spec) []string {
	if spec == nil {
		return nil
	}
	return spec.ShownMetrics()
}

// Params formats parameters as "a=1 b=0", ordered by name; "defaults" where none is
// set. Numbers are shortened: JSON output has all digits.
func Params(p sweep.Params) string { return cmp.Or(strings.Join(p.List(), " "), "defaults") }

// Short returns a function that formats parameters as Params does, in fewer columns: the
// parameters that differ between the listed trials come first, and a weight is named by its
// loss term alone.
func Short(listed []sweep.Params) func(sweep.Params) string {
	differs := make(map[string]bool)
	for _, p := range listed {
		for _, q := range []sweep.Params{p, listed[0]} {
			for name := range q {
				a, inFirst := listed[0][name]
				b, inThis := p[name]
				differs[name] = differs[name] || inFirst != inThis || a.Short() != b.Short()
			}
		}
	}
	return func(p sweep.Params) string {
		first, rest := make(sweep.Params), make(sweep.Params)
		for name, value := range p {
			short := strings.TrimSuffix(name, ".weight")
			if differs[name] {
				first[short] = value
			} else {
				rest[short] = value
			}
		}
		return cmp.Or(strings.Join(append(first.List(), rest.List()...), " "), "defaults")
	}
}

// Line is a trial in one line: "trial 3  fid.head 21.3  fid.tail 88  a=1 b=0".
func Line(spec *sweep.Spec, number int, metrics map[string]float64, params sweep.Params) string {
	return fmt.Sprintf("trial %d  %s  %s", number, Metrics(spec, metrics), Params(params))
}

// Loss formats the final loss of a trial: NaN for one that diverged, "-" for one that
// has no final loss.
func Loss(t sweep.Trial) string {
	switch {
	case t.Status == sweep.StatusDiverged:
		return "NaN"
	case t.LossLast == nil:
		return "-"
	}
	return fmt.Sprintf("%.4f", *t.LossLast)
}

// Reason returns why a trial failed or was stopped early; "" for any other trial.
func Reason(t sweep.Trial) string {
	if t.Error != nil {
		return string(t.Error.Class) + ": " + failure(t.Error.Message)
	}
	if len(t.Gates) > 0 {
		return "failed its gates: " + strings.Join(t.Gates, "; ")
	}
	return t.StopReason()
}

// failure is a message of a failure in one line: its first, and where that ends in a colon,
// as before the output of a child, the last one: with Python the exception.
func failure(message string) string {
	first, rest, _ := strings.Cut(strings.TrimSpace(message), "\n")
	if !strings.HasSuffix(first, ":") || rest == "" {
		return text.FirstLine(message)
	}
	return first + " " + strings.TrimSpace(rest[strings.LastIndexByte(rest, '\n')+1:])
}

// TrialCount formats the number of trials that a sweep will have.
func TrialCount(spec *sweep.Spec) string {
	if n := cost.TrialCount(spec); n > 0 {
		return english.Plural(n, "trial", "")
	}
	return "trials until the budget is used up"
}

// CountOf formats a number of trials as "3 of 12 trials", or as "3 trials" where all is 0.
func CountOf(n, all int) string {
	if all == 0 {
		return english.Plural(n, "trial", "")
	}
	return fmt.Sprintf("%d of %s", n, english.Plural(all, "trial", ""))
}

// NoBest returns why a sweep has no best trial: none completed, or all failed a gate.
func NoBest(spec *sweep.Spec, trials []sweep.Trial, metric string) string {
	why := cmp.Or(analysis.GatedText(spec, trials, metric), "no trial completed")
	if metric != "" && slices.ContainsFunc(trials, func(t sweep.Trial) bool { return t.Status == sweep.StatusCompleted }) {
		why = "no completed trial has " + metric
	}
	return why
}
