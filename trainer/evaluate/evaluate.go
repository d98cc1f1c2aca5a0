package evaluate

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/diffusion"
	"github.com/tailsweep/tailsweep/trainer/job"
	"github.com/tailsweep/tailsweep/trainer/precheck"
)

// sampleBatch is the number of samples that are drawn together (see dataset.Batch).
const sampleBatch = 100

// GridName is the name of the sample grid in a job's output folder.
const GridName = "grid.png"

// Result is an evaluation with its images.
type Result struct {
	sweep.Evaluation // without Grid; see WriteGrid

	images []float32 // the samples, class by class
}

// Open opens the model of a checkpoint folder, after verifying its weights against the
// manifest.
func Open(b *backend.Backend, dir string) (*trainer.Model, error) {
	manifest, err := checkpoint.ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	if err := manifest.VerifyFile(dir, checkpoint.ModelName); err != nil {
		return nil, err
	}
	return trainer.OpenModel(b, dir)
}

// Model evaluates an open model on backend b. progress, if not nil, is called with the
// number of images done and of all images: real ones read, then samples drawn.
func Model(ctx context.Context, b *backend.Backend, m *trainer.Model, progress func(done, all int) error) (*Result, error) {
	settings, err := m.Spec.Settings(m.Assignment)
	if err != nil {
		return nil, precheck.BadData(err)
	}
	if progress == nil {
		progress = func(int, int) error { return nil }
	}
	about, err := m.Classes()
	if err != nil {
		return nil, err
	}
	if err := precheck.Trial(&m.Spec, m.Assignment, about); err != nil {
		return nil, err
	}
	drawn := m.Spec.Dataset.Classes() * sweep.Evaluate{SamplesPerClass: m.Spec.Evaluate.SamplesPerClass, Guidance: settings.Guidance}.Draws()
	read := 0 // real images
	evaluator, err := NewEvaluator(ctx, b, m.Spec.Dataset, m.Spec.Evaluate.Features, m.Spec.Evaluate.SamplesPerClass, func(done, real int) error {
		read = real
		return progress(done, real+drawn)
	})
	if err != nil {
		return nil, err
	}
	defer evaluator.Close()
	return evaluator.evaluate(ctx, m, settings.Guidance, func(done int) error { return progress(read+done, read+drawn) })
}

// evaluate draws samples of the model and measures them. With several guidance scales it
// chooses the best by the deciding objective, on samples and one half of the real images
// that are not used again; it then measures other samples on the other half. progress is
// called with the number of samples drawn.
func (e *Evaluator) evaluate(ctx context.Context, m *trainer.Model, guidance []float64, progress func(done int) error) (*Result, error) {
	spec := m.Spec
	sampler, err := m.Sampler(dataset.Batch(sampleBatch, spec.Dataset.Size))
	if err != nil {
		return nil, err
	}
	defer sampler.Close()

	n, drawn := spec.Evaluate.SamplesPerClass, 0
	draw := func(samples []diffusion.SampleID, w float64) ([]float32, error) {
		images, err := sampler.Sample(ctx, samples, w, spec.Evaluate.Steps(), func(done int) error { return progress(drawn + done) })
		drawn += len(samples)
		return images, err
	}
	r := &Result{Evaluation: sweep.Evaluation{Guidance: guidance[0], Samples: n, Floor: e.Floor, FloorError: e.FloorError, LeftOut: e.LeftOut(), Features: e.Features}}
	part := Whole
	if len(guidance) > 1 {
		part = Reporting
		order := spec.GuidanceObjective()
		others := sampleIDs(len(e.Classes), n, n)
		var best map[string]float64
		for _, w := range guidance {
			images, err := draw(others, w)
			if err != nil {
				return nil, err
			}
			metrics, _, err := e.Metrics(ctx, images, others, Selection, func(name string) bool { return name == order.Name })
			if err != nil {
				return nil, err
			}
			if best == nil || better(order, metrics, best) {
				best, r.Guidance = metrics, w
			}
		}
	}
	shown := sampleIDs(len(e.Classes), 0, n)
	if r.images, err = draw(shown, r.Guidance); err != nil {
		return nil, err
	}
	r.Real = e.against(part).perClass()
	if r.Metrics, r.StandardError, err = e.Metrics(ctx, r.images, shown, part, nil); err != nil {
		return nil, err
	}
	if spec.MeasuresCAS() {
		scores, deviations, err := e.CAS(ctx, r.images, shown)
		if err != nil {
			return nil, err
		}
		maps.Copy(r.Metrics, scores)
		maps.Copy(r.StandardError, deviations)
	}
	return r, complete(spec, r)
}

// complete returns an error where a metric that the spec asks for was not measured, which
// precheck did not foresee.
func complete(spec sweep.Spec, r *Result) error {
	for _, m := range spec.RequiredMetrics() {
		if _, ok := r.Metrics[m.Metric]; !ok && sweep.Evaluated(m.Metric) {
			return precheck.BadData(&sweep.FieldError{
				Field: m.Field, Value: m.Metric,
				Message: fmt.Sprintf("was not measured, with %d samples and %d real images per class", r.Samples, r.Real),
			})
		}
	}
	return nil
}

// sampleIDs names n samples of each class, from an index on.
func sampleIDs(classes, from, n int) []diffusion.SampleID {
	all := make([]diffusion.SampleID, 0, classes*n)
	for class := range classes {
		for index := range n {
			all = append(all, diffusion.SampleID{Class: class, Index: from + index})
		}
	}
	return all
}

// better reports whether a is better than b. A missing value never is.
func better(o sweep.Objective, a, b map[string]float64) bool {
	x, hasX := a[o.Name]
	y, hasY := b[o.Name]
	return hasX && (!hasY || o.Cost(x) < o.Cost(y))
}

// Run does the job of a child: it evaluates the checkpoint, writes the sample grid and
// emits an event of type result. Errors are *sweep.FailureError, or the context's.
func Run(ctx context.Context, j job.Evaluate, emit func(job.Event) error, log func(format string, a ...any)) error {
	return trainer.Guard(log, func() error { return run(ctx, j, emit) })
}

func run(ctx context.Context, j job.Evaluate, emit func(job.Event) error) error {
	b, err := backend.Open(j.Backend)
	if err != nil {
		return sweep.Fail(sweep.FailEnvironment, err)
	}
	defer b.Close()
	if err := emit(job.Event{Type: job.Started, Backend: b.Choice, Device: b.Device}); err != nil {
		return err
	}
	m, err := Open(b, j.Checkpoint)
	if err != nil {
		return err
	}
	defer m.Close()
	// The model was trained by the spec of the checkpoint and is evaluated by that of the job.
	m.Spec.Evaluate, m.Spec.Dataset = j.Spec.Evaluate, j.Spec.Dataset
	m.Spec.Metrics, m.Spec.Constraints = j.Spec.Metrics, j.Spec.Constraints
	if err := emit(job.Event{Type: job.Compiling}); err != nil {
		return err
	}
	result, err := Model(ctx, b, m, func(done, all int) error {
		return emit(job.Event{Type: job.Progress, Step: done, Steps: all})
	})
	if err != nil {
		return err
	}
	grid := filepath.Join(j.Output, GridName)
	if err := result.WriteGrid(grid, m); err != nil {
		return err
	}
	result.Grid = grid
	return emit(job.Event{Type: job.Result, Evaluation: &result.Evaluation})
}
