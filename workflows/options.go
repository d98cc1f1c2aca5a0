package workflows

import (
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/sweep"
)

// How long things may take, and how often they are tried.
const (
	controlTimeout  = 5 * time.Minute // one attempt of a control activity; Suggest on a long ledger is the slowest
	curateAttempts  = 10
	recordTimeout   = time.Minute         // all attempts: numbers on a dashboard are never waited for
	trainTimeout    = 30 * 24 * time.Hour // one attempt; what ends a hung one is its heartbeat
	evaluateTimeout = 3 * 24 * time.Hour
	reconcileEvery  = 5 * time.Minute
	cancelledEvery  = 30 * time.Second // like reconcileEvery, while trials are being cancelled
	restBase        = 5 * time.Second  // before the second attempt, doubled before each further one
	restMax         = 5 * time.Minute
	askAgain        = time.Minute // for a verdict, doubled each further time
	askAgainMax     = 10 * time.Minute
	maxAttempts     = 100 // of a trial, to train and to evaluate, preempted ones included, so that its history stays bounded
)

// summaryLimit bounds a summary in the Temporal UI, in bytes; the server refuses
// more than 400.
const summaryLimit = 200

// lasting is for control activities that the sweep cannot go on without: the
// object store may be away for hours, and only a fault that stays ends them.
func lasting(ctx workflow.Context, summary string) workflow.Context {
	return control(ctx, summary, 0)
}

// control is for the activities on the control queue; attempts 0 means no limit.
func control(ctx workflow.Context, summary string, attempts int32) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: controlTimeout,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute, MaximumAttempts: attempts,
			NonRetryableErrorTypes: []string{"PanicError"},
		},
		Summary: clip(summary),
	})
}

// recording is for the numbers on a dashboard.
func recording(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 10 * time.Second, ScheduleToCloseTimeout: recordTimeout,
	})
}

// slot is for the activities on the training queue. An attempt is tried once:
// the Trial decides by the failure's class what follows. There is no
// ScheduleToStart timeout, since waiting for a slot is normal.
func slot(ctx workflow.Context, spec *sweep.Spec, timeout time.Duration, summary string) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           spec.Resources.Queue,
		StartToCloseTimeout: timeout,
		HeartbeatTimeout:    activities.HeartbeatTimeout,
		WaitForCancellation: true,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 1},
		Summary:             clip(summary),
	})
}

// childOptions are a trial's. With any other close policy it would end with the
// run that started it, and its result never reach the next one; with any other
// reuse policy a sweep that was reset would train it again.
func childOptions(name string, a sweep.Assignment) workflow.ChildWorkflowOptions {
	return workflow.ChildWorkflowOptions{
		WorkflowID:            TrialID(name, a.Number),
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
		WaitForCancellation:   true, // a cancelled trial still publishes and reports
		StaticSummary:         clip(label(a)),
		StaticDetails:         a.Reason.Note,
		TypedSearchAttributes: temporal.NewSearchAttributes(
			keySweep.ValueSet(name), keyState.ValueSet(string(PhaseRunning)),
		),
	}
}
