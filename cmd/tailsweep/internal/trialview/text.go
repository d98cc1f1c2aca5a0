package trialview

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/cost"
)

func NumbersText(numbers []int) string {
	words := make([]string, len(numbers))
	for i, n := range numbers {
		words[i] = strconv.Itoa(n)
	}
	return strings.Join(words, ", ")
}

func Optional(x *float64) string {
	if x == nil {
		return "-"
	}
	return fmt.Sprintf("%.4g", *x)
}

// trialNote is a trial's parameters, and why it did not complete.
func trialNote(t sweep.Trial) string {
	note := ParamsText(t.Params)
	if why := TrialTrouble(t); why != "" {
		note += "  " + why
	}
	return note
}

// lossText is the final loss; a trial that did not train to its end has none.
func lossText(t sweep.Trial) string {
	if t.Steps == 0 || t.LossLast == 0 {
		return "-"
	}
	return fmt.Sprintf("%.4f", t.LossLast)
}

func PlannedText(spec *sweep.Spec) string {
	if n := cost.TrialCount(spec); n > 0 {
		return Counted(n, "trial")
	}
	return "trials until the budget ends it"
}

// Columns are the metrics that tables show: head and tail first, then the sweep's
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

// TrialTrouble says why a trial failed or was stopped early; "" for any other.
func TrialTrouble(t sweep.Trial) string {
	if t.Error != nil {
		return errorText(t.Error)
	}
	if len(t.Gates) > 0 {
		return "failed its gates: " + strings.Join(t.Gates, "; ")
	}
	return t.StopReason()
}

// errorText is the first line of what a trial failed with.
func errorText(f *sweep.Failure) string {
	first, _, _ := strings.Cut(f.Message, "\n")
	return string(f.Class) + ": " + first
}

// OfPlanned is "3 trials", or "3 of 12 trials".
func OfPlanned(n, planned int) string {
	if planned == 0 {
		return Counted(n, "trial")
	}
	return fmt.Sprintf("%d of %s", n, Counted(planned, "trial"))
}

// Counted is a number of things that take an s when they are many.
func Counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// ParamsText is "a=1 b=0", by name; "defaults" when nothing is set.
func ParamsText(p sweep.Params) string {
	if len(p) == 0 {
		return "defaults"
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(p)) {
		parts = append(parts, name+"="+valueText(p[name]))
	}
	return strings.Join(parts, " ")
}

// valueText shortens a number for people; JSON output has all its digits.
func valueText(v sweep.Value) string {
	if v.IsWord() {
		return v.String()
	}
	return fmt.Sprintf("%.4g", v.Float())
}

func MetricText(metrics map[string]float64, name string) string {
	if x, ok := metrics[name]; ok {
		return fmt.Sprintf("%.4g", x)
	}
	return "-"
}

func MetricsText(metrics map[string]float64, names []string) string {
	var parts []string
	for _, name := range names {
		parts = append(parts, name+" "+MetricText(metrics, name))
	}
	return strings.Join(parts, "  ")
}
