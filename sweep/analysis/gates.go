package analysis

import (
	"fmt"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
)

// GatedText explains that no trial has a rank by the metric ("" means the spec's
// first) because all failed a gate; "" when that is not the reason.
func GatedText(spec *sweep.Spec, trials []sweep.Trial, metric string) string {
	gated := Gated(spec, trials, metric)
	if len(gated) == 0 {
		return ""
	}
	name := ordering(spec, metric)[0].Name
	best := gated[0]
	value, _ := best.Metric(name)
	text := fmt.Sprintf("%d trials completed with a value of %s, but all failed a gate; the best", len(gated), name)
	if len(gated) == 1 {
		text = fmt.Sprintf("1 trial completed with a value of %s, but it failed a gate; this one", name)
	}
	return fmt.Sprintf("%s, trial %d, has %.4g: %s", text, best.Number, value, strings.Join(best.Gates, "; "))
}
