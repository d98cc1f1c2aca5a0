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
