package workflows

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// TypeSweepFailed is the type of the application error that a failed Sweep ends
// with; its detail is the conduct.Progress.
const TypeSweepFailed = "sweep_failed"

// TypeNoTrial is the type of the error of a command that names a trial that the sweep does
// not have.
const TypeNoTrial = "no_trial"

// Sweep runs a sweep from its start to its end, as package conduct decides. A sweep that
// failed or was cancelled ends its workflow as such, with its conduct.Progress in the error's
// details.
func Sweep(ctx workflow.Context, in SweepInput) (conduct.Progress, error) {
	s, err := newSweep(ctx, in)
	if err != nil {
		return conduct.Progress{}, err
	}
	return s.run(ctx)
}

// sweepRun is one run of Sweep. The next run continues from the state machine's State. Its
// coroutines call feed whenever something happens.
type sweepRun struct {
	ctx     workflow.Context // of its coroutines: see newSweep
	in      SweepInput
	machine *conduct.Machine
	do      *activities.Activities

	inFlight   int         // actions that are being carried out
	appended   int         // ledger segments, by this run
	hashed     *sweep.Spec // whose digest is specDigest; a spec in force is never changed
	specDigest string
	continuing bool      // continue as new once no action is in flight; further actions wait for the next run
	changed    bool      // since the last call of show
	cancelled  bool      // the state machine has received that Temporal was asked to cancel this run
	wake       time.Time // of the earliest timer; zero for none

	shown     view
	showAfter time.Time // when show may show again
	showing   bool      // a timer of showLater runs
	recording bool
}

// newSweep sets up a run. The run has a separate context, so that a cancelled sweep still
// ends its trials in order. That context is never cancelled: cancelling it when the sweep
// continues as new would cancel the trials in flight. The state machine begins before the
// handlers are registered, since an Update may already wait for them. A new sweep counts
// from the start of its workflow, which a reset to its first task does not change.
func newSweep(ctx workflow.Context, in SweepInput) (*sweepRun, error) {
	if in.Owner.ID != "" {
		checkSpec(&in.Spec, in.Digest)
	}
	s := &sweepRun{in: in}
	s.ctx, _ = workflow.NewDisconnectedContext(ctx)
	s.machine = conduct.New(&s.in.Spec, in.State, logicVersion(ctx), workflow.GetInfo(ctx).WorkflowStartTime.UTC())
	s.feed(conduct.Resumed{})
	if in.Command != nil {
		s.in.Command = nil
		s.feed(*in.Command)
	}
	if err := s.handle(ctx); err != nil {
		return nil, fmt.Errorf("set up sweep %q: %w", in.Spec.Name, err)
	}
	return s, nil
}

// checkSpec panics if this worker does not know all fields of a spec, whose digest the
// sweep knows. The task of the workflow then fails, and a worker of another build takes it.
func checkSpec(spec *sweep.Spec, digest string) {
	if own := spec.Digest(); digest != "" && own != digest {
		panic(fmt.Sprintf("this worker does not know all fields of the spec of sweep %s: it reads one with the digest %.12s, not %.12s: "+
			"start workers of the build that started the sweep", spec.Name, own, digest))
	}
}

// digest is the digest of the spec in force, which is computed once for each edit.
func (s *sweepRun) digest() string {
	if spec := s.machine.Spec(); spec != s.hashed {
		s.hashed, s.specDigest = spec, spec.Digest()
	}
	return s.specDigest
}

func (s *sweepRun) progress() conduct.Progress {
	p := s.machine.Progress(s.in.Digest)
	p.Owner = s.in.Owner
	return p
}

// answer is the progress after a command.
func (s *sweepRun) answer() conduct.Progress {
	p := s.machine.Answer(s.in.Digest)
	p.Owner = s.in.Owner
	return p
}

// handle registers the query and the Updates.
func (s *sweepRun) handle(ctx workflow.Context) error {
	err := workflow.SetQueryHandlerWithOptions(ctx, QueryProgress,
		func() (conduct.Progress, error) { return s.progress(), nil },
		workflow.QueryHandlerOptions{Description: "The sweep at a glance."})
	if err != nil {
		return fmt.Errorf("query %s: %w", QueryProgress, err)
	}
	for _, v := range conduct.CommandTypes() {
		err := workflow.SetUpdateHandlerWithOptions(ctx, v.Name,
			func(ctx workflow.Context, c conduct.Command) (conduct.Progress, error) {
				e := conduct.Commanded{Name: v.Name, Command: c}
				if err := s.check(e); err != nil {
					return conduct.Progress{}, err
				}
				s.feed(e)
				return s.answer(), nil
			},
			workflow.UpdateHandlerOptions{
				Description: v.About,
				Validator:   func(c conduct.Command) error { return s.check(conduct.Commanded{Name: v.Name, Command: c}) },
			})
		if err != nil {
			return fmt.Errorf("update %s: %w", v.Name, err)
		}
	}
	return nil
}

// check returns the error of a command that is refused.
func (s *sweepRun) check(e conduct.Commanded) error {
	err := s.machine.Check(e)
	if _, missing := errors.AsType[*conduct.NoTrialError](err); missing {
		return temporal.NewApplicationError(err.Error(), TypeNoTrial)
	}
	return err
}

