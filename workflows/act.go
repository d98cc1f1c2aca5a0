package workflows

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// carryOut begins an action; its completion is fed to the state machine. A run that continues
// as new only sends messages to its trials: the state machine issues the other actions again in
// the next run.
func (s *sweepRun) carryOut(action conduct.Action) {
	name := s.machine.Spec().Name
	switch a := action.(type) {
	case conduct.SendVerdict:
		s.spawn(func(ctx workflow.Context) conduct.Event {
			err := workflow.SignalExternalWorkflow(ctx, TrialID(name, a.Trial), "", SignalVerdict, a.Verdict).Get(ctx, nil)
			logLost(ctx, "a trial does not receive its verdict", a.Trial, err)
			return conduct.VerdictSent{Trial: a.Trial, Step: a.Verdict.Step, Lost: err != nil}
		})
		return
	case conduct.CancelTrial:
		s.spawn(func(ctx workflow.Context) conduct.Event {
			err := workflow.RequestCancelExternalWorkflow(ctx, TrialID(name, a.Trial), "").Get(ctx, nil)
			logLost(ctx, "a trial cannot be cancelled", a.Trial, err)
			return conduct.CancelAsked{Trial: a.Trial, Lost: err != nil}
		})
		return
	case conduct.End: // run sees it
		return
	}
	if s.continuing {
		return
	}
	switch a := action.(type) {
	case conduct.Suggest:
		s.spawn(func(ctx workflow.Context) conduct.Event { return s.suggest(ctx, a) })
	case conduct.Start:
		s.start(a)
	case conduct.Append:
		s.spawn(func(ctx workflow.Context) conduct.Event { return s.append(ctx, a) })
	case conduct.Rank:
		s.spawn(func(ctx workflow.Context) conduct.Event { return s.rank(ctx, a) })
	case conduct.Curate:
		s.spawn(func(ctx workflow.Context) conduct.Event { return s.curate(ctx, a) })
	case conduct.Save:
		s.spawn(func(ctx workflow.Context) conduct.Event { return s.save(ctx, a) })
	case conduct.Look:
		s.spawn(func(ctx workflow.Context) conduct.Event { return s.look(ctx, a) })
	}
}

// spawn runs do, which carries out an action, in a coroutine, and feeds its event to the
// state machine.
func (s *sweepRun) spawn(do func(ctx workflow.Context) conduct.Event) {
	s.inFlight++
	workflow.Go(s.ctx, func(ctx workflow.Context) {
		e := do(ctx)
		s.inFlight--
		s.feed(e)
	})
}

// isBrief reports whether actions of a kind take milliseconds: one that failed lately may
// wait for a service.
func (s *sweepRun) isBrief(kind conduct.Kind) bool {
	return !slices.ContainsFunc(s.machine.Blocked, func(b conduct.Block) bool { return b.Kind == kind })
}

// ranksBriefly reports whether ranking by the ledger takes well under briefTimeout.
func (s *sweepRun) ranksBriefly() bool { return s.machine.Watermark < briefLedger }

func suggestSummary(a conduct.Suggest) string {
	if a.Count == 1 {
		return fmt.Sprintf("suggest #%d", a.Number)
	}
	return fmt.Sprintf("suggest #%d to #%d", a.Number, a.Number+a.Count-1)
}

func (s *sweepRun) suggest(ctx workflow.Context, a conduct.Suggest) conduct.Event {
	var r activities.SuggestResult
	spec := s.machine.Spec()
	isBrief := !spec.Method.Learns() && s.isBrief(conduct.KindSuggest)
	err := execute(ctx, isBrief, suggestSummary(a), "Suggest", activities.SuggestInput{
		Owner: s.in.Owner, Spec: *spec, Segments: a.Segments, Pending: a.Pending, Edited: a.Edited, Count: a.Count, Number: a.Number, Index: a.Index,
	}, &r)
	if err != nil {
		return taskFailed(a.ID, err)
	}
	return conduct.Suggested{ID: a.ID, Assignments: r.Assignments, Exhausted: r.Exhausted, Wait: r.Wait}
}

func (s *sweepRun) append(ctx workflow.Context, a conduct.Append) conduct.Event {
	spec := s.machine.Spec()
	in := activities.AppendSegmentInput{Owner: s.in.Owner, Sweep: spec.Name, Segment: a.Segment, Trials: a.Trials}
	if len(a.Rank) > 0 {
		in.Rank = &activities.RankInput{Owner: s.in.Owner, Spec: *spec, Segments: a.Segment + 1, Numbers: a.Rank}
	}
	var r activities.AppendSegmentResult
	err := execute(ctx, s.isBrief(conduct.KindAppend) && (in.Rank == nil || s.ranksBriefly()), fmt.Sprintf("append ledger segment %d", a.Segment), "AppendSegment", in, &r)
	if err != nil {
		return taskFailed(a.ID, err)
	}
	s.appended++
	return conduct.Appended{ID: a.ID, Taken: r.Taken, Numbers: r.Numbers, Infeasible: r.Infeasible}
}

