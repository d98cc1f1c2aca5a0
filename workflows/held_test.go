package workflows

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/activities/activitiestest"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

const (
	signalEnd    = "end"    // sweep.Trial: report it and end
	signalVanish = "vanish" // end without a report
)

// heldTrial is a fake of Trial: it runs until a signal of the test ends it, or it is
// cancelled.
func (r *rig) heldTrial(ctx workflow.Context, in TrialInput) (activities.TrialResult, error) {
	workflow.Go(ctx, func(ctx workflow.Context) {
		for {
			var v conduct.RungVerdict
			workflow.GetSignalChannel(ctx, SignalVerdict).Receive(ctx, &v)
			r.verdicts = append(r.verdicts, v)
		}
	})
	result := sweep.Trial{Assignment: in.Assignment, Status: sweep.StatusCancelled}
	vanish := false
	workflow.NewSelector(ctx).
		AddReceive(workflow.GetSignalChannel(ctx, signalEnd), func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, &result) }).
		AddReceive(workflow.GetSignalChannel(ctx, signalVanish), func(workflow.ReceiveChannel, bool) { vanish = true }).
		AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) {}).
		Select(ctx)
	if vanish {
		return activities.TrialResult{}, errors.New("terminated")
	}
	ctx, release := workflow.NewDisconnectedContext(ctx)
	defer release()
	report := activities.TrialResult{Trial: result}
	return report, workflow.SignalExternalWorkflow(ctx, SweepID(in.Spec.Name), "", SignalResult, report).Get(ctx, nil)
}

// held is a rig whose trials are heldTrials.
func held(t *testing.T) *rig {
	r := newRig(t)
	r.hold()
	return r
}

func (r *rig) hold() {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(quiet)
	r.env = suite.NewTestWorkflowEnvironment()
	r.env.SetTestTimeout(20 * time.Second)
	r.env.SetDetachedChildWait(false) // trials outlive the run
	r.env.RegisterWorkflow(Sweep)
	r.env.RegisterWorkflowWithOptions(r.heldTrial, workflow.RegisterOptions{Name: TypeTrial})
	r.env.RegisterActivity(r.do)
	r.expectStrangers()
}

// at has f called when the clock of the environment shows a minute; the sweep
// has acted on what came before.
func (r *rig) at(minute int, f func()) {
	r.env.RegisterDelayedCallback(f, time.Duration(minute)*time.Minute)
}

func (r *rig) end(number int, status sweep.Status) { r.endAs(completed(number, status)) }

func (r *rig) endAs(t sweep.Trial) {
	r.t.Helper()
	require.NoError(r.t, r.env.SignalWorkflowByID(TrialID("grid", t.Number), signalEnd, t))
}

// completed is trial n of gridSpec as it ended.
func completed(number int, status sweep.Status) sweep.Trial {
	t := sweep.Trial{Status: status, Assignment: sweep.Assignment{
		Number: number, Kind: sweep.KindSearch, Params: sweep.Params{"infonce.weight": sweep.Number(float64(number))},
	}}
	switch status {
	case sweep.StatusCompleted:
		t.Metrics = activitiestest.Metrics(t.Assignment)
		t.Checkpoint = activitiestest.Key(number, 1, 300)
		t.TrainTime, t.EvalTime = 1800, 1800
	case sweep.StatusFailed:
		t.Error = &sweep.Failure{Class: sweep.FailBug, Message: fmt.Sprintf("line %d: nil", number)}
	}
	return t
}

func (r *rig) progress() conduct.Progress {
	r.t.Helper()
	value, err := r.env.QueryWorkflow(QueryProgress)
	require.NoError(r.t, err)
	var p conduct.Progress
	require.NoError(r.t, value.Get(&p))
	return p
}

func (r *rig) requireRunning(phase conduct.Phase, trials ...int) {
	r.t.Helper()
	p := r.progress()
	running := []int{}
	for _, t := range p.Running {
		running = append(running, t.Number)
	}
	if trials == nil {
		trials = []int{}
	}
	require.Equal(r.t, trials, running)
	require.Equal(r.t, phase, p.Phase)
}

// answer is the outcome of an Update.
type answer struct {
	progress conduct.Progress
	err      error
	accepted bool
}

func (r *rig) update(name string, c conduct.Command) *answer {
	a := &answer{}
	r.env.UpdateWorkflow(name, "", &testsuite.TestUpdateCallback{
		OnAccept: func() { a.accepted = true },
		OnReject: func(err error) { a.err = err },
		OnComplete: func(value any, err error) {
			a.err = err
			if p, ok := value.(conduct.Progress); ok {
				a.progress = p
			}
		},
	}, c)
	return a
}

func (r *rig) command(name string) *answer {
	return r.update(name, conduct.Command{By: "ann", Reason: "a test"})
}
