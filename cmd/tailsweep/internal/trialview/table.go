package trialview

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
)

// Judged is a trial, and whether it keeps the constraints of its sweep.
type Judged struct {
	sweep.Trial
	Feasibility analysis.Feasibility `json:"feasibility,omitempty"` // of completed trials under constraints
}

// Judge looks at some trials of a ledger. The result is never nil: JSON is an array.
func Judge(spec *sweep.Spec, ledger, trials []sweep.Trial) []Judged {
	verdicts := analysis.Judge(spec, ledger)
	list := make([]Judged, len(trials))
	for i, t := range trials {
		list[i] = Judged{t, verdicts[t.Number]}
	}
	return list
}

// TrialTable lists trials in the order given; marks stand behind their numbers.
func TrialTable(spec *sweep.Spec, trials []Judged, marks map[int]string) *console.Table {
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
			row = append(row, MetricText(trial.Metrics, name))
		}
		row = append(row, lossText(trial.Trial), fmt.Sprint(trial.Steps), fmt.Sprint(trial.Tries()))
		if len(marks) > 0 {
			row = append(row, marks[trial.Number])
		}
		t.Row(append(row, trialNote(trial.Trial))...)
	}
	return t
}

// ResultLines ranks the best trials beside the baseline.
func ResultLines(spec *sweep.Spec, trials []sweep.Trial, width int, paint console.Paint) []string {
	ranked := analysis.Rank(spec, trials, "")
	if len(ranked) == 0 {
		if text := analysis.GatedText(spec, trials, ""); text != "" {
			return console.Wrapped("", text)
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
			row = append(row, MetricText(trial.Metrics, name))
		}
		t.Row(append(row, ParamsText(trial.Params))...)
	}
	return t.Render(width, paint)
}
