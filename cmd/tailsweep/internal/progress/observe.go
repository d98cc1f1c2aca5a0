package progress

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
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/workflows"
)

// Limits on one look at a sweep.
const (
	queryTimeout = 5 * time.Second
	maxLive      = 32 // running trials whose heartbeats are read
)

// ErrNoSweep is returned for a sweep that Temporal does not know.
var ErrNoSweep = errors.New("no such sweep in Temporal")

// Observer makes views of one sweep, and reads only what changed since the last one.
type Observer struct {
	Name      string
	Namespace string // of Temporal
	Temporal  client.Client
	Archive   *archive.Archive
	Spec      *sweep.Spec // in force when it was read

	version  int // number of the command that made Spec; 0: it is not known to be the last
	finished []sweep.Trial
	count    int // finished trials according to Temporal, at the last read
	workers  lookout
	speeds   speeds
}

// View makes a view of the sweep at this moment. The view's notice says what is
// missing; an error means that there is no view.
func (o *Observer) View(ctx context.Context) (View, error) {
	p, err := QueryProgress(ctx, o.Temporal, o.Name)
	if err != nil {
		return View{}, Explained(ctx, o.Temporal, o.Namespace, o.Name, err)
	}
	p = Recovered(ctx, func(context.Context) (*archive.Archive, error) { return o.Archive, nil }, p)
	v := View{Progress: p, Now: time.Now()}
	if err := o.readSpec(ctx, p); err != nil {
		v.Notice = err.Error() // the spec before is shown
	}
	v.Spec = o.Spec
	if v.Live, err = LiveTrials(ctx, o.Temporal, o.Namespace, p); err != nil {
		return View{}, err
	}
	v.Speed = o.speeds.add(v.Live)
	v.Waiting = o.workers.waiting(ctx, o.Temporal, o.Namespace, o.Spec.Resources.Queue, v.Live)
	if err := o.readTrials(ctx, &v); err != nil {
		return View{}, err
	}
	return v, nil
}

// readSpec reads the spec again after a command that changed it. Until the command is
// stored, the spec stays the one before.
func (o *Observer) readSpec(ctx context.Context, p conduct.Progress) error {
	last := 0
	for _, e := range p.CommandLog {
		switch e.Command {
		case conduct.CommandExtend, conduct.CommandSet, conduct.CommandEdit:
			if e.Refused == "" {
				last = e.Number
			}
		}
	}
	if last <= o.version {
		return nil
	}
	e, ok, err := o.Archive.SpecVersion(ctx, o.Name)
	if err == nil && ok && e.Number > o.version {
		o.Spec, o.version = e.Spec, e.Number
	}
	return err
}

// readTrials puts the finished trials into the view. With a damaged ledger, or while the sweep
// runs and the store does not answer, these are the ones of the last view, and the notice says
// why.
func (o *Observer) readTrials(ctx context.Context, v *View) error {
	if o.finished == nil || v.Progress.Finished != o.count {
		trials, err := o.Archive.Trials(ctx, o.Name)
		var damaged *archive.LedgerError
		switch {
		case err != nil && ctx.Err() == nil && (errors.As(err, &damaged) || v.Progress.EndedAt == nil):
			v.Notice = err.Error()
		case err != nil:
			return err
		default:
			o.finished, o.count = trials, v.Progress.Finished
		}
	}
	v.Finished = o.finished
	return nil
}

// QueryProgress returns the progress of a sweep: by a query while it runs, which needs a
// worker, and from its result afterwards. A sweep that was terminated has no result: see
// Recovered.
func QueryProgress(ctx context.Context, c client.Client, name string) (conduct.Progress, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	p := conduct.Progress{Name: name}
	d, err := c.DescribeWorkflowExecution(ctx, workflows.SweepID(name), "")
	if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
		return p, fmt.Errorf("%w: %q", ErrNoSweep, name)
	}
	if err != nil {
		return p, fmt.Errorf("look for sweep %q: %w", name, err)
	}
	info := d.GetWorkflowExecutionInfo()
	status := info.GetStatus()
	if status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING || status == enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW {
		answer, err := c.QueryWorkflow(ctx, workflows.SweepID(name), "", workflows.QueryProgress)
		if err == nil {
			err = answer.Get(&p)
		}
		// The server may end the call a moment before the deadline passes here.
		_, late := errors.AsType[*serviceerror.DeadlineExceeded](err)
		_, cancelled := errors.AsType[*serviceerror.Canceled](err)
		if ctx.Err() != nil || late || cancelled {
			return p, fmt.Errorf("sweep %q: no worker has answered within %s (`tailsweep status` shows whether one runs, `tailsweep up` starts it)", name, queryTimeout)
		}
		if err != nil {
			return p, fmt.Errorf("query the progress of sweep %q: %w", name, err)
		}
		return p, nil
	}
	run := c.GetWorkflow(ctx, workflows.SweepID(name), info.GetExecution().GetRunId())
	if status == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED {
		err = run.Get(ctx, &p)
	} else {
		p.Phase, p.StartedAt, p.EndedAt = conduct.PhaseTerminated, info.GetStartTime().AsTime(), new(info.GetCloseTime().AsTime())
		p.Message = "its workflow ended as " + strings.ToLower(status.String())
		err = progressFromError(run.Get(ctx, nil), &p)
	}
	if err != nil {
		return p, fmt.Errorf("read the result of sweep %q: %w", name, err)
	}
	return p, nil
}

