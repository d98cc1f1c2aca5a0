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
// and report to the next. An Update that was accepted and has not finished, and
// a signal that was not read, would be lost.
func (s *sweepRun) continueAsNew(ctx workflow.Context) (Progress, error) {
	if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err != nil {
		return s.abort(ctx, err)
	}
	if err := s.account(ctx, s.heard(ctx)); err != nil {
		return s.abort(ctx, err)
	}
	in := s.in
	in.State = s.State
	return Progress{}, workflow.NewContinueAsNewError(ctx, Sweep, in)
}

// end closes the sweep in a final phase.
func (s *sweepRun) end(ctx workflow.Context, phase Phase, why string) (Progress, error) {
	s.Phase, s.Message = phase, why
	s.show(ctx)
	p := s.progress()
	ended := workflow.Now(ctx).UTC()
	p.EndedAt = &ended
	switch {
	case phase == PhaseFailed:
		return p, temporal.NewNonRetryableApplicationError(why, TypeSweepFailed, nil, p)
	case s.asked:
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
