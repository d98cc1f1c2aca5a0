package trialview

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
)

// Trial is a trial with its feasibility.
type Trial struct {
	sweep.Trial
	Feasibility analysis.Feasibility `json:"feasibility,omitempty"` // only of completed trials, where there are constraints
	Mean        *analysis.Standing   `json:"mean,omitempty"`        // that a verb which ranks shows instead of the trial's own values, with repeats
}

// Values are the metrics that a table shows of the trial.
func (t Trial) Values(spec *sweep.Spec) map[string]float64 {
	if t.Mean != nil {
		return t.Mean.Values
	}
	return spec.Values(t.Trial)
}

// WithFeasibility adds the feasibility to trials of a ledger. The result is never nil,
// so that its JSON is an array.
func WithFeasibility(spec *sweep.Spec, ledger, trials []sweep.Trial) []Trial {
	feasible := analysis.Feasibilities(spec, ledger)
	list := make([]Trial, len(trials))
	for i, t := range trials {
		list[i] = Trial{Trial: t, Feasibility: feasible[t.Number]}
	}
	return list
}

// WithMeans is WithFeasibility for a verb that ranks by a metric ("" means the spec's
// first): with repeats a trial stands for its configuration, with the means over its seeds.
func WithMeans(spec *sweep.Spec, ledger, trials []sweep.Trial, metric string) []Trial {
	list := WithFeasibility(spec, ledger, trials)
	if spec.Repeats == nil {
		return list
	}
	standings := analysis.Standings(spec, ledger, metric)
	for i, t := range list {
		if standing, ok := standings[t.Number]; ok {
			list[i].Mean = &standing
		}
	}
	return list
}

// column is a column of a table of trials.
type column struct {
	title string
	cell  func(i int, t Trial) string // i counts from 0
}

var (
	number = column{">TRIAL", func(_ int, t Trial) string { return fmt.Sprint(t.Number) }}
	kind   = column{"KIND", func(_ int, t Trial) string { return string(t.Kind) }}
	status = column{"STATUS", func(_ int, t Trial) string { return string(t.Status) }}
	rank   = column{"RANK", func(i int, _ Trial) string { return fmt.Sprint(i + 1) }}
	params = column{"PARAMETERS", func(_ int, t Trial) string { return Params(t.Params) }}
)

// metrics has a column for each metric that tables show.
func metrics(spec *sweep.Spec) (columns []column) {
	for _, name := range shown(spec) {
		columns = append(columns, column{">" + strings.ToUpper(name), func(_ int, t Trial) string { return Metric(t.Values(spec), name) }})
	}
	return columns
}

func table(trials []Trial, columns ...column) *console.Table {
	var titles []string
	for _, c := range columns {
		titles = append(titles, c.title)
	}
	t := console.NewTable(titles...)
	for i, trial := range trials {
		var row []string
		for _, c := range columns {
			row = append(row, c.cell(i, trial))
		}
		t.Row(row...)
	}
	return t
}

// Table lists trials in the given order. marks, by number, get a column with a title.
func Table(spec *sweep.Spec, trials []Trial, title string, marks map[int]string) *console.Table {
	columns := []column{number, kind, status}
	if len(spec.Constraints) > 0 {
		columns = append(columns, column{"CONSTRAINTS", func(_ int, t Trial) string { return cmp.Or(string(t.Feasibility), "-") }})
	}
	if slices.ContainsFunc(trials, func(t Trial) bool { return t.Mean != nil }) {
		columns = append(columns, column{">MEAN OF", func(_ int, t Trial) string {
			if t.Mean == nil {
				return "-"
			}
			return english.Plural(t.Mean.Seeds, "seed", "")
		}})
	}
	columns = append(columns, metrics(spec)...)
	if !slices.Contains(shown(spec), sweep.MetricLoss) {
		columns = append(columns, column{">LOSS", func(_ int, t Trial) string { return Loss(t.Trial) }})
	}
	columns = append(columns,
		column{">STEPS", func(_ int, t Trial) string { return fmt.Sprint(t.Steps) }},
		column{">ATTEMPTS", func(_ int, t Trial) string { return fmt.Sprint(t.Tries()) }})
	if len(marks) > 0 {
		columns = append(columns, column{title, func(_ int, t Trial) string { return marks[t.Number] }})
	}
	return table(trials, append(columns, column{"PARAMETERS", func(_ int, t Trial) string {
		return strings.TrimSuffix(Params(t.Params)+"  "+Reason(t.Trial), "  ")
	}})...)
}

// Finished lists finished trials of a running sweep.
// params formats their parameters.
func Finished(spec *sweep.Spec, trials []sweep.Trial, params func(sweep.Params) string) *console.Table {
	return table(withoutFeasibility(trials), slices.Concat([]column{number, status}, metrics(spec), []column{{"PARAMETERS", func(_ int, t Trial) string {
		return cmp.Or(Reason(t.Trial), params(t.Params))
	}}})...)
}

// Ranking lists ranked trials.
func Ranking(spec *sweep.Spec, ranked []sweep.Trial) *console.Table {
	return table(withoutFeasibility(ranked), slices.Concat([]column{rank, number, kind}, metrics(spec), []column{params})...)
}

func withoutFeasibility(trials []sweep.Trial) (list []Trial) {
	for _, t := range trials {
		list = append(list, Trial{Trial: t})
	}
	return list
}
