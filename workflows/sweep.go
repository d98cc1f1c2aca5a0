package workflows

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
	"github.com/tailsweep/tailsweep/sweep/cost"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// Sweep runs a whole search: it asks for trials, starts them, hears of their
// results and keeps the ledger, until the space, the budget or a command ends it.
func Sweep(ctx workflow.Context, in SweepInput) (Progress, error) {
	s, err := newSweep(ctx, in)
	if err != nil {
		return Progress{}, err
	}
	return s.run(ctx)
}

// sweepRun is one run of Sweep; what it must remember in the next one is in State.
type sweepRun struct {
	*State
	in        SweepInput
	spec      *sweep.Spec
	baselines []sweep.Assignment
	planned   int
	results   workflow.ReceiveChannel
	reports   workflow.ReceiveChannel // of rungs
	appended  int                     // segments, by this run
	suspects  []int                   // running trials to look for at once
	overdue   bool                    // look for all running trials
	judges    bool                    // trials at rungs
	answering bool                    // a trial at a rung
	news      bool                    // something happened that the main loop has not seen
	shown     view
	do        *activities.Activities
}

func newSweep(ctx workflow.Context, in SweepInput) (*sweepRun, error) {
	s := &sweepRun{
		State: in.State, in: in, spec: &in.Spec, baselines: space.Baselines(&in.Spec),
		results: workflow.GetSignalChannel(ctx, SignalResult), reports: workflow.GetSignalChannel(ctx, SignalRung),
		judges: logicVersion(ctx) >= LogicRungs && in.Spec.EarlyTerminate != nil,
	}
	// Planned compares parameters by their JSON, which has the names in order.
	//workflowcheck:ignore
	s.planned = cost.TrialCount(&in.Spec)
	if s.State == nil {
		s.State = newState(workflow.Now(ctx).UTC())
	}
	if err := s.handle(ctx); err != nil {
		return nil, fmt.Errorf("set up sweep %q: %w", in.Spec.Name, err)
	}
	return s, nil
}

func (s *sweepRun) progress() Progress { return s.State.progress(s.spec, s.in.Digest, s.planned) }

// run is the main loop: hear, account, start, show, and wait for news. It works
// on a context of its own, so that a cancelled sweep ends its trials in order.
// That context is never cancelled: it would take the trials in flight with it
// when the sweep continues as new.
func (s *sweepRun) run(outer workflow.Context) (Progress, error) {
	ctx, _ := workflow.NewDisconnectedContext(outer)
	s.listen(outer, ctx)
	s.show(ctx)
	for {
		s.news = false
		if err := s.turn(ctx); err != nil {
			return s.abort(ctx, err)
		}
		if phase, why, ok := s.ending(s.spec, len(s.baselines), workflow.Now(ctx)); ok {
			return s.end(ctx, phase, why)
		}
		if s.continues(ctx) {
			return s.continueAsNew(outer, ctx)
		}
		if err := workflow.Await(ctx, func() bool { return s.news || s.results.Len() > 0 }); err != nil {
			return s.abort(ctx, err)
		}
	}
}

// turn does all that can be done now.
func (s *sweepRun) turn(ctx workflow.Context) error {
	if err := s.settle(ctx); err != nil {
		return err
	}
	for s.mayStart(s.spec, len(s.baselines), workflow.Now(ctx)) {
		assignment, ok, err := s.next(ctx)
		if err != nil {
			return err
		}
		if !ok { // nothing left, or a command came meanwhile
			break
		}
		if err := s.launch(ctx, assignment); err != nil {
			return err
		}
	}
	s.show(ctx)
	return nil
}

// settle accounts for the results that arrived and for the trials that vanished.
func (s *sweepRun) settle(ctx workflow.Context) error {
	reported := s.heard(ctx)
	ended, err := s.reconcile(ctx)
	if err != nil {
		return err
	}
	return s.account(ctx, append(reported, ended...))
}

// heard takes the results that arrived.
func (s *sweepRun) heard(ctx workflow.Context) []sweep.Trial {
	var reported []sweep.Trial
	for {
		var r TrialResult
		if !s.results.ReceiveAsync(&r) {
			return reported
		}
		if s.running(r.Trial.Number) < 0 {
			workflow.GetLogger(ctx).Info("a result is not expected", "trial", r.Trial.Number, "finished", s.isFinished(r.Trial.Number))
			continue
		}
		reported = append(reported, r.Trial)
	}
}

// segmentLimit is the most trials in one segment, to stay clear of the limits on
// a payload and on a conditional object.
const segmentLimit = 200

// account puts results into the ledger, then into the state.
func (s *sweepRun) account(ctx workflow.Context, reported []sweep.Trial) error {
	batch := s.fresh(reported)
	for len(batch) > 0 {
		segment := batch[:min(len(batch), segmentLimit)]
		batch = batch[len(segment):]
		what := fmt.Sprintf("append ledger segment %d", s.Segments)
		err := workflow.ExecuteActivity(lasting(ctx, what), s.do.AppendSegment, activities.AppendSegmentInput{
			Sweep: s.spec.Name, Segment: s.Segments, Trials: segment,
		}).Get(ctx, nil)
		if err != nil {
			return fmt.Errorf("append segment %d: %w", s.Segments, err)
		}
		s.appended++
		ranked, err := s.rank(ctx, segment)
		if err != nil {
			return err
		}
		evicted, curate := s.finish(s.spec, segment, ranked)
		if curate {
			s.curate(ctx, evicted)
		}
		if verdict := s.Streak.verdict(s.spec.Name); verdict != "" && s.Fault == "" && s.Phase != PhaseCancelling {
			s.Phase, s.Fault = PhaseCancelling, verdict
		}
	}
	return nil
}

