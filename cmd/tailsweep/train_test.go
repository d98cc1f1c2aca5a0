package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/trainer/job"
)

func TestProgressText(t *testing.T) {
	infonce := 0.5
	e := job.Event{Type: job.Progress, Step: 300, Steps: 18000, Point: &job.Point{Loss: 0.25, DDPM: 0.2, Infonce: &infonce}}
	require.Equal(t, "step 300/18000  loss 0.2500  ddpm 0.2000  infonce 0.5000", eventText(e))
	e.StepsPerSecond, e.Memory = 75, 900<<20
	require.Equal(t, "step 300/18000  loss 0.2500  ddpm 0.2000  infonce 0.5000  75.0 steps/s  3m56s left  900.0 MiB", eventText(e))
	e.Step = 18000
	require.NotContains(t, eventText(e), "left")
	e.Point = nil
	require.Empty(t, eventText(e), "a sign of life is for the worker")
}