// run is the main coroutine: it shows what changes, and ends or continues as new.
func (s *sweepRun) run(outer workflow.Context) (conduct.Progress, error) {
	s.listen(outer)
	for {
		s.changed = false
		s.show()
		switch {
		case s.machine.Closed:
			return s.end()
		case s.canContinueAsNew(outer):
			in := s.in
			in.State = s.machine.Carry()
			return conduct.Progress{}, workflow.NewContinueAsNewError(s.ctx, Sweep, in)
		}
		if err := workflow.Await(s.ctx, func() bool { return s.changed || s.canContinueAsNew(outer) }); err != nil {
			return s.progress(), fmt.Errorf("wait for a change: %w", err)
		}
	}
}

// listen starts the coroutines that wait for signals and for a cancellation.
func (s *sweepRun) listen(outer workflow.Context) {
	for _, r := range s.signals() {
		channel := workflow.GetSignalChannel(s.ctx, r.name)
		workflow.Go(s.ctx, func(ctx workflow.Context) {
			for {
				s.feed(r.receive(ctx, channel))
			}
		})
	}
	workflow.Go(s.ctx, func(ctx workflow.Context) { // cancelled in Temporal itself
		outer.Done().Receive(ctx, nil)
		s.cancelled = true
		s.feed(conduct.CancelledOutside{})
	})
}

// receiver is a row of the table of signals: receive waits for one and returns its
// event.
type receiver struct {
	name    string
	receive func(ctx workflow.Context, c workflow.ReceiveChannel) conduct.Event
}

// signals is the table of all signals that a sweep receives.
func (s *sweepRun) signals() []receiver {
	return []receiver{
		{SignalResult, func(ctx workflow.Context, c workflow.ReceiveChannel) conduct.Event { // those that arrive together make one ledger segment
			var r activities.TrialResult
			c.Receive(ctx, &r)
			e := conduct.Results{}
			for more := true; more; more = c.ReceiveAsync(&r) {
				e.Trials = append(e.Trials, r.Trial)
				r = activities.TrialResult{}
			}
			return e
		}},
		{SignalRung, func(ctx workflow.Context, c workflow.ReceiveChannel) conduct.Event {
			var r conduct.RungReport
			c.Receive(ctx, &r)
			return conduct.Reported{RungReport: r}
		}},
		{SignalCommand, func(ctx workflow.Context, c workflow.ReceiveChannel) conduct.Event {
			var e conduct.Commanded
			c.Receive(ctx, &e)
			return e
		}},
		{SignalBlocked, func(ctx workflow.Context, c workflow.ReceiveChannel) conduct.Event {
			var t conduct.TrialBlocked
			c.Receive(ctx, &t)
			return conduct.Blocked{TrialBlocked: t}
		}},
	}
}

// feed gives the state machine an event, and begins to carry out what follows. It does not
// block.
func (s *sweepRun) feed(e conduct.Event) {
	actions := s.machine.Step(workflow.Now(s.ctx).UTC(), e)
	s.changed = true
	s.continuing = s.continuing || s.shouldContinueAsNew()
	for _, a := range actions {
		s.carryOut(a)
	}
	s.arm()
}

// shouldContinueAsNew reports whether the history of this run is long enough to continue
// as new.
func (s *sweepRun) shouldContinueAsNew() bool {
	return workflow.GetInfo(s.ctx).GetContinueAsNewSuggested() || s.in.ContinueAfter > 0 && s.appended >= s.in.ContinueAfter
}

// canContinueAsNew reports whether nothing would be lost with this run: every completion
// was received, every accepted Update has finished, every signal was read, and a
// cancellation was handled. Trials in flight report to the next run.
func (s *sweepRun) canContinueAsNew(outer workflow.Context) bool {
	return s.continuing && !s.machine.Closed && s.inFlight == 0 && !s.recording && workflow.AllHandlersFinished(s.ctx) &&
		!slices.ContainsFunc(s.signals(), func(r receiver) bool { return workflow.GetSignalChannel(s.ctx, r.name).Len() > 0 }) &&
		(s.cancelled || outer.Err() == nil)
}

// arm sets a timer for the state machine's next wake-up, unless an earlier one is set.
func (s *sweepRun) arm() {
	at, ok := s.machine.Wake()
	if !ok || s.continuing || !s.wake.IsZero() && !at.Before(s.wake) {
		return
	}
	s.wake = at
	workflow.Go(s.ctx, func(ctx workflow.Context) {
		options := workflow.TimerOptions{Summary: "next look at the trials, retry or end of a budget"}
		if err := workflow.NewTimerWithOptions(ctx, at.Sub(workflow.Now(ctx)), options).Get(ctx, nil); err != nil {
			workflow.GetLogger(ctx).Error("a timer is lost", "error", err)
			return
		}
		if s.wake.Equal(at) {
			s.wake = time.Time{}
		}
		s.feed(conduct.Tick{})
	})
}

// end returns the result of a sweep in its final phase.
func (s *sweepRun) end() (conduct.Progress, error) {
	if err := workflow.Await(s.ctx, func() bool { return !s.recording }); err != nil {
		return s.progress(), fmt.Errorf("wait for the last numbers: %w", err)
	}
	p := s.progress()
	switch p.Phase {
	case conduct.PhaseFailed:
		return p, temporal.NewNonRetryableApplicationError(p.Message, TypeSweepFailed, nil, p)
	case conduct.PhaseCancelled: // by a command, or in Temporal itself
		return p, temporal.NewCanceledError(p)
	default:
		return p, nil
	}
}