func (s *sweepRun) rank(ctx workflow.Context, a conduct.Rank) conduct.Event {
	var r activities.RankResult
	err := execute(ctx, s.isBrief(conduct.KindRank) && s.ranksBriefly(), "rank the best trials", "Rank", activities.RankInput{
		Owner: s.in.Owner, Spec: *s.machine.Spec(), Segments: a.Segments, Numbers: a.Numbers,
	}, &r)
	if err != nil {
		return taskFailed(a.ID, err)
	}
	return conduct.Ranked{ID: a.ID, Numbers: r.Numbers, Infeasible: r.Infeasible}
}

func (s *sweepRun) curate(ctx workflow.Context, a conduct.Curate) conduct.Event {
	err := workflow.ExecuteActivity(control(ctx, "point at the best trials"), s.do.Curate, activities.CurateInput{
		Owner: s.in.Owner, Sweep: s.machine.Spec().Name, Segments: a.Segments, Leaders: a.Leaders, Evicted: a.Remove,
	}).Get(ctx, nil)
	if err != nil {
		return taskFailed(a.ID, err)
	}
	return conduct.Curated{ID: a.ID}
}

func (s *sweepRun) save(ctx workflow.Context, a conduct.Save) conduct.Event {
	err := workflow.ExecuteActivity(control(ctx, "store the commands and the state"), s.do.Save, activities.SaveInput{
		Owner: s.in.Owner, Sweep: s.machine.Spec().Name, Entries: a.Entries, State: a.State,
	}).Get(ctx, nil)
	if err != nil {
		return taskFailed(a.ID, err)
	}
	return conduct.Saved{ID: a.ID}
}

func (s *sweepRun) look(ctx workflow.Context, a conduct.Look) conduct.Event {
	in := activities.ReconcileInput{Owner: s.in.Owner, Sweep: s.machine.Spec().Name}
	for _, silent := range a.Silent {
		in.Silent = append(in.Silent, activities.SilentTrial{
			Workflow: TrialID(in.Sweep, silent.Assignment.Number), Assignment: silent.Assignment, StartedAt: silent.StartedAt,
		})
	}
	if a.Next != nil {
		in.Next = &activities.SilentTrial{
			Workflow: TrialID(in.Sweep, a.Next.Assignment.Number), Assignment: a.Next.Assignment, StartedAt: a.Next.StartedAt,
		}
	}
	var r activities.ReconcileResult
	if err := workflow.ExecuteActivity(control(ctx, "look for silent trials"), s.do.Reconcile, in).Get(ctx, &r); err != nil {
		return taskFailed(a.ID, err)
	}
	return conduct.Looked{ID: a.ID, Ended: r.Ended, Left: r.Left, Found: r.Found}
}

// start starts a trial and waits until it has started, because only a started child
// survives the end of this run.
func (s *sweepRun) start(a conduct.Start) {
	s.inFlight++
	workflow.Go(s.ctx, func(ctx workflow.Context) {
		options := workflow.WithChildOptions(ctx, childOptions(s.machine.Spec().Name, a.Assignment))
		spec := s.machine.Spec()
		child := workflow.ExecuteChildWorkflow(options, Trial, TrialInput{
			Spec: *spec, Assignment: a.Assignment, Digest: s.digest(), Owner: s.in.Owner, Logic: s.machine.Logic,
		})
		err := child.GetChildWorkflowExecution().Get(ctx, nil)
		s.inFlight--
		switch {
		case temporal.IsWorkflowExecutionAlreadyStartedError(err):
			s.feed(conduct.StartRefused{ID: a.ID})
			return
		case err != nil:
			s.feed(taskFailed(a.ID, err))
			return
		}
		s.feed(conduct.Started{ID: a.ID})
		logLost(ctx, "a trial's workflow did not complete", a.Assignment.Number, child.Get(ctx, nil))
		s.feed(conduct.TrialClosed{Trial: a.Assignment.Number})
	})
}

func logLost(ctx workflow.Context, message string, trial int, err error) {
	if err != nil {
		workflow.GetLogger(ctx).Info(message, "trial", trial, "error", err)
	}
}