// rank puts the contenders in order, once the ledger has the segment. Constraints
// are relative to a baseline and repeats average over seeds that the state does not
// have, so that an activity looks at the ledger; a spec with neither needs none,
// and makes the commands that it always made.
func (s *sweepRun) rank(ctx workflow.Context, segment []sweep.Trial) ([]sweep.Trial, error) {
	contenders := s.contenders(segment)
	if s.spec.RanksAlone() {
		return analysis.ByMetrics(s.spec, contenders), nil
	}
	in := activities.RankInput{Spec: *s.spec, Segments: s.Segments + 1}
	for _, t := range contenders {
		in.Numbers = append(in.Numbers, t.Number)
	}
	var order activities.RankResult
	if err := workflow.ExecuteActivity(lasting(ctx, "rank the leaders"), s.do.Rank, in).Get(ctx, &order); err != nil {
		return nil, fmt.Errorf("rank the leaders: %w", err)
	}
	s.expose(order.Infeasible)
	var ranked []sweep.Trial
	for _, number := range order.Numbers {
		if i := slices.IndexFunc(contenders, func(t sweep.Trial) bool { return t.Number == number }); i >= 0 {
			ranked = append(ranked, contenders[i])
		}
	}
	return ranked, nil
}

// curate keeps pointer and checkpoints in step with the leaders. Where another seed
// of one setting, or of the baseline, may put another in its place, there are spares:
// they are kept, and not pointed at. The ledger has
// the truth, so that a pointer that cannot be moved fails no sweep.
func (s *sweepRun) curate(ctx workflow.Context, evicted []string) {
	ctx = control(ctx, "point at the best trials", curateAttempts)
	err := workflow.ExecuteActivity(ctx, s.do.Curate, activities.CurateInput{
		Sweep: s.spec.Name, Leaders: s.Leaders[:min(len(s.Leaders), s.spec.Checkpoints.SaveSweepBest)], Evicted: evicted,
	}).Get(ctx, nil)
	if err != nil {
		workflow.GetLogger(ctx).Warn("the pointer to the best trials is stale", "error", err)
	}
}

// reconcile looks for trials that may have vanished.
func (s *sweepRun) reconcile(ctx workflow.Context) ([]sweep.Trial, error) {
	suspects, overdue := s.suspects, s.overdue
	s.suspects, s.overdue = nil, false
	var silent []activities.SilentTrial
	for _, r := range s.Running {
		if overdue || slices.Contains(suspects, r.Number) {
			silent = append(silent, activities.SilentTrial{
				Workflow: TrialID(s.spec.Name, r.Number), Assignment: r.Assignment, StartedAt: r.StartedAt,
			})
		}
	}
	if len(silent) == 0 {
		return nil, nil
	}
	var found activities.ReconcileResult
	err := workflow.ExecuteActivity(lasting(ctx, "look for silent trials"), s.do.Reconcile, activities.ReconcileInput{
		Sweep: s.spec.Name, Silent: silent,
	}).Get(ctx, &found)
	if err != nil {
		return nil, fmt.Errorf("look for silent trials: %w", err)
	}
	return found.Ended, nil
}

// next decides on the next trial; ok is false when none may start after all.
func (s *sweepRun) next(ctx workflow.Context) (a sweep.Assignment, ok bool, err error) {
	number := s.Next
	if number < len(s.baselines) {
		return s.baselines[number], true, nil
	}
	var suggested activities.SuggestResult
	err = workflow.ExecuteActivity(lasting(ctx, fmt.Sprintf("suggest #%d", number)), s.do.Suggest, activities.SuggestInput{
		Spec: *s.spec, Segments: s.Segments, Pending: s.pending(), Number: number, Index: number - len(s.baselines),
	}).Get(ctx, &suggested)
	if err != nil {
		return sweep.Assignment{}, false, fmt.Errorf("suggest trial %d: %w", number, err)
	}
	if suggested.Exhausted {
		s.Exhausted = true
		return sweep.Assignment{}, false, nil
	}
	if suggested.Wait { // the next result is asked for again
		return sweep.Assignment{}, false, nil
	}
	return suggested.Assignment, s.mayStart(s.spec, len(s.baselines), workflow.Now(ctx)), nil
}

// launch starts a trial and waits until it has: only then does it outlive this run.
func (s *sweepRun) launch(ctx workflow.Context, a sweep.Assignment) error {
	s.start(a, workflow.Now(ctx).UTC())
	child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, childOptions(s.spec.Name, a)), Trial, TrialInput{
		Spec: *s.spec, Assignment: a,
	})
	err := child.GetChildWorkflowExecution().Get(ctx, nil)
	switch {
	case temporal.IsWorkflowExecutionAlreadyStartedError(err):
		// It was started before this history began: after a reset of the sweep, say.
		s.suspect(a.Number)
		return nil
	case err != nil:
		return fmt.Errorf("start trial %d: %w", a.Number, err)
	}
	workflow.Go(ctx, func(ctx workflow.Context) {
		if err := child.Get(ctx, nil); err != nil {
			workflow.GetLogger(ctx).Info("a trial's workflow did not complete", "trial", a.Number, "error", err)
		}
		s.suspect(a.Number)
	})
	if s.Phase == PhaseCancelling {
		s.cancelTrials(ctx, []RunningTrial{{Assignment: a}})
	}
	return nil
}

// suspect has the main loop look for a trial, unless its result is there.
func (s *sweepRun) suspect(number int) {
	if s.running(number) >= 0 {
		s.suspects = append(s.suspects, number)
		s.news = true
	}
}
