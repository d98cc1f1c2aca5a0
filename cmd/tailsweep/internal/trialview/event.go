package trialview

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// Event formats an event of a child; "" for one that is not printed.
func Event(e job.Event) string {
	switch e.Type {
	case job.Started:
		where := e.Backend
		if e.Device != "" { // a program of the user may have none
			where += " on " + e.Device
		}
		return fmt.Sprintf("%s, step %d of %d", where, e.Step, e.Steps)
	case job.Compiling:
		return "compiling"
	case job.Progress:
		if e.Point == nil {
			return ""
		}
		return progressText(e)
	case job.Checkpoint:
		return "checkpoint " + e.Dir
	case job.Done:
		line := fmt.Sprintf("done at step %d", e.Step)
		if e.LossFirst != nil && e.LossLast != nil {
			line += fmt.Sprintf(": loss %.4f, at the start %.4f", *e.LossLast, *e.LossFirst)
		}
		if found := metricsText(e.Evaluation); found != "" {
			line += "\n" + found
		}
		return line
	case job.Diverged:
		return fmt.Sprintf("diverged at step %d", e.Step)
	case job.Preempted:
		return fmt.Sprintf("stopped at step %d; continue with --resume", e.Step)
	case job.Result:
		return metricsText(e.Evaluation)
	default:
		return ""
	}
}

// metricsText has a line for each metric, by name.
func metricsText(found *sweep.Evaluation) string {
	if found == nil {
		return ""
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(found.Metrics)) {
		lines = append(lines, fmt.Sprintf("%-20s %.4g", name, found.Metrics[name]))
	}
	return strings.Join(lines, "\n")
}

// progressText formats a point of the curve: the loss, its terms, the speed, the time
// left and the memory.
func progressText(e job.Event) string {
	line := fmt.Sprintf("step %d/%d  loss %.4f", e.Step, e.Steps, e.Point.Loss)
	if e.Point.DDPM != 0 { // a program of the user has none
		line += fmt.Sprintf("  ddpm %.4f", e.Point.DDPM)
	}
	var names []string
	for _, term := range sweep.LossTerms() {
		names = append(names, term.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(e.Point.Terms)) { // of a program of the user
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if value, on := e.Point.Terms[name]; on {
			line += fmt.Sprintf("  %s %.4f", name, value)
		}
	}
	if e.StepsPerSecond > 0 {
		line += fmt.Sprintf("  %.1f steps/s", e.StepsPerSecond)
	}
	if left := e.SecondsLeft(); left > 0 {
		line += "  " + text.Duration(time.Duration(left*float64(time.Second))) + " left"
	}
	if e.Memory > 0 {
		line += "  " + text.Bytes(e.Memory)
	}
	return line
}
