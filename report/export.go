package report

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/tailsweep/tailsweep/sweep"
)

// Format is a form of Export.
type Format string

// The formats.
const (
	FormatCSV  Format = "csv"
	FormatJSON Format = "json"
)

// Export writes the finished trials by number. JSON is an array of sweep.Trial.
// CSV has a header and a line a trial: number, kind, status, seed; a column
// `param.NAME` for each parameter, by name, empty where the trial has none; a
// column `metric.NAME` for each metric, by name; then how the trial went. Numbers
// keep every digit. The columns depend on the spec and on the names that occur,
// never on the order of trials.
func Export(w io.Writer, format Format, spec *sweep.Spec, trials []sweep.Trial) error {
	trials = slices.Clone(trials)
	slices.SortStableFunc(trials, func(a, b sweep.Trial) int { return cmp.Compare(a.Number, b.Number) })
	switch format {
	case FormatCSV:
		return exportCSV(w, spec, trials)
	case FormatJSON:
		return exportJSON(w, trials)
	}
	return fmt.Errorf("report: export format %q (valid: %s, %s)", format, FormatCSV, FormatJSON)
}

func exportJSON(w io.Writer, trials []sweep.Trial) error {
	if trials == nil {
		trials = []sweep.Trial{}
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(trials); err != nil {
		return fmt.Errorf("report: export: %w", err)
	}
	return nil
}

func exportCSV(w io.Writer, spec *sweep.Spec, trials []sweep.Trial) error {
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

	out := csv.NewWriter(w)
	if err := out.Write(header); err != nil {
		return fmt.Errorf("report: export: %w", err)
	}
	for _, t := range trials {
		if err := out.Write(record(t, params, metrics)); err != nil {
			return fmt.Errorf("report: export: trial %d: %w", t.Number, err)
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("report: export: %w", err)
	}
	return nil
}

// record is t's line under exportCSV's header.
func record(t sweep.Trial, params, metrics []string) []string {
	line := []string{strconv.Itoa(t.Number), string(t.Kind), string(t.Status), strconv.FormatInt(t.Seed, 10)}
	for _, name := range params {
		if v, ok := t.Params[name]; ok {
			line = append(line, v.String())
		} else {
			line = append(line, "")
		}
	}
	for _, name := range metrics {
		if v, ok := t.Metrics[name]; ok {
			line = append(line, exact(v))
		} else {
			line = append(line, "")
		}
	}
	var failure sweep.Failure
	if t.Error != nil {
		failure = *t.Error
	}
	guidance := ""
	if t.Status == sweep.StatusCompleted {
		guidance = exact(t.Guidance)
	}
	return append(line, guidance, strconv.Itoa(t.Steps), unlessNil(t.LossFirst), unlessNil(t.LossLast),
		strconv.Itoa(t.Attempts), exact(t.TrainTime), exact(t.EvalTime), t.Backend, t.Reason.Sampler,
		stamp(t.StartedAt), stamp(t.FinishedAt), t.Checkpoint, t.Grid, string(failure.Class), failure.Message, t.StopReason())
}

// metricNames are the names of the objectives and of every metric of a trial, ordered.
func metricNames(spec *sweep.Spec, trials []sweep.Trial) []string {
	names := map[string]bool{}
	for _, o := range spec.Metrics {
		names[o.Name] = true
	}
	for _, t := range trials {
		for name := range t.Metrics {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func exact(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// unlessNil is the number, or nothing where there is none.
func unlessNil(v *float64) string {
	if v == nil {
		return ""
	}
	return exact(*v)
}

// stamp writes a time in RFC 3339; nothing when it is zero.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
