package trainer

import (
	"context"
	"fmt"
	"time"

	"github.com/gomlx/gomlx/ml/model"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/diffusion"
	"github.com/tailsweep/tailsweep/trainer/job"
	"github.com/tailsweep/tailsweep/trainer/precheck"
)

// eventEvery is the longest time between two events of a training whose steps run.
const eventEvery = 2 * time.Second

// Options has what a training needs besides its job.
type Options struct {
	Backend *backend.Backend              // open; Train opens the job's own when nil
	Events  func(job.Event) error         // receives every event except those of type error; its error ends the training
	Drain   <-chan struct{}               // when it closes, the training writes a checkpoint and ends as preempted; may be nil
	Log     func(format string, a ...any) // free text for people; may be nil
	Version string                        // of the program, for manifests
}

// Train trains the job's trial and reports through o.Events; the last event is
// done, diverged or preempted when the error is nil. Errors are
// *sweep.FailureError, or ctx's own.
func Train(ctx context.Context, j job.Train, o Options) error {
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	return Guard(o.Log, func() error {
		r, err := newRun(ctx, j, o)
		if err != nil {
			return err
		}
		defer r.close()
		return r.train(ctx)
	})
}

// run is one training in progress.
type run struct {
	job      job.Train
	options  Options
	settings sweep.Settings
	data     *dataset.Set
	order    *dataset.Order
	groups   []string // `[C]`, each class's
	backend  *backend.Backend
	store    *model.Store
	stepper  *stepper

	end    int // the step that this job ends at
	step   int // steps done
	saved  int // the step of the last checkpoint, started or resumed from
	window window
	curve  []sweep.CurvePoint

	pending         *pendingSave
	writeCheckpoint func(snapshot) (dir string, err error) // writeFolder, which tests replace

	provenance checkpoint.Provenance
}

func newRun(ctx context.Context, j job.Train, o Options) (*run, error) {
	settings, err := j.Spec.Settings(j.Assignment)
	if err != nil {
		return nil, failure(sweep.FailBadData, err)
	}
	// The backend is opened before anything of the trial is read: a child that crashes without an event could not start.
	b := o.Backend
	if b == nil {
		if b, err = backend.Open(j.Backend); err != nil {
			return nil, failure(sweep.FailEnvironment, err)
		}
	}
	if err := o.Events(job.Event{Type: job.Opened, Backend: b.Choice, Device: b.Device}); err != nil {
		return nil, err
	}
	loader := dataset.Loader{Log: o.Log, Progress: func(done, all int) error {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		return o.Events(job.Event{Type: job.Loading, Step: done, Steps: all})
	}}
	data, err := loader.Load(j.Spec.Dataset)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, failure(sweep.FailBadData, err)
	}
	order := data.Order(settings.Batch, settings.Seed, settings.ResamplingFactor)
	r := &run{job: j, options: o, settings: settings, data: data, order: order, backend: b, store: model.NewStore()}
	r.groups = make([]string, len(data.Counts))
	for class := range r.groups {
		r.groups[class] = data.Groups.Of(class)
	}
	if err := precheck.Trial(&j.Spec, j.Assignment, data.About); err != nil {
		return nil, err
	}
	if err := precheck.Weights(ctx, j.Spec.Evaluate.Features, o.Log); err != nil {
		return nil, err
	}
	if r.end = settings.Steps; j.Until > 0 {
		r.end = min(j.Until, r.end) // nothing else depends on it: a training in parts equals one without a break
	}
	net, err := newNet(j.Spec, settings.Seed, r.backend, settings.Precision)
	if err != nil {
		return nil, failure(sweep.FailBadData, err)
	}
	if j.Resume != "" {
		if err := r.resume(j.Resume); err != nil {
			return nil, fmt.Errorf("resume from %s: %w", j.Resume, err)
		}
	}
	table, err := diffusion.NewSchedule(settings.Schedule)
	if err != nil {
		return nil, failure(sweep.FailBadData, err)
	}
	loss := diffusion.Loss{Net: net, Schedule: table, Settings: settings, Counts: data.Counts, Layer: j.Spec.Model.Layers()[0]}
	if r.stepper, err = newStepper(r.backend, r.store, loss, j.Spec.Dataset.Size, j.Spec.Dataset.Channels(), j.Spec.Model.Dropout > 0); err != nil {
		return nil, err
	}
	r.writeCheckpoint = r.writeFolder
	r.provenance, err = provenance(j, r.backend, data, o.Version)
	return r, err
}

