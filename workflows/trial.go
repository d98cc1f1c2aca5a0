package workflows

import (
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/lifecycle"
)

// Trial runs one trial from its start to its end, as package lifecycle decides: it trains,
// evaluates and publishes one configuration, and reports the result to its sweep. A
// failed or cancelled trial reports its result first; then its workflow ends as failed or
// cancelled.
func Trial(ctx workflow.Context, in TrialInput) (activities.TrialResult, error) {
	return newTrial(ctx, in).run()
}

// trial is one execution of Trial.
type trial struct {
	ctx        workflow.Context // of the attempts; a cancellation ends it
	last       workflow.Context // of what happens to cancelled trials as well
	publishing workflow.Context // of publishing, which stop gives up
	stop       workflow.CancelFunc
	in         TrialInput
	spec       *sweep.Spec
	machine    *lifecycle.Trial
	shown      string // state in the search attributes
	next       string // what follows a wait, in words
	awaiting   bool   // a coroutine waits for a cancellation while the trial publishes
	do         *activities.Activities
}

func newTrial(ctx workflow.Context, in TrialInput) *trial {
	checkSpec(&in.Spec, in.Digest)
	t := &trial{ctx: ctx, in: in, spec: &in.Spec, shown: string(conduct.PhaseRunning)}
	t.last, _ = workflow.NewDisconnectedContext(ctx)
	t.publishing, t.stop = workflow.WithCancel(t.last)
	t.machine = lifecycle.New(t.spec, in.Assignment, workflow.Now(ctx).UTC())
	t.show("waiting for a training slot")
	return t
}

func (t *trial) run() (activities.TrialResult, error) {
	for e := lifecycle.Event(lifecycle.Begun{}); e != nil; {
		e = t.carryOut(t.step(e))
	}
	t.show("")
	return activities.TrialResult{Trial: t.machine.Result}, t.ending()
}

// step gives the state machine an event, after a cancellation that came before. Some action
// follows every completion.
func (t *trial) step(e lifecycle.Event) []lifecycle.Action {
	now := workflow.Now(t.ctx).UTC()
	var actions []lifecycle.Action
	if t.ctx.Err() != nil {
		actions = t.machine.Step(now, lifecycle.Cancelled{})
	}
	if actions = append(actions, t.machine.Step(now, e)...); len(actions) == 0 {
		panic(fmt.Sprintf("nothing follows %T", e))
	}
	return actions
}

// carryOut carries out actions in order, and returns the event that completes the last
// one; nil if the trial has ended.
func (t *trial) carryOut(actions []lifecycle.Action) (completion lifecycle.Event) {
	for _, action := range actions {
		switch a := action.(type) {
		case lifecycle.ReportBlock:
			t.reportBlock(a.Cause)
		case lifecycle.GiveUpIn:
			t.giveUpIn(a)
		case lifecycle.Train:
			completion = t.train(a)
		case lifecycle.Evaluate:
			completion = t.evaluate(a)
		case lifecycle.Ask:
			completion = t.ask(a)
		case lifecycle.Wait:
			completion = t.wait(a)
		case lifecycle.Publish:
			completion = t.publish(a)
		case lifecycle.End:
			t.end(a)
		}
	}
	return completion
}

