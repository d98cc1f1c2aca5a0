package trialview

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/job"
)

func TestProgressText(t *testing.T) {
	e := job.Event{Type: job.Progress, Step: 300, Steps: 18000, Point: &sweep.CurvePoint{Loss: 0.25, DDPM: 0.2, Terms: map[string]float64{sweep.TermInfoNCE: 0.5}}}
	require.Equal(t, "step 300/18000  loss 0.2500  ddpm 0.2000  infonce 0.5000", Event(e))
	e.StepsPerSecond, e.Memory = 75, 900<<20
	require.Equal(t, "step 300/18000  loss 0.2500  ddpm 0.2000  infonce 0.5000  75.0 steps/s  3m56s left  900 MiB", Event(e))
	e.Step = 18000
	require.NotContains(t, Event(e), "left")
	e.Point = nil
	require.Empty(t, Event(e), "an event without a point is for the worker only")
}

// The events of a program of the user have no device, no DDPM loss, and losses of its own names.
func TestEventsOfAProgram(t *testing.T) {
	require.Equal(t, "program, step 0 of 4", Event(job.Event{Type: job.Started, Backend: "program", Steps: 4}))
	e := job.Event{Type: job.Progress, Step: 1, Steps: 4, Point: &sweep.CurvePoint{Loss: 0.25, Terms: map[string]float64{"z": 1, "a": 2, sweep.TermInfoNCE: 3}}}
	require.Equal(t, "step 1/4  loss 0.2500  infonce 3.0000  a 2.0000  z 1.0000", Event(e))
	e = job.Event{Type: job.Done, Step: 4, Steps: 4, Evaluation: &sweep.Evaluation{Metrics: map[string]float64{"b": 1, "acc": 0.5}}}
	require.Equal(t, "done at step 4\nacc                  0.5\nb                    1", Event(e))
}

// The message of a failed program ends with its output, whose last line says most.
func TestReasonOfAProgram(t *testing.T) {
	for message, want := range map[string]string{
		"the program ended with exit code 1; its last output:\nTraceback:\n  line 7\nValueError: no such column\n": "bug: the program ended with exit code 1; its last output: ValueError: no such column",
		"one line":               "bug: one line",
		"two lines\nthe second":  "bug: two lines",
		"nothing was printed:\n": "bug: nothing was printed:",
	} {
		require.Equal(t, want, Reason(sweep.Trial{Error: &sweep.Failure{Class: sweep.FailBug, Message: message}}))
	}
}
