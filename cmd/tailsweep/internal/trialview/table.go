package trialview

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
)

// Judged is a trial with its feasibility.
type Judged struct {
	sweep.Trial
	Feasibility analysis.Feasibility `json:"feasibility,omitempty"` // only of completed trials, where there are constraints
}

// Judge adds the feasibility to trials of a ledger. The result is never nil, so that
// its JSON is an array.
func Judge(spec *sweep.Spec, ledger, trials []sweep.Trial) []Judged {
	verdicts := analysis.Judge(spec, ledger)
	list := make([]Judged, len(trials))
	for i, t := range trials {
		list[i] = Judged{t, verdicts[t.Number]}
	}
	return list
}

// Table lists trials in the given order. marks, by number, get a column of their own.
func Table(spec *sweep.Spec, trials []Judged, marks map[int]string) *console.Table {
	names := Columns(spec)
	titles := []string{">TRIAL", "KIND", "STATUS"}
	if len(spec.Constraints) > 0 {
		titles = append(titles, "CONSTRAINTS")
	}
	for _, name := range names {
		titles = append(titles, ">"+strings.ToUpper(name))
	}
	titles = append(titles, ">LOSS", ">STEPS", ">ATTEMPTS")
	if len(marks) > 0 {
		titles = append(titles, "")
	}
	t := console.NewTable(append(titles, "PARAMETERS")...)
	for _, trial := range trials {
		row := []string{fmt.Sprint(trial.Number), string(trial.Kind), string(trial.Status)}
		if len(spec.Constraints) > 0 {
			row = append(row, cmp.Or(string(trial.Feasibility), "-"))
		}
		for _, name := range names {
			row = append(row, Metric(trial.Metrics, name))
		}
		row = append(row, Loss(trial.Trial), fmt.Sprint(trial.Steps), fmt.Sprint(trial.Tries()))
		if len(marks) > 0 {
			row = append(row, marks[trial.Number])
		}
		note := Params(trial.Params)
		if why := Trouble(trial.Trial); why != "" {
			note += "  " + why
		}
		t.Row(append(row, note)...)
	}
	return t
}

// Ranking lists the best five trials, baseline included.
func Ranking(spec *sweep.Spec, trials []sweep.Trial, width int, paint console.Paint) []string {
	ranked := analysis.Rank(spec, trials, "")
	if len(ranked) == 0 {
		if why := analysis.GatedText(spec, trials, ""); why != "" {
			return console.Wrapped("", why)
		}
		return []string{"no trial completed"}
	}
	names := Columns(spec)
	titles := []string{"RANK", ">TRIAL", "KIND"}
	for _, name := range names {
		titles = append(titles, ">"+strings.ToUpper(name))
	}
	t := console.NewTable(append(titles, "PARAMETERS")...)
	for i, trial := range ranked[:min(5, len(ranked))] {
		row := []string{fmt.Sprint(i + 1), fmt.Sprint(trial.Number), string(trial.Kind)}
		for _, name := range names {
			row = append(row, Metric(trial.Metrics, name))
		}
		t.Row(append(row, Params(trial.Params))...)
	}
	return t.Render(width, paint)
}
