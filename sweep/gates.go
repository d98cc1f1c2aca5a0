package sweep

import (
	"fmt"
)

// Failures returns a sentence for each bound that the metrics of a trial break. A
// metric that is missing breaks its bound.
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
