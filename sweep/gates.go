package sweep

import (
	"fmt"
	"strings"
)

// Failures says in words which bounds the metrics of a trial break, nil when none.
// A metric that is missing breaks its bound.
func (g *Gates) Failures(metrics map[string]float64) []string {
	if g == nil {
		return nil
	}
	var failures []string
	check := func(family, gate string, bound *float64, holds func(value, bound float64) bool) {
		if bound == nil {
			return
		}
		name := family + "." + GroupAll
		value, ok := metrics[name]
		switch {
		case !ok:
			failures = append(failures, fmt.Sprintf("%s was not measured, gates.%s is %s", name, gate, Number(*bound)))
		case !holds(value, *bound):
			failures = append(failures, fmt.Sprintf("%s is %.4g, gates.%s is %s", name, value, gate, Number(*bound)))
		}
	}
	check(FamilyLabelAccuracy, "min_label_accuracy", g.MinLabelAccuracy, func(v, bound float64) bool { return v >= bound })
	check(FamilyMemorisedRatio, "max_memorised_ratio", g.MaxMemorisedRatio, func(v, bound float64) bool { return v <= bound })
	return failures
}

// GatedText says of a sweep in which no trial has a rank by the metric ("" means the
// spec's first) that the gates are why; "" when they are not.
func GatedText(spec *Spec, trials []Trial, metric string) string {
	gated := Gated(spec, trials, metric)
	if len(gated) == 0 {
		return ""
	}
	name := spec.order(metric)[0].Name
	best := gated[0]
	value, _ := best.Metric(name)
	text := fmt.Sprintf("%d trials completed with a value of %s, and all failed a gate; the best", len(gated), name)
	if len(gated) == 1 {
		text = fmt.Sprintf("1 trial completed with a value of %s, and it failed a gate; this one", name)
	}
	return fmt.Sprintf("%s, trial %d, has %.4g: %s", text, best.Number, value, strings.Join(best.Gates, "; "))
}
