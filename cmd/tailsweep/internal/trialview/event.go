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
		return fmt.Sprintf("%s on %s, step %d of %d", e.Backend, e.Device, e.Step, e.Steps)
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
		return line
	case job.Diverged:
		return fmt.Sprintf("diverged at step %d", e.Step)
	case job.Preempted:
		return fmt.Sprintf("stopped at step %d; continue with --resume", e.Step)
	case job.Result:
		var lines []string
		for _, name := range slices.Sorted(maps.Keys(e.Metrics)) {
			lines = append(lines, fmt.Sprintf("%-20s %.4g", name, e.Metrics[name]))
		}
		return strings.Join(lines, "\n")
	default:
		return ""
	}
}

// progressText formats a point of the curve: the loss, its terms, the speed, the time
// left and the memory.
func progressText(e job.Event) string {
	line := fmt.Sprintf("step %d/%d  loss %.4f  ddpm %.4f", e.Step, e.Steps, e.Point.Loss, e.Point.DDPM)
	for _, term := range sweep.LossTerms() {
		if value, on := e.Point.Terms[term.Name]; on {
			line += fmt.Sprintf("  %s %.4f", term.Name, value)
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
