package workflows

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/activities/activitiestest"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

var quiet = log.NewStructuredLogger(slog.New(slog.DiscardHandler))

// rig runs workflows in Temporal's test environment, where time passes at once
// when nothing runs. Everything behind the activities is a fake.
type rig struct {
	t          *testing.T
	env        *testsuite.TestWorkflowEnvironment
	trainer    *activitiestest.Trainer
	archive    *activitiestest.Archive
	recorder   *activitiestest.Recorder
	executions *activitiestest.Executions
	do         *activities.Activities
	verdicts   []conduct.RungVerdict // that held trials have received
	blocked    []conduct.TrialBlocked
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{
		t:       t,
		trainer: &activitiestest.Trainer{}, archive: activitiestest.NewArchive(),
		recorder: &activitiestest.Recorder{}, executions: &activitiestest.Executions{},
	}
	r.do = &activities.Activities{
		Trainer: r.trainer, Archive: r.archive, Recorder: r.recorder, Executions: r.executions,
		StagingRoot: t.TempDir(), HeartbeatEvery: 10 * time.Millisecond,
	}
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(quiet)
	r.env = suite.NewTestWorkflowEnvironment()
	r.env.SetTestTimeout(20 * time.Second)
	r.env.RegisterWorkflow(Sweep)
	r.env.RegisterWorkflow(Trial)
	r.env.RegisterActivity(r.do)
	r.expectStrangers()
	r.executions.Receive = func(to activities.Receiver, content any) error {
		r.env.SignalWorkflow(to.Name, content) // a sweep; it receives nothing once it has ended
		return nil
	}
	return r
}

// expectResults returns what a trial that runs by itself reports, from its activity Publish and
// from its workflow.
func (r *rig) expectResults() *[]sweep.Trial {
	var list []sweep.Trial
	r.executions.Receive = func(to activities.Receiver, content any) error {
		if to == (activities.Receiver{Workflow: "sweep/grid", Name: SignalResult}) {
			list = append(list, content.(activities.TrialResult).Trial)
		}
		return nil
	}
	r.env.OnSignalExternalWorkflow(mock.Anything, "sweep/grid", "", SignalResult, mock.Anything).Maybe().Return(
		func(_, _, _, _ string, arg any) error {
			list = append(list, arg.(activities.TrialResult).Trial)
			return nil
		})
	return &list
}

// expectStrangers answers requests to cancel trials that are not there.
func (r *rig) expectStrangers() {
	r.env.OnRequestCancelExternalWorkflow(mock.Anything, mock.Anything, mock.Anything).Maybe().Return(errors.New("not found"))
}

func (r *rig) sweep(in SweepInput) (conduct.Progress, error) {
	r.t.Helper()
	r.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: SweepID(in.Spec.Name), TaskQueue: ControlQueue})
	r.env.ExecuteWorkflow(Sweep, in)
	require.True(r.t, r.env.IsWorkflowCompleted())
	var p conduct.Progress
	if err := r.env.GetWorkflowError(); err != nil {
		return p, err
	}
	require.NoError(r.t, r.env.GetWorkflowResult(&p))
	return p, nil
}

// failedProgress reads the conduct.Progress that a failed sweep ends with.
func failedProgress(t *testing.T, err error) conduct.Progress {
	t.Helper()
	var failure *temporal.ApplicationError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, TypeSweepFailed, failure.Type())
	var p conduct.Progress
	require.NoError(t, failure.Details(&p))
	require.Equal(t, conduct.PhaseFailed, p.Phase)
	require.Equal(t, failure.Message(), p.Message)
	return p
}

// cancelledProgress reads the conduct.Progress that a cancelled sweep ends with.
func cancelledProgress(t *testing.T, err error) conduct.Progress {
	t.Helper()
	var cancelled *temporal.CanceledError
	require.ErrorAs(t, err, &cancelled, "the workflow ends as cancelled in Temporal")
	var p conduct.Progress
	require.NoError(t, cancelled.Details(&p))
	require.Equal(t, conduct.PhaseCancelled, p.Phase)
	return p
}

// gridSpec is a grid of n configurations of infonce.weight: 0, 1, ...; the last is the
// best.
func gridSpec(n int) sweep.Spec {
	values := make([]sweep.Value, n)
	for i := range values {
		values[i] = sweep.Number(float64(i))
	}
	return sweep.Spec{
		APIVersion: sweep.APIVersion, Name: "grid", Method: sweep.MethodGrid,
		Train:               sweep.Train{Steps: 300, Seed: 1},
		Parameters:          []sweep.Parameter{{Name: "infonce.weight", Distribution: sweep.DistCategorical, Values: values}},
		Metrics:             []sweep.Objective{{Name: "fid.tail", Goal: sweep.Minimize}, {Name: "fid.head", Goal: sweep.Minimize}},
		MaxConcurrentTrials: 2, MaxRestarts: 2,
		Resources:   sweep.Resources{Queue: "train"},
		Checkpoints: sweep.Checkpoints{EverySteps: 100, SaveSweepBest: 1},
	}
}

func numbers(trials []sweep.Trial) []int {
	n := make([]int, len(trials))
	for i, t := range trials {
		n[i] = t.Number
	}
	return n
}
