package workflows

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// TestReplay holds that today's code makes the same commands as every recorded
// version did. A failure means that running sweeps would break on an upgrade:
// see versions.go.
func TestReplay(t *testing.T) {
	files, err := filepath.Glob("testdata/logic-*/*.json")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 7, "recorded histories are missing")
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			replayer := worker.NewWorkflowReplayer()
			replayer.RegisterWorkflow(Sweep)
			replayer.RegisterWorkflow(Trial)
			require.NoError(t, replayer.ReplayWorkflowHistoryFromJSONFile(quiet, file))
		})
	}
}

// TestReplayNoticesAChange replays with workflows that first sleep, which must fail.
func TestReplayNoticesAChange(t *testing.T) {
	for _, file := range []string{"testdata/logic-1/grid-sweep-0.json", "testdata/logic-1/grid-trial-0.json"} {
		replayer := worker.NewWorkflowReplayer()
		replayer.RegisterWorkflowWithOptions(func(ctx workflow.Context, in SweepInput) (Progress, error) {
			if err := workflow.Sleep(ctx, time.Second); err != nil {
				return Progress{}, err
			}
			return Sweep(ctx, in)
		}, workflow.RegisterOptions{Name: TypeSweep})
		replayer.RegisterWorkflowWithOptions(func(ctx workflow.Context, in TrialInput) (TrialResult, error) {
			if err := workflow.Sleep(ctx, time.Second); err != nil {
				return TrialResult{}, err
			}
			return Trial(ctx, in)
		}, workflow.RegisterOptions{Name: TypeTrial})
		require.ErrorContains(t, replayer.ReplayWorkflowHistoryFromJSONFile(quiet, file), "TMPRL1100", file)
	}
}
