package progress

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/tailsweep/tailsweep/workflows"
)

func TestLastWords(t *testing.T) {
	for name, c := range map[string]struct {
		ended error
		phase workflows.Phase
		done  int
	}{
		"failed":                  {temporal.NewApplicationError("", workflows.TypeSweepFailed, workflows.Progress{Phase: workflows.PhaseFailed, Finished: 2}), workflows.PhaseFailed, 2},
		"cancelled in Temporal":   {temporal.NewCanceledError(workflows.Progress{Phase: workflows.PhaseCancelled, Finished: 3}), workflows.PhaseCancelled, 3},
		"cancelled, no words":     {temporal.NewCanceledError(), "before", 1},
		"another's failure":       {temporal.NewApplicationError("", "Other", 7), "before", 1},
		"terminated from outside": {errors.New("terminated"), "before", 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := workflows.Progress{Phase: "before", Finished: 1}
			require.NoError(t, lastWords(c.ended, &p))
			require.Equal(t, c.phase, p.Phase)
			require.Equal(t, c.done, p.Finished)
		})
	}
}
