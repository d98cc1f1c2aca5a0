package report

import (
	"fmt"
	"slices"

	"github.com/dustin/go-humanize/english"

	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
)

// maxLevel is how many trials a sentence names.
const maxLevel = 12

// level says which trials may be as good as the best, by the noise between seeds.
func level(s study) string {
	c, ok := analysis.NewContest(s.spec, s.trials, "")
	switch {
	case !ok || c.Configurations < 2:
		return ""
	case c.Freedom == 0:
		return "Which trials are as good as the best is unknown: every configuration was trained with one seed."
	}
	noise := fmt.Sprintf("%s varies between seeds of the same configuration by %s (standard deviation, %s).",
		c.Metric, num(c.Noise), english.Plural(c.Freedom, "degree of freedom", "degrees of freedom"))
	among := fmt.Sprintf("of the %s", english.Plural(c.Configurations-1, "other configuration", "other configurations"))
	if len(c.Level) == 0 {
		return fmt.Sprintf("%s None %s is as good as trial %d at 95 %% confidence.", noise, among, c.Best)
	}
	return fmt.Sprintf("%s %d %s are not distinguishable from trial %d at 95 %% confidence: %s.", noise, len(c.Level), among, c.Best, text.Numbers(c.Level, maxLevel))
}

// importance is one metric's table.
type importance struct {
	Metric, Global, Local string // what the columns are shares of
	Rows                  []importanceRow
}

// importanceRow is a parameter's line.
type importanceRow struct {
	Name          string
	Global, Local bar
}

// bar is a share as text and as the width of a bar, in per cent.
type bar struct {
	Share string
	Width int
	Noise bool
}

func newBar(p analysis.ParameterImportance) bar {
	return bar{Share: fmt.Sprintf("%.0f %%", 100*p.Share), Width: int(100*p.Share + 0.5), Noise: p.Noise}
}

// importances makes a table for each metric; trouble says why there are none.
func importances(s study) (tables []importance, trouble string) {
	for _, o := range s.spec.Metrics {
		im, err := analysis.NewImportance(s.spec, s.trials, o.Name, analysis.DefaultTop)
		if err != nil {
			return nil, err.Error()
		}
		t := importance{
			Metric: o.Name,
			Global: fmt.Sprintf("best %d of all %d configurations", im.Global.Top, im.Global.Configurations),
			Local:  fmt.Sprintf("best %d of the better %d", im.Local.Top, im.Local.Configurations),
		}
		for _, p := range im.Global.Parameters {
			l := im.Local.Parameters[slices.IndexFunc(im.Local.Parameters, func(l analysis.ParameterImportance) bool { return l.Name == p.Name })]
			r := importanceRow{Name: p.Name, Global: newBar(p), Local: newBar(l)}
			if p.Active < im.Global.Configurations {
				r.Name += fmt.Sprintf(" (in %d)", p.Active)
			}
			t.Rows = append(t.Rows, r)
		}
		tables = append(tables, t)
	}
	return tables, ""
}

// repeated counts the searched configurations that were trained with several seeds.
func repeated(trials []sweep.Trial) int {
	first, again := map[string]int64{}, map[string]bool{}
	for _, t := range trials {
		if t.Kind == sweep.KindBaseline || t.Status != sweep.StatusCompleted {
			continue
		}
		key := t.Params.Key()
		if seed, seen := first[key]; !seen {
			first[key] = t.Seed
		} else if seed != t.Seed {
			again[key] = true
		}
	}
	return len(again)
}