func (r *run) close() {
	if r.pending != nil {
		<-r.pending.done // no partial folder may remain; the training has another error already
	}
	r.stepper.exec.Finalize()
	r.store.Finalize()
	if r.options.Backend == nil {
		r.backend.Close()
	}
}

func (r *run) train(ctx context.Context) error {
	steps := r.settings.Steps
	r.options.Log("backend %s on %s: %s", r.backend.Choice, r.backend.Device, r.backend.Why)
	if err := r.options.Events(job.Event{Type: job.Started, Backend: r.backend.Choice, Device: r.backend.Device, Step: r.step, Steps: steps}); err != nil {
		return err
	}
	if r.step < r.end {
		if err := r.options.Events(job.Event{Type: job.Compiling, Step: r.step, Steps: steps}); err != nil {
			return err
		}
	}
	clock := job.NewPace()
	for r.step < r.end {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		select {
		case <-r.options.Drain:
			return r.preempt()
		default:
		}
		if err := r.reportSave(); err != nil {
			return err
		}
		batch, err := r.batch(r.step)
		if err != nil {
			return err
		}
		l, err := r.stepper.run(r.step+1, batch)
		if err != nil {
			return err
		}
		if !l.finite() {
			return r.diverge(r.step + 1)
		}
		r.step++
		r.window.add(l, r.groupsOf(batch.labels))
		clock.Stepped(r.step)
		if err := r.report(clock); err != nil {
			return err
		}
		if r.step%r.settings.EverySteps == 0 && r.step < r.end {
			began := time.Now()
			if ok, err := r.startSave(); !ok {
				return err
			}
			clock.LeaveOut(time.Since(began))
		}
	}
	if r.step == steps || r.step != r.saved { // a job without a step to do was given its checkpoint
		if ok, err := r.startSave(); !ok {
			return err
		}
	}
	if err := r.finishSave(); err != nil {
		return err
	}
	r.options.Log("trained %d steps, %.2f a second", r.step, clock.Overall(r.step))
	return r.options.Events(job.Event{Type: job.Done, Step: r.step, Steps: steps, Losses: r.losses()})
}

// report emits the curve's point when one is due, and otherwise an event without a
// point when none was emitted for a while.
func (r *run) report(clock *job.Pace) error {
	due := r.step%r.settings.LogEvery == 0 || r.step == r.settings.Steps
	if !due && !clock.Quiet(eventEvery) {
		return nil
	}
	e := job.Event{Type: job.Progress, Step: r.step, Steps: r.settings.Steps, StepsPerSecond: clock.Rate(r.step), Memory: residentBytes()}
	if due {
		p := r.window.take(r.step)
		r.curve = append(r.curve, p)
		e.Point = &p
	}
	return r.options.Events(e)
}

// preempt ends the training with a checkpoint of the steps done. It writes none where
// the last checkpoint is of this step: the reader of the events may be removing that
// folder.
func (r *run) preempt() error {
	r.options.Log("asked to stop after step %d", r.step)
	if r.step == 0 || r.step != r.saved {
		if ok, err := r.startSave(); !ok {
			return err
		}
	}
	if err := r.finishSave(); err != nil {
		return err
	}
	return r.options.Events(job.Event{Type: job.Preempted, Step: r.step, Steps: r.settings.Steps})
}

func (r *run) diverge(step int) error {
	if err := r.finishSave(); err != nil {
		return err
	}
	r.options.Log("diverged at step %d", step)
	return r.options.Events(job.Event{Type: job.Diverged, Step: step, Steps: r.settings.Steps, Losses: sweep.Losses{LossFirst: r.losses().LossFirst}})
}

// losses are the losses at both ends of the training so far. While the curve has no
// point they are the mean over the steps that its first point will cover.
func (r *run) losses() sweep.Losses {
	switch {
	case len(r.curve) > 0:
		return sweep.LossesOf(r.curve)
	case r.window.Count > 0:
		mean := r.window.Loss / float64(r.window.Count)
		return sweep.Losses{LossFirst: &mean, LossLast: &mean}
	}
	return sweep.Losses{}
}
