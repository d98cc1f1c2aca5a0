package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/workflows"
)

// Limits on one look at a sweep.
const (
	queryTimeout = 5 * time.Second
	maxLive      = 32 // running trials whose heartbeats are fetched
)

// errNoSweep is the state of a sweep that Temporal does not know.
var errNoSweep = errors.New("no such sweep in Temporal")

// observer looks at one sweep again and again, and fetches only what changed.
type observer struct {
	name     string
	temporal client.Client
	archive  *archive.Archive
	spec     *sweep.Spec

	finished []sweep.Trial
	count    int // of trials that Temporal said were finished at the last fetch
}

// look makes a view of the sweep as it is now. The view's notice tells of what is
// away; an error means that nothing could be seen.
func (o *observer) look(ctx context.Context) (view, error) {
	p, err := queryProgress(ctx, o.temporal, o.name)
	if err != nil {
		return view{}, err
	}
	v := view{Spec: o.spec, Progress: p, Now: time.Now()}
	if v.Live, err = liveTrials(ctx, o.temporal, p); err != nil {
		return view{}, err
	}
	if allQueued(v) {
		if v.Notice, err = o.noWorker(ctx); err != nil {
			return view{}, err
		}
	}
	if o.finished == nil || p.Finished != o.count {
		trials, err := o.archive.Trials(ctx, o.name)
		if err != nil {
			return view{}, err
		}
		o.finished, o.count = trials, p.Finished
	}
	v.Finished = o.finished
	return v, nil
}

// allQueued reports whether trials have started and none of them has a slot.
func allQueued(v view) bool {
	for _, live := range v.Live {
		if live.Stage != stageQueued {
			return false
		}
	}
	return len(v.Live) > 0
}

// noWorker says that nobody serves the sweep's training queue; "" when somebody does.
func (o *observer) noWorker(ctx context.Context) (string, error) {
	queue := o.spec.Resources.Queue
	d, err := o.temporal.DescribeTaskQueue(ctx, queue, enumspb.TASK_QUEUE_TYPE_ACTIVITY)
	if err != nil {
		return "", fmt.Errorf("describe the task queue %s: %w", queue, err)
	}
	if len(d.GetPollers()) > 0 {
		return "", nil
	}
	return fmt.Sprintf("no worker listens on the queue %q: tailsweep worker --only training --queue %[1]s", queue), nil
}

// queryProgress learns how far a sweep is: from the sweep itself while it runs,
// which takes a worker, and from its result afterwards, which does not.
func queryProgress(ctx context.Context, c client.Client, name string) (workflows.Progress, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	p := workflows.Progress{Name: name}
	d, err := c.DescribeWorkflowExecution(ctx, workflows.SweepID(name), "")
	var gone *serviceerror.NotFound
	if errors.As(err, &gone) {
		return p, fmt.Errorf("%w: %q", errNoSweep, name)
	}
	if err != nil {
		return p, fmt.Errorf("look for sweep %q: %w", name, err)
	}
	info := d.GetWorkflowExecutionInfo()
	switch info.GetStatus() {
	case enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW:
		answer, err := c.QueryWorkflow(ctx, workflows.SweepID(name), "", workflows.QueryProgress)
		if err == nil {
			err = answer.Get(&p)
		}
		if err != nil {
			return p, fmt.Errorf("ask sweep %q for its progress (does a worker run?): %w", name, err)
		}
		return p, nil
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		if err := c.GetWorkflow(ctx, workflows.SweepID(name), info.GetExecution().GetRunId()).Get(ctx, &p); err != nil {
			return p, fmt.Errorf("read the result of sweep %q: %w", name, err)
		}
		return p, nil
	}
	ended := info.GetCloseTime().AsTime()
	p.Phase, p.StartedAt, p.EndedAt = workflows.PhaseFailed, info.GetStartTime().AsTime(), &ended
	p.Message = "its workflow ended as " + strings.ToLower(info.GetStatus().String())
	err = c.GetWorkflow(ctx, workflows.SweepID(name), info.GetExecution().GetRunId()).Get(ctx, nil)
	if err := lastWords(err, &p); err != nil {
		return p, fmt.Errorf("read the result of sweep %q: %w", name, err)
	}
	return p, nil
}

// lastWords reads the progress that a sweep which failed, or was cancelled by
// Temporal's own means, put into the error it ended with. One that was ended from
// outside left none.
func lastWords(ended error, p *workflows.Progress) error {
	var failed *temporal.ApplicationError
	var cancelled *temporal.CanceledError
	switch {
	case errors.As(ended, &failed) && failed.Type() == workflows.TypeSweepFailed && failed.HasDetails():
		return failed.Details(p)
	case errors.As(ended, &cancelled) && cancelled.HasDetails():
		return cancelled.Details(p)
	}
	return nil
}

// liveTrials reads the state of the first maxLive running trials, by number.
func liveTrials(ctx context.Context, c client.Client, p workflows.Progress) (map[int]liveTrial, error) {
	live := map[int]liveTrial{}
	for _, r := range p.Running[:min(len(p.Running), maxLive)] {
		l, err := liveState(ctx, c, workflows.TrialID(p.Name, r.Number))
		if err != nil {
			return nil, err
		}
		live[r.Number] = l
	}
	return live, nil
}

// liveState reads what a trial's training activity said in its last heartbeat.
func liveState(ctx context.Context, c client.Client, workflowID string) (liveTrial, error) {
	d, err := c.DescribeWorkflowExecution(ctx, workflowID, "")
	var gone *serviceerror.NotFound
	if errors.As(err, &gone) {
		return liveTrial{Stage: stageQueued}, nil // its start is not through yet
	}
	if err != nil {
		return liveTrial{}, fmt.Errorf("describe %s: %w", workflowID, err)
	}
	live := liveTrial{Stage: stagePublishing}
	for _, a := range d.GetPendingActivities() {
		if l, ok := fromActivity(a); ok {
			live = l
		}
	}
	return live, nil
}

// fromActivity turns a pending training activity into what watch shows; ok is
// false for a control activity.
func fromActivity(a *workflowpb.PendingActivityInfo) (live liveTrial, ok bool) {
	var beat activities.Heartbeat
	if details := a.GetHeartbeatDetails(); details != nil {
		// A heartbeat that does not decode is one of another version: show none.
		_ = converter.GetDefaultDataConverter().FromPayloads(details, &beat)
	}
	live = liveTrial{
		Attempt: max(beat.Attempt, int(a.GetAttempt())), Step: beat.Progress.Step, Steps: beat.Progress.Steps,
		Loss: beat.Progress.Loss, StepsPerSecond: beat.Progress.StepsPerSecond,
	}
	switch a.GetActivityType().GetName() {
	case "Train":
		live.Stage = stageTraining
	case "Evaluate":
		live.Stage, live.Trained = stageEvaluating, true
	default:
		return liveTrial{}, false
	}
	if live.Step == 0 {
		live.Stage = stageStarting
	}
	if a.GetState() == enumspb.PENDING_ACTIVITY_STATE_SCHEDULED {
		live.Stage = stageQueued
		if a.GetAttempt() > 1 {
			live.Stage = stageRetrying
		}
	}
	return live, true
}
