package workflows

import (
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// Timeouts and retry counts. Those of the sweep's own waiting are in package conduct.
const (
	controlTimeout  = 5 * time.Minute  // one attempt of a control activity; Suggest on a long ledger is the slowest
	controlAttempts = 2                // after that the sweep is blocked: it is shown and retried later
	briefTimeout    = 5 * time.Second  // the first try of one that usually takes milliseconds; half of the time of a workflow task
	briefLedger     = 10_000           // finished trials up to which ranking by the ledger is brief: about 0.1 ms each on a busy machine
	recordTimeout   = 10 * time.Second // all attempts: nothing waits for numbers on a dashboard
	showEvery       = time.Second      // between updates of what the Temporal UI and dashboards show

	trainTimeout    = 30 * 24 * time.Hour // one attempt; what ends a hung one is its heartbeat
	evaluateTimeout = 3 * 24 * time.Hour
)

// summaryLimit bounds a summary in the Temporal UI, in bytes; the server refuses
// more than 400.
const summaryLimit = 200

// control is for the activities on the control queue that a workflow waits for. They
// are tried twice; the caller decides what follows. A store that is not reached is shown at
// once: where it hangs, each try takes 20 s, and as long again if it waits for another one.
func control(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: controlTimeout,
		HeartbeatTimeout:    activities.ControlHeartbeatTimeout, // package worker sends the heartbeats
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumAttempts: controlAttempts,
			NonRetryableErrorTypes: []string{"PanicError", string(block.Unreachable)},
		},
		Summary: clip(summary),
	})
}

// brief is for a try of a control activity within the workflow task at hand, which costs no
// task of its own. It is a local activity, so it must end before the server gives the task
// to another worker.
func brief(ctx workflow.Context, summary string) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		ScheduleToCloseTimeout: briefTimeout, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1}, Summary: clip(summary),
	})
}

// execute runs a control activity of this name, first within the task at hand if it is
// usually brief. If that fails, for whatever reason, it runs it as control does.
func execute(ctx workflow.Context, isBrief bool, summary, name string, in, out any) error {
	if isBrief {
		err := workflow.ExecuteLocalActivity(brief(ctx, summary), name, in).Get(ctx, out)
		if err == nil {
			return nil
		}
		workflow.GetLogger(ctx).Info("a control activity failed within a workflow task and is tried outside of it", "activity", name, "error", err)
	}
	return workflow.ExecuteActivity(control(ctx, summary), name, in).Get(ctx, out)
}

// recording is for the numbers on a dashboard.
func recording(ctx workflow.Context) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{ScheduleToCloseTimeout: recordTimeout})
}

// trainTurns and evaluateTurns are fairness keys: of the activities of equal priority that wait
// for a slot, those of each key get it in turn. Evaluations have a key of their own, so that they
// do not wait behind all queued trainings of their sweep. They cannot have a higher priority
// instead: Temporal has five, and each is one of resources.priority, so an evaluation would
// overtake sweeps of a higher priority. A key has up to 64 bytes, a sweep's name up to 63.
func trainTurns(spec *sweep.Spec) string    { return spec.Name }
func evaluateTurns(spec *sweep.Spec) string { return spec.Name + "+" }

// slot is for the activities on the training queue. An attempt is tried once: the
// Trial decides by the failure's class what follows. It waits for a slot for as long
// as wait says; 0 means without a limit, since waiting is normal. turns is its fairness key.
func slot(ctx workflow.Context, spec *sweep.Spec, turns string, wait, timeout time.Duration, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              spec.Resources.Queue,
		ScheduleToStartTimeout: wait,
		StartToCloseTimeout:    timeout,
		HeartbeatTimeout:       activities.HeartbeatTimeout,
		WaitForCancellation:    true,
		RetryPolicy:            &temporal.RetryPolicy{MaximumAttempts: 1},
		Priority:               temporal.Priority{PriorityKey: spec.Resources.Priority, FairnessKey: turns},
		Summary:                clip(summary),
	})
}

// childOptions are the options of a trial's workflow. With a different close policy the
// trial would end with the run that started it; with a different reuse policy a sweep
// that was reset would train it again.
func childOptions(name string, a sweep.Assignment) workflow.ChildWorkflowOptions {
	return workflow.ChildWorkflowOptions{
		WorkflowID:            TrialID(name, a.Number),
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
		WaitForCancellation:   true, // a cancelled trial still publishes and reports
		StaticSummary:         clip(label(a)),
		StaticDetails:         a.Reason.Note,
		TypedSearchAttributes: temporal.NewSearchAttributes(
			keySweep.ValueSet(name), keyState.ValueSet(string(conduct.PhaseRunning)),
		),
	}
}