func (t *trial) train(a lifecycle.Train) lifecycle.Event {
	r := &t.machine.Result
	what := fmt.Sprintf("train %s", label(r.Assignment))
	switch {
	case a.After != "":
		what = fmt.Sprintf("train %s, attempt %d after step %d (%s)", label(r.Assignment), r.Attempts, r.Steps, a.After)
	case r.Attempts > 1:
		what = fmt.Sprintf("continue training %s at step %d", label(r.Assignment), r.Steps)
	}
	t.show(what)
	t.next = fmt.Sprintf("attempt %d", r.Attempts+1)
	left, wait := a.Limit, time.Duration(0)
	if !a.Deadline.IsZero() {
		left = a.Deadline.Sub(workflow.Now(t.ctx))
		if wait = left; wait <= 0 {
			return lifecycle.NoSlot{}
		}
	}
	in := activities.TrainInput{
		Task: t.task(), After: a.After, Until: a.Until, Left: left, Waited: wait > 0, Report: t.receiver(SignalBlocked), BlockedBy: a.Shown,
	}
	var out activities.TrainResult
	err := workflow.ExecuteActivity(slot(t.ctx, t.spec, trainTurns(t.spec), wait, trainTimeout, what), t.do.Train, in).Get(t.ctx, &out)
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) && timeout.TimeoutType() == enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START {
		return lifecycle.NoSlot{}
	}
	if err != nil {
		return failureOf(err)
	}
	return lifecycle.Trained{Outcome: out.Status, Step: out.Step, Losses: out.Losses, Evaluation: out.Evaluation, Shown: out.Reason(), Attempt: lifecycle.Attempt{
		Seconds: out.Seconds, Checkpoint: out.Checkpoint.Key, Step: out.Checkpoint.Step, Backend: out.Backend, Build: out.Build,
	}}
}

// task is what the trial's activities work on.
func (t *trial) task() sweep.Task {
	r := &t.machine.Result
	return sweep.Task{Spec: *t.spec, Assignment: r.Assignment, Attempt: r.Attempts, Digest: t.in.Digest, Owner: t.in.Owner}
}

func (t *trial) evaluate(a lifecycle.Evaluate) lifecycle.Event {
	r := &t.machine.Result
	what := fmt.Sprintf("evaluate %s", label(r.Assignment))
	if a.Rung > 0 {
		what += fmt.Sprintf(" at step %d", a.Rung)
	}
	t.show(what)
	var out activities.EvaluateResult
	err := workflow.ExecuteActivity(slot(t.ctx, t.spec, evaluateTurns(t.spec), 0, evaluateTimeout, what), t.do.Evaluate, activities.EvaluateInput{
		Task: t.task(), After: a.After, Checkpoint: activities.CheckpointRef{Key: r.Checkpoint, Step: r.Steps}, Rung: a.Rung > 0,
		Report: t.receiver(SignalBlocked), BlockedBy: a.Shown,
	}).Get(t.ctx, &out)
	if err != nil {
		f := failureOf(err)
		if t.next = "evaluation"; f.Corrupt {
			t.next = fmt.Sprintf("attempt %d", r.Attempts+1)
		}
		return f
	}
	return lifecycle.Evaluated{Evaluation: out.Evaluation, Shown: out.Reason(), Attempt: lifecycle.Attempt{Seconds: out.Seconds, Build: out.Build}}
}

// ask reports a rung to the sweep, and waits for its verdict.
func (t *trial) ask(a lifecycle.Ask) lifecycle.Event {
	t.show(fmt.Sprintf("waiting for the verdict at step %d", a.Report.Step))
	id := SweepID(t.spec.Name)
	if err := workflow.SignalExternalWorkflow(t.ctx, id, "", SignalRung, a.Report).Get(t.ctx, nil); err != nil && t.ctx.Err() == nil {
		workflow.GetLogger(t.ctx).Warn("the sweep of a trial at a rung has ended", "sweep", id, "error", err)
		return lifecycle.SweepGone{}
	}
	waiting, stop := workflow.WithCancel(t.ctx)
	defer stop()
	verdicts := workflow.GetSignalChannel(t.ctx, SignalVerdict)
	timer := workflow.NewTimerWithOptions(waiting, a.Wait, workflow.TimerOptions{Summary: TimerVerdict})
	for {
		var v conduct.RungVerdict
		workflow.NewSelector(t.ctx).
			AddReceive(verdicts, func(c workflow.ReceiveChannel, _ bool) { c.Receive(t.ctx, &v) }).
			AddFuture(timer, func(workflow.Future) {}).
			Select(t.ctx)
		switch {
		case t.ctx.Err() != nil:
			return lifecycle.Unanswered{}
		case v.Step == a.Report.Step: // others answer earlier questions that were sent twice
			return lifecycle.Verdict{RungVerdict: v}
		case timer.IsReady():
			return lifecycle.Unanswered{}
		}
	}
}
