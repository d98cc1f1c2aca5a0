package workflows

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// TypeSweepFailed is the type of the application error that a failed Sweep ends
// with; its detail is the Progress.
const TypeSweepFailed = "sweep_failed"

// continues reports whether this run has done enough.
func (s *sweepRun) continues(ctx workflow.Context) bool {
	return workflow.GetInfo(ctx).GetContinueAsNewSuggested() || s.in.ContinueAfter > 0 && s.appended >= s.in.ContinueAfter
}

// continueAsNew hands the state to a new run. Trials in flight outlive this one
// and report to the next. An Update that was accepted and has not finished, a
// signal that was not read and a cancellation that was not noticed would be lost:
// once there is none of these, nothing may block any more.
func (s *sweepRun) continueAsNew(outer, ctx workflow.Context) (Progress, error) {
	for {
		err := workflow.Await(ctx, func() bool {
			return workflow.AllHandlersFinished(ctx) && s.answered() && (s.Asked || outer.Err() == nil)
		})
		if err != nil {
			return s.abort(ctx, err)
		}
		if s.results.Len() == 0 && len(s.suspects) == 0 && !s.overdue {
			break
		}
		if err := s.settle(ctx); err != nil {
			return s.abort(ctx, err)
		}
	}
	in := s.in
	in.State = s.State
	return Progress{}, workflow.NewContinueAsNewError(ctx, Sweep, in)
}

// end closes the sweep in a final phase.
func (s *sweepRun) end(ctx workflow.Context, phase Phase, why string) (Progress, error) {
	ended := workflow.Now(ctx).UTC()
	s.Phase, s.Message, s.EndedAt = phase, why, &ended
	s.show(ctx)
	p := s.progress()
	switch {
	case phase == PhaseFailed:
		return p, temporal.NewNonRetryableApplicationError(why, TypeSweepFailed, nil, p)
	case s.Asked:
		return p, temporal.NewCanceledError(p)
	default:
		return p, nil
	}
}

// abort ends a sweep that cannot go on: its ledger or its search is broken. The
// trials are cancelled, and publish what they have.
func (s *sweepRun) abort(ctx workflow.Context, err error) (Progress, error) {
	s.cancelTrials(ctx, s.Running)
	s.Fault = failureOf(err).Message
	workflow.GetLogger(ctx).Error("the sweep cannot go on", "error", err)
	return s.end(ctx, PhaseFailed, s.Fault)
}
