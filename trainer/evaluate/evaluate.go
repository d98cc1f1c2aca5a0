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
	"github.com/tailsweep/tailsweep/trainer/samples"
)

// sampleBatch is the number of samples that are drawn together (see dataset.Batch).
const sampleBatch = 100

// GridName is the name of the sample grid in a job's output folder.
const GridName = "grid.png"

// Result is an evaluation with its images.
type Result struct {
	sweep.Evaluation // without Grid; see WriteGrid

	dataset sweep.Dataset
	about   dataset.About
	images  []float32 // the samples, class by class
}

// Open opens the model of a checkpoint folder, after verifying its weights against the
// manifest. The checkpoint of a program has none.
func Open(b *backend.Backend, dir string) (*trainer.Model, error) {
	manifest, err := checkpoint.ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	if command := manifest.Provenance.Command; len(command) > 0 {
		return nil, precheck.BadData(fmt.Errorf("%s has no model of tailsweep: it is of the program %s (valid: `tailsweep evaluate --samples %[1]s`, if it has samples)", dir, command[0]))
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
	return evaluator.evaluate(ctx, m, about, settings.Guidance, func(done int) error { return progress(read+done, read+drawn) })
}

// Samples evaluates samples that another program has drawn, as Model evaluates those of a
// model: all of them, against all real images. spec says with what they are compared and
// which metrics are required. progress, if not nil, is called with the number of real images
// read and of all.
func Samples(ctx context.Context, b *backend.Backend, spec sweep.Spec, s *samples.Set, progress func(done, all int) error) (*Result, error) {
	about, err := dataset.Describe(spec.Dataset)
	if err != nil {
		return nil, err
	}
	spec.Evaluate.SamplesPerClass, spec.Evaluate.Guidance = s.PerClass, nil // the program's own scale is not known
	if err := precheck.Trial(&spec, sweep.Assignment{}, about); err != nil {
		return nil, err
	}
	evaluator, err := NewEvaluator(ctx, b, spec.Dataset, spec.Evaluate.Features, s.PerClass, progress)
	if err != nil {
		return nil, err
	}
	defer evaluator.Close()
	r := &Result{dataset: spec.Dataset, about: about, images: s.Images}
	return r, evaluator.measure(ctx, r, &spec, s.Labels, Whole)
}

// evaluate draws samples of the model and measures them. With several guidance scales it
// chooses the best by the deciding objective, on samples and one half of the real images
// that are not used again; it then measures other samples on the other half. progress is
// called with the number of samples drawn.
func (e *Evaluator) evaluate(ctx context.Context, m *trainer.Model, about dataset.About, guidance []float64, progress func(done int) error) (*Result, error) {
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
	r, part := &Result{dataset: spec.Dataset, about: about}, Whole
	r.Guidance = guidance[0]
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
			metrics, _, err := e.Metrics(ctx, images, labelsOf(others), Selection, func(name string) bool { return name == order.Name })
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
	return r, e.measure(ctx, r, &spec, labelsOf(shown), part)
}

// measure measures the images of r, which has equally many of each class, against a part of
// the real images, and checks that r has the metrics that spec requires.
func (e *Evaluator) measure(ctx context.Context, r *Result, spec *sweep.Spec, labels []int, part Part) (err error) {
	r.Samples, r.Real = spec.Evaluate.SamplesPerClass, e.against(part).perClass()
	r.Floor, r.FloorError, r.LeftOut, r.Features = e.Floor, e.FloorError, e.LeftOut(), e.Features
	if r.Metrics, r.StandardError, err = e.Metrics(ctx, r.images, labels, part, nil); err != nil {
		return err
	}
	if spec.MeasuresCAS() {
		scores, deviations, err := e.CAS(ctx, r.images, labels)
		if err != nil {
			return err
		}
		maps.Copy(r.Metrics, scores)
		maps.Copy(r.StandardError, deviations)
	}
	return complete(spec, r)
}

// complete returns an error where a metric that the spec asks for was not measured, which
// precheck did not foresee.
func complete(spec *sweep.Spec, r *Result) error {
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

// labelsOf returns the classes of samples.
func labelsOf(ids []diffusion.SampleID) []int {
	labels := make([]int, len(ids))
	for i, id := range ids {
		labels[i] = id.Class
	}
	return labels
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
	of := ofModel
	if j.Spec.EvaluatesSamples() {
		of = ofSamples
	}
	result, err := of(ctx, b, j, emit, func(done, all int) error {
		return emit(job.Event{Type: job.Progress, Step: done, Steps: all})
	})
	if err != nil {
		return err
	}
	grid := filepath.Join(j.Output, GridName)
	if err := result.WriteGrid(grid); err != nil {
		return err
	}
	result.Grid = grid
	return emit(job.Event{Type: job.Result, Evaluation: &result.Evaluation})
}

// ofModel evaluates the model of a checkpoint.
func ofModel(ctx context.Context, b *backend.Backend, j job.Evaluate, emit func(job.Event) error, progress func(done, all int) error) (*Result, error) {
	m, err := Open(b, j.Checkpoint)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	// The model was trained by the spec of the checkpoint and is evaluated by that of the job.
	m.Spec.Evaluate, m.Spec.Dataset = j.Spec.Evaluate, j.Spec.Dataset
	m.Spec.Metrics, m.Spec.Constraints = j.Spec.Metrics, j.Spec.Constraints
	if err := emit(job.Event{Type: job.Compiling}); err != nil {
		return nil, err
	}
	return Model(ctx, b, m, progress)
}

// ofSamples evaluates the samples that a program has written into a checkpoint.
func ofSamples(ctx context.Context, b *backend.Backend, j job.Evaluate, emit func(job.Event) error, progress func(done, all int) error) (*Result, error) {
	about, err := dataset.Describe(j.Spec.Dataset)
	if err != nil {
		return nil, err
	}
	manifest, err := checkpoint.ReadManifest(j.Checkpoint)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{checkpoint.SamplesName, samples.ArrayName} {
		if _, ok := manifest.File(name); !ok {
			continue
		}
		if err := manifest.VerifyFile(j.Checkpoint, name); err != nil { // another copy may be whole
			return nil, err
		}
	}
	source, err := samples.Open(j.Checkpoint)
	if err != nil {
		return nil, err
	}
	defer source.Close() //nolint:errcheck // only read
	set, err := source.Read(ctx, samples.FormOf(j.Spec.Dataset, about.Classes), j.Spec.Evaluate.SamplesPerClass)
	if err != nil {
		return nil, err
	}
	if err := emit(job.Event{Type: job.Compiling}); err != nil {
		return nil, err
	}
	return Samples(ctx, b, j.Spec, set, progress)
}
