package workflows

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// TestReplay checks that today's code makes the same commands as every recorded
// version did. A failure means that running sweeps would break on an upgrade: see
// doc.go of package conduct.
func TestReplay(t *testing.T) {
	files, err := filepath.Glob("testdata/logic-*/*.json")
	require.NoError(t, err)
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			replayer := worker.NewWorkflowReplayer()
			replayer.RegisterWorkflow(Sweep)
			replayer.RegisterWorkflow(Trial)
			require.NoError(t, replayer.ReplayWorkflowHistoryFromJSONFile(quiet, file))
		})
	}
}

// TestHistoriesAreRecorded checks that each logic version has the histories that
// TestRecord writes, and that each command is in one of them.
func TestHistoriesAreRecorded(t *testing.T) {
	for version := conduct.LogicFirst; version <= conduct.LogicNow; version++ {
		folder := fmt.Sprintf("testdata/logic-%d", version)
		for _, name := range []string{
			"grid-sweep-0", "grid-trial-0", "searched-sweep-0", "repeated-sweep-0", "rungs-sweep-0", "rungs-sweep-1", "rungs-trial-0", "stopped-trial-0",
			"steered-sweep-0", "cancelled-sweep-0", "cancelled-trial-0", "continued-sweep-0", "continued-sweep-1", "retried-trial-0",
			"failed-trial-0", "changed-sweep-0", "extended-sweep-0", "blocked-sweep-0", "blocked-trial-0", "limited-trial-0", "reset-sweep-0",
			"asked-again-trial", "blocked-training-trial", "cancelled-at-rung-trial", "cancelled-before-trial", "cancelled-evaluated-rung-trial",
			"cancelled-queued-trial", "cancelled-trained-trial", "cancelled-waiting-trial", "corrupt-trial", "environment-trial",
			"given-up-trial", "limit-waiting-trial", "no-slot-trial", "publish-blocked-cancelled-trial", "publish-blocked-trial",
			"publish-given-up-trial", "publish-permanent-trial",
		} {
			require.FileExists(t, filepath.Join(folder, name+".json"))
		}
		accepted := commandsIn(t, folder)
		for _, v := range conduct.CommandTypes() {
			require.Contains(t, accepted, v.Name, "no history of logic version %d has the command", version)
		}
	}
}

// commandsIn are the Updates that were accepted in the histories of a folder.
func commandsIn(t *testing.T, folder string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*-sweep-*.json"))
	require.NoError(t, err)
	for _, file := range files {
		f, err := os.Open(file)
		require.NoError(t, err)
		history, err := client.HistoryFromJSON(f, client.HistoryJSONOptions{})
		require.NoError(t, err)
		require.NoError(t, f.Close())
		for _, event := range history.GetEvents() {
			if a := event.GetWorkflowExecutionUpdateAcceptedEventAttributes(); a != nil {
				names = append(names, a.GetAcceptedRequest().GetInput().GetName())
			}
		}
	}
	return names
}

// TestReplayNoticesAChange replays with workflows that first sleep, which must fail.
func TestReplayNoticesAChange(t *testing.T) {
	for _, file := range []string{"testdata/logic-1/grid-sweep-0.json", "testdata/logic-1/grid-trial-0.json"} {
		replayer := worker.NewWorkflowReplayer()
		replayer.RegisterWorkflowWithOptions(func(ctx workflow.Context, in SweepInput) (conduct.Progress, error) {
			if err := workflow.Sleep(ctx, time.Second); err != nil {
				return conduct.Progress{}, err
			}
			return Sweep(ctx, in)
		}, workflow.RegisterOptions{Name: TypeSweep})
		replayer.RegisterWorkflowWithOptions(func(ctx workflow.Context, in TrialInput) (activities.TrialResult, error) {
			if err := workflow.Sleep(ctx, time.Second); err != nil {
				return activities.TrialResult{}, err
			}
			return Trial(ctx, in)
		}, workflow.RegisterOptions{Name: TypeTrial})
		require.ErrorContains(t, replayer.ReplayWorkflowHistoryFromJSONFile(quiet, file), "TMPRL1100", file)
	}
}
