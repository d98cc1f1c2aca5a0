package trialview

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize/english"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/cost"
)

// Columns are the metrics that tables show: fid.head and fid.tail, then the sweep's
// own objectives.
func Columns(spec *sweep.Spec) []string {
	names := []string{"fid.head", "fid.tail"}
	if spec == nil {
		return names
	}
	for _, m := range spec.Metrics {
		if !slices.Contains(names, m.Name) && len(names) < 4 {
			names = append(names, m.Name)
		}
	}
	return names
}

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

// Metrics formats metrics as "fid.head 21.3  fid.tail 88".
func Metrics(metrics map[string]float64, names []string) string {
	var parts []string
	for _, name := range names {
		parts = append(parts, name+" "+Metric(metrics, name))
	}
	return strings.Join(parts, "  ")
}

// Params formats parameters as "a=1 b=0", ordered by name; "defaults" where none is
// set. Numbers are shortened: JSON output has all digits.
func Params(p sweep.Params) string {
	if len(p) == 0 {
		return "defaults"
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(p)) {
		value := p[name].String()
		if v := p[name]; !v.IsWord() {
			value = fmt.Sprintf("%.4g", v.Float())
		}
		parts = append(parts, name+"="+value)
	}
	return strings.Join(parts, " ")
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

// Trouble says why a trial failed or was stopped early; "" for any other trial.
func Trouble(t sweep.Trial) string {
	if t.Error != nil {
		first, _, _ := strings.Cut(t.Error.Message, "\n")
		return string(t.Error.Class) + ": " + first
	}
	if len(t.Gates) > 0 {
		return "failed its gates: " + strings.Join(t.Gates, "; ")
	}
	return t.StopReason()
}

// Numbers lists numbers as "1, 2, 3".
func Numbers(numbers []int) string {
	words := make([]string, len(numbers))
	for i, n := range numbers {
		words[i] = strconv.Itoa(n)
	}
	return strings.Join(words, ", ")
}

// Planned says how many trials a sweep has.
func Planned(spec *sweep.Spec) string {
	if n := cost.TrialCount(spec); n > 0 {
		return english.Plural(n, "trial", "")
	}
	return "trials until the budget is used up"
}

// OfPlanned formats a number of trials as "3 trials", or "3 of 12 trials".
func OfPlanned(n, planned int) string {
	if planned == 0 {
		return english.Plural(n, "trial", "")
	}
	return fmt.Sprintf("%d of %s", n, english.Plural(planned, "trial", ""))
}
