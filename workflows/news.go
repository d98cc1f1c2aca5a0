package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

// reconcileTimer is how the timer of the reconciler shows in the UI.
var reconcileTimer = workflow.TimerOptions{Summary: "look for silent trials"}

// listen starts the coroutines that bring news to the main loop.
func (s *sweepRun) listen(outer, ctx workflow.Context) {
	workflow.Go(ctx, func(ctx workflow.Context) { // cancelled in Temporal itself
		outer.Done().Receive(ctx, nil)
		s.Asked = true
		if err := s.obey(UpdateCancel, Command{By: "temporal", Reason: "the workflow was cancelled"}, workflow.Now(ctx).UTC()); err != nil {
			workflow.GetLogger(ctx).Info("a cancellation changes nothing", "error", err)
		}
		s.news = true
	})
	workflow.Go(ctx, func(ctx workflow.Context) { // cancel reaches the trials even while the main loop waits for the store
		if err := workflow.Await(ctx, func() bool { return s.Phase == PhaseCancelling }); err != nil {
			return
		}
		s.cancelTrials(ctx, s.Running)
		// Temporal accepts the cancelling of a trial that is gone: look for such.
		for len(s.Running) > 0 {
			s.overdue, s.news = true, true
			if err := workflow.NewTimerWithOptions(ctx, cancelledEvery, reconcileTimer).Get(ctx, nil); err != nil {
				return
			}
		}
	})
	workflow.Go(ctx, func(ctx workflow.Context) {
		for {
			if err := workflow.Await(ctx, func() bool { return len(s.Running) > 0 }); err != nil {
				return
			}
			if err := workflow.NewTimerWithOptions(ctx, reconcileEvery, reconcileTimer).Get(ctx, nil); err != nil {
				return
			}
			s.overdue, s.news = true, true
		}
	})
	if s.judges {
		workflow.Go(ctx, s.referee)
	}
	if wall := time.Duration(s.spec.Budget.WallClock); wall > 0 {
		workflow.Go(ctx, func(ctx workflow.Context) {
			left := s.StartedAt.Add(wall).Sub(workflow.Now(ctx))
			timer := workflow.NewTimerWithOptions(ctx, left, workflow.TimerOptions{Summary: "budget.wall_clock"})
			if err := timer.Get(ctx, nil); err == nil {
				s.news = true
			}
		})
	}
}

// cancelTrials asks each trial to end. One that has ended already has reported,
// or is found by the reconciler.
func (s *sweepRun) cancelTrials(ctx workflow.Context, running []RunningTrial) {
	requests := make([]workflow.Future, len(running))
	for i, r := range running {
		requests[i] = workflow.RequestCancelExternalWorkflow(ctx, TrialID(s.spec.Name, r.Number), "")
	}
	numbers := make([]int, len(running))
	for i, r := range running {
		numbers[i] = r.Number
	}
	for i, request := range requests {
		if err := request.Get(ctx, nil); err != nil {
			workflow.GetLogger(ctx).Info("a trial cannot be cancelled", "trial", numbers[i], "error", err)
			s.suspect(numbers[i])
		}
	}
}