// progressFromError reads the progress from the error of a sweep that failed or was
// cancelled. A sweep that was terminated from outside has none.
func progressFromError(ended error, p *conduct.Progress) error {
	if failed, ok := errors.AsType[*temporal.ApplicationError](ended); ok && failed.Type() == workflows.TypeSweepFailed && failed.HasDetails() {
		return failed.Details(p)
	}
	if cancelled, ok := errors.AsType[*temporal.CanceledError](ended); ok && cancelled.HasDetails() {
		return cancelled.Details(p)
	}
	return nil
}

// LiveTrials reads the state of the first maxLive running trials, of fewer where Temporal has
// not given all within queryTimeout. The keys are numbers.
func LiveTrials(ctx context.Context, c client.Client, namespace string, p conduct.Progress) (map[int]LiveTrial, error) {
	limited, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	live := map[int]LiveTrial{}
	for _, r := range p.Running[:min(len(p.Running), maxLive)] {
		l, err := liveState(limited, c, namespace, workflows.TrialID(p.Name, r.Number))
		if limited.Err() != nil && ctx.Err() == nil {
			return live, nil
		}
		if err != nil {
			return nil, err
		}
		live[r.Number] = l
	}
	return live, nil
}

// liveState reads the last heartbeat of a trial's activity, or what the trial waits for.
func liveState(ctx context.Context, c client.Client, namespace, workflowID string) (LiveTrial, error) {
	d, err := c.DescribeWorkflowExecution(ctx, workflowID, "")
	if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
		return LiveTrial{Stage: stageQueued}, nil // it is being started
	}
	if err != nil {
		return LiveTrial{}, fmt.Errorf("describe %s: %w", workflowID, err)
	}
	for _, a := range d.GetPendingActivities() {
		if live, ok := fromActivity(a); ok {
			return live, nil
		}
	}
	if d.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return LiveTrial{Stage: stagePublishing}, nil // its result is on the way to the sweep
	}
	return betweenActivities(ctx, c, namespace, d)
}

// fromActivity converts a pending activity of a trial; ok is false for one that it does
// not know.
func fromActivity(a *workflowpb.PendingActivityInfo) (live LiveTrial, ok bool) {
	var beat activities.Heartbeat
	if details := a.GetHeartbeatDetails(); details != nil {
		// A heartbeat of another version, which does not decode, is not shown.
		_ = converter.GetDefaultDataConverter().FromPayloads(details, &beat)
	}
	live = LiveTrial{
		Attempt: max(beat.Attempt, int(a.GetAttempt())), Step: beat.Progress.Step, Steps: beat.Progress.Steps,
		StepsPerSecond: beat.Progress.StepsPerSecond,
	}
	since := a.GetLastStartedTime()
	if a.GetState() == enumspb.PENDING_ACTIVITY_STATE_SCHEDULED {
		since = a.GetScheduledTime()
	} else {
		live.worker = a.GetLastWorkerIdentity()
	}
	if since != nil {
		live.Since = since.AsTime()
	}
	if p := beat.Progress.Point; p != nil {
		live.Loss = &p.Loss
	}
	if a.GetAttempt() > 1 && a.GetState() == enumspb.PENDING_ACTIVITY_STATE_SCHEDULED {
		live.LastError = a.GetLastFailure().GetMessage()
	}
	switch a.GetActivityType().GetName() {
	case "Publish":
		live.Stage = stagePublishing
		return live, true
	case "Train":
		live.Stage = StageTraining
	case "Evaluate":
		live.Stage, live.Trained = stageEvaluating, true
	default:
		return LiveTrial{}, false
	}
	switch p := beat.Progress; {
	case p.Compiling:
		live.Stage = stageCompiling
	case live.Step == 0 && p.Backend != "":
		live.Stage = stageLoading
	case live.Step == 0:
		live.Stage = stageStarting
	}
	if a.GetState() == enumspb.PENDING_ACTIVITY_STATE_SCHEDULED {
		live.Stage = stageQueued
	}
	return live, true
}
