package report

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
)

// ExportCSV writes the finished trials by number, one per line, after a header: number,
// kind, status, seed; a column `param.NAME` for each parameter, by name, empty where
// the trial has none; a column `metric.NAME` for each metric, by name; then how the
// trial went. Numbers keep every digit; text that begins as a formula is quoted by '. The columns depend on the spec and on the names
// that occur, never on the order of trials.
func ExportCSV(w io.Writer, spec *sweep.Spec, trials []sweep.Trial) error {
	params, metrics := paramNames(spec, trials), metricNames(spec, trials)
	header := []string{"number", "kind", "status", "seed"}
	for _, name := range params {
		header = append(header, "param."+name)
	}
	for _, name := range metrics {
		header = append(header, "metric."+name)
	}
	header = append(header, "guidance", "steps", "loss_first", "loss_last", "attempts", "train_seconds",
		"evaluate_seconds", "backend", "sampler", "started_at", "finished_at", "checkpoint", "grid", "error_class", "error", "stop_reason")

	lines := [][]string{header}
	for _, t := range slices.SortedStableFunc(slices.Values(trials), func(a, b sweep.Trial) int { return cmp.Compare(a.Number, b.Number) }) {
		lines = append(lines, inert(record(spec, t, params, metrics)))
	}
	if err := csv.NewWriter(w).WriteAll(lines); err != nil {
		return fmt.Errorf("report: export: %w", err)
	}
	return nil
}

// inert puts ' before each cell that a spreadsheet would take for a formula, and replaces
// characters that control a terminal, line breaks excepted. Numbers stay as they are.
func inert(cells []string) []string {
	for i, cell := range cells {
		lines := strings.Split(cell, "\n")
		for j, line := range lines {
			lines[j] = text.Printable(line)
		}
		cells[i] = strings.Join(lines, "\n")
		first, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(cell, unicode.IsSpace))
		if _, err := strconv.ParseFloat(cell, 64); err != nil && strings.ContainsRune("=+-@＝＋－＠", first) {
			cells[i] = "'" + cells[i]
		}
	}
	return cells
}

// record is the line of a trial under ExportCSV's header.
func record(spec *sweep.Spec, t sweep.Trial, params, metrics []string) []string {
	line := []string{strconv.Itoa(t.Number), string(t.Kind), string(t.Status), strconv.FormatInt(t.Seed, 10)}
	for _, name := range params {
		text := ""
		if v, ok := t.Params[name]; ok {
			text = v.String()
		}
		line = append(line, text)
	}
	for _, name := range metrics {
		text := ""
		if v, ok := t.Metrics[name]; ok {
			text = exact(v)
		}
		line = append(line, text)
	}
	var failure sweep.Failure
	if t.Error != nil {
		failure = *t.Error
	}
	guidance := ""
	if t.Status == sweep.StatusCompleted && spec.Trainer == nil { // a program has none
		guidance = exact(t.Guidance)
	}
	return append(line, guidance, strconv.Itoa(t.Steps), unlessNil(t.LossFirst), unlessNil(t.LossLast),
		strconv.Itoa(t.Attempts), exact(t.TrainTime), exact(t.EvalTime), t.Backend, t.Reason.Sampler,
		stamp(t.StartedAt), stamp(t.FinishedAt), t.Checkpoint, t.Grid, string(failure.Class), failure.Message, t.StopReason())
}

// metricNames are the names of the objectives and of every metric of a trial, ordered.
func metricNames(spec *sweep.Spec, trials []sweep.Trial) []string {
	var names []string
	for _, o := range spec.Metrics {
		names = append(names, o.Name)
	}
	for _, t := range trials {
		names = slices.AppendSeq(names, maps.Keys(t.Metrics))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func exact(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// unlessNil formats a number; "" where there is none.
func unlessNil(v *float64) string {
	if v == nil {
		return ""
	}
	return exact(*v)
}

// stamp formats a time as RFC 3339; "" for the zero time.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
