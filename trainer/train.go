package trainer

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
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

// beat is how long a training says nothing at most, once its steps run.
const beat = 2 * time.Second

// Options are what a training needs besides its job.
type Options struct {
	Backend *backend.Backend              // open; Train opens the job's own when nil
	Events  func(job.Event) error         // hears every event but those of type error; its error ends the training
	Drain   <-chan struct{}               // closed: write a checkpoint and end preempted; may be nil
	Log     func(format string, a ...any) // free text for people; may be nil
	Version string                        // of the program, for manifests; "" takes the build's
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
	step   int // done
	saved  int // the step of the last checkpoint, begun or resumed from
	flight *flight
	put    func(snapshot) (dir string, err error) // write; a test's own
	window window
	curve  []job.Point

	provenance checkpoint.Provenance
}

func newRun(ctx context.Context, j job.Train, o Options) (*run, error) {
	settings, err := j.Spec.Settings(j.Assignment)
	if err != nil {
		return nil, failure(sweep.FailBadData, err)
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
	r := &run{job: j, options: o, settings: settings, data: data, order: order, backend: o.Backend, store: model.NewStore()}
	r.groups = make([]string, len(data.Counts))
	for class := range r.groups {
		r.groups[class] = data.Groups.Of(class)
	}
	if err := precheck.Trial(&j.Spec, j.Assignment, dataset.About{Classes: data.Classes, Counts: data.Counts, Groups: data.Groups}); err != nil {
		return nil, err
	}
	if r.backend == nil {
		if r.backend, err = backend.Open(j.Backend); err != nil {
			return nil, failure(sweep.FailBadData, err)
		}
	}
	if r.end = settings.Steps; j.Until > 0 {
		r.end = min(j.Until, r.end) // and nothing else depends on it: the rest of the training is to equal the whole
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
	if r.stepper, err = newStepper(r.backend, r.store, loss, j.Spec.Dataset.Size, j.Spec.Dataset.Channels()); err != nil {
		return nil, err
	}
	r.put = r.write
	r.provenance, err = provenance(j, r.backend, data, o.Version)
	return r, err
}

func (r *run) close() {
	if r.flight != nil {
		<-r.flight.done // nobody may find its folder in halves; whom it failed has been told something worse
	}
	r.stepper.exec.Finalize()
	r.store.Finalize()
	if r.options.Backend == nil {
		r.backend.Close()
	}
}

// resume takes up a checkpoint folder, verifying it first.
func (r *run) resume(dir string) error {
	manifest, err := checkpoint.Verify(dir)
	if err != nil {
		return err
	}
	s, metadata, err := restore(r.store, dir)
	if err != nil {
		return err
	}
	if err := r.sameTraining(metadata); err != nil {
		return err
	}
	if theirs, mine := manifest.Provenance.DatasetDigest, r.data.Digest(); theirs != mine {
		return failure(sweep.FailBadData, fmt.Errorf("the checkpoint is of another training: its images have sha256 %s, those of this dataset %s", theirs, mine))
	}
	if made := manifest.Provenance.Backend; made != r.backend.Choice {
		r.options.Log("the checkpoint was made on backend %s, this is %s: what follows is not bit for bit what it would have been there", made, r.backend.Choice)
	}
	if s.Step != manifest.Step {
		return fmt.Errorf("%w: state of step %d in a checkpoint of step %d", checkpoint.ErrCorrupt, s.Step, manifest.Step)
	}
	data, err := os.ReadFile(filepath.Join(dir, checkpoint.CurveName))
	if err != nil {
		return err
	}
	if r.curve, err = decodeLines[job.Point](data); err != nil {
		return fmt.Errorf("%s: %w", checkpoint.CurveName, err)
	}
	r.step, r.saved, r.window = s.Step, s.Step, s.Window
	return nil
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
	clock := newPace()
	for r.step < r.end {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		select {
		case <-r.options.Drain:
			return r.preempt()
		default:
		}
		if err := r.landed(); err != nil {
			return err
		}
		batch := r.batch(r.step)
		l, err := r.stepper.run(r.step+1, batch)
		if err != nil {
			return err
		}
		if !l.finite() {
			return r.diverge(r.step + 1)
		}
		r.step++
		r.window.add(l, r.groupsOf(batch.labels))
		clock.stepped(r.step)
		if err := r.report(clock); err != nil {
			return err
		}
		if r.step%r.settings.EverySteps == 0 && r.step < r.end {
			began := time.Now()
			if ok, err := r.checkpoint(); !ok {
				return err
			}
			clock.leaveOut(time.Since(began))
		}
	}
	if r.step == steps || r.step != r.saved { // a job that has nothing to do has been named its checkpoint
		if ok, err := r.checkpoint(); !ok {
			return err
		}
	}
	if err := r.settle(); err != nil {
		return err
	}
	first, last := r.losses()
	r.options.Log("trained %d steps, %.2f a second", r.step, clock.overall(r.step))
	return r.options.Events(job.Event{Type: job.Done, Step: r.step, Steps: steps, LossFirst: first, LossLast: last})
}

// report emits the curve's point when one is due, else a sign of life.
func (r *run) report(clock *pace) error {
	due := r.step%r.settings.LogEvery == 0 || r.step == r.settings.Steps
	if !due && !clock.quiet(beat) {
		return nil
	}
	e := job.Event{Type: job.Progress, Step: r.step, Steps: r.settings.Steps, StepsPerSecond: clock.rate(r.step), Memory: residentBytes()}
	if due {
		p := r.window.take(r.step, r.stepper.terms)
		r.curve = append(r.curve, p)
		e.Point = &p
	}
	return r.options.Events(e)
}

// preempt ends the training with a checkpoint of the steps done, unless the last
// one is: who reads the events may be taking that folder away.
func (r *run) preempt() error {
	if r.step == 0 || r.step != r.saved {
		if ok, err := r.checkpoint(); !ok {
			return err
		}
	}
	if err := r.settle(); err != nil {
		return err
	}
	return r.options.Events(job.Event{Type: job.Preempted, Step: r.step, Steps: r.settings.Steps})
}

func (r *run) diverge(step int) error {
	if err := r.settle(); err != nil {
		return err
	}
	first, _ := r.losses()
	r.options.Log("diverged at step %d", step)
	return r.options.Events(job.Event{Type: job.Diverged, Step: step, Steps: r.settings.Steps, LossFirst: first})
}

// losses are firstAndLast of the curve, and of what will be its first point while
// it has none.
func (r *run) losses() (first, last float64) {
	if len(r.curve) == 0 && r.window.Count > 0 {
		mean := r.window.Loss / float64(r.window.Count)
		return mean, mean
	}
	return firstAndLast(r.curve)
}
