package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"
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
	var names []string
	for _, number := range c.Level[:min(len(c.Level), maxLevel)] {
		names = append(names, fmt.Sprint(number))
	}
	if more := len(c.Level) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return fmt.Sprintf("%s %d %s are not distinguishable from trial %d at 95 %% confidence: %s.", noise, len(c.Level), among, c.Best, strings.Join(names, ", "))
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

// bar is a share and its picture, in per cent.
type bar struct {
	Share string
	Width int
	Noise bool
}

func newBar(p analysis.ParameterImportance) bar {
	return bar{Share: fmt.Sprintf("%.0f %%", 100*p.Share), Width: int(100*p.Share + 0.5), Noise: p.Noise}
}

// importances are those of each metric; trouble says why there are none.
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

// repeated is how many searched configurations were trained with several seeds.
func repeated(trials []sweep.Trial) int {
	seeds := map[string][]int64{}
	n := 0
	for _, t := range trials {
		if t.Kind == sweep.KindBaseline || t.Status != sweep.StatusCompleted {
			continue
		}
		key := t.Params.Key()
		if slices.Contains(seeds[key], t.Seed) {
			continue
		}
		seeds[key] = append(seeds[key], t.Seed)
		if len(seeds[key]) == 2 {
			n++
		}
	}
	return n
}
