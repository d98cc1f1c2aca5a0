package evaluate

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/diffusion"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// sampleBatch is how many pictures are drawn together.
const sampleBatch = 100

// GridName is the sample grid's file in a job's output folder.
const GridName = "grid.png"

// Result is what an evaluation found.
type Result struct {
	Metrics         map[string]float64 `json:"metrics"`  // by name, at Guidance
	Guidance        float64            `json:"guidance"` // of those tried, the best by the spec's first judged metric
	SamplesPerClass int                `json:"samples_per_class"`
	Floor           map[string]float64 `json:"floor"`    // FID of one half of the real images against the other, by name
	Features        string             `json:"features"` // SHA-256 of the classifier's weights

	images []float32 // drawn at Guidance, class by class
}

// Open opens the model of a checkpoint folder, or of a pulled one, whose weights
// are what its manifest says.
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

// Model evaluates an open model on backend b. progress, if not nil, hears how many
// of all pictures are dealt with: real ones looked at, then samples drawn.
func Model(ctx context.Context, b *backend.Backend, m *trainer.Model, progress func(done, all int) error) (*Result, error) {
	settings, err := settingsOf(m)
	if err != nil {
		return nil, err
	}
	if progress == nil {
		progress = func(int, int) error { return nil }
	}
	drawn := m.Spec.Dataset.Classes() * m.Spec.Evaluate.SamplesPerClass * len(settings.Guidance)
	looked := 0
	judge, err := NewJudge(ctx, b, m.Spec.Dataset, func(done, real int) error {
		looked = real
		return progress(done, real+drawn)
	})
	if err != nil {
		return nil, err
	}
	defer judge.Close()
	return judge.judge(ctx, m, func(done int) error { return progress(looked+done, looked+drawn) })
}

// settingsOf are the settings of the trial, with a scale to judge at: where
// guidance is searched and the trial has none, that is 1.
func settingsOf(m *trainer.Model) (sweep.Settings, error) {
	settings, err := m.Spec.Settings(m.Assignment)
	if err != nil {
		return settings, &sweep.FailureError{Failure: sweep.Failure{Class: sweep.FailBadData, Message: err.Error()}, Err: err}
	}
	if len(settings.Guidance) == 0 {
		settings.Guidance = []float64{1}
	}
	return settings, nil
}

// judge samples at each guidance scale of the trial and keeps the best. progress
// hears how many samples are drawn.
func (j *Judge) judge(ctx context.Context, m *trainer.Model, progress func(done int) error) (*Result, error) {
	spec := m.Spec
	settings, err := settingsOf(m)
	if err != nil {
		return nil, err
	}
	sampler, err := m.Sampler(sampleBatch)
	if err != nil {
		return nil, err
	}
	defer sampler.Close()

	pictures := pictures(len(j.Classes), spec.Evaluate.SamplesPerClass)
	order := deciding(spec.Metrics)
	var best *Result
	for i, w := range settings.Guidance {
		images, err := sampler.Sample(ctx, pictures, w, spec.Evaluate.Steps(), func(done int) error {
			return progress(i*len(pictures) + done)
		})
		if err != nil {
			return nil, err
		}
		metrics, err := j.Metrics(ctx, images, pictures)
		if err != nil {
			return nil, err
		}
		if best == nil || better(order, metrics, best.Metrics) {
			best = &Result{
				Metrics: metrics, Guidance: w, SamplesPerClass: spec.Evaluate.SamplesPerClass, Floor: j.Floor,
				Features: j.extractor.Digest, images: images,
			}
		}
	}
	return best, nil
}

// pictures asks for n of each class.
func pictures(classes, n int) []diffusion.Picture {
	all := make([]diffusion.Picture, 0, classes*n)
	for class := range classes {
		for index := range n {
			all = append(all, diffusion.Picture{Class: class, Index: index})
		}
	}
	return all
}

// deciding is the objective that a guidance scale is chosen by: the first of the
// spec's that an evaluation measures, otherwise the FID over all classes.
func deciding(objectives []sweep.Objective) sweep.Objective {
	for _, o := range objectives {
		if strings.HasPrefix(o.Name, sweep.FamilyFID+".") || strings.HasPrefix(o.Name, sweep.FamilyLabelAccuracy+".") {
			return o
		}
	}
	return sweep.Objective{Name: sweep.FamilyFID + "." + sweep.GroupAll, Goal: sweep.Minimize}
}

// better reports whether a beats b. A missing value never does.
func better(o sweep.Objective, a, b map[string]float64) bool {
	x, ok := a[o.Name]
	if !ok {
		return false
	}
	y, ok := b[o.Name]
	if !ok {
		return true
	}
	if o.Goal == sweep.Maximize {
		return x > y
	}
	return x < y
}

// Run does the job of a child: it evaluates the checkpoint, writes the sample
// grid and ends with an event of type result. Errors are *sweep.FailureError, or
// ctx's own. log hears text for people.
func Run(ctx context.Context, j job.Evaluate, emit func(job.Event) error, log func(format string, a ...any)) error {
	return trainer.Guard(log, func() error { return run(ctx, j, emit) })
}

func run(ctx context.Context, j job.Evaluate, emit func(job.Event) error) error {
	b, err := backend.Open(j.Backend)
	if err != nil {
		return &sweep.FailureError{Failure: sweep.Failure{Class: sweep.FailBadData, Message: err.Error()}, Err: err}
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
	// The job's spec is the authority: a checkpoint says how it was trained, not how it is judged.
	m.Spec.Evaluate, m.Spec.Metrics, m.Spec.Dataset = j.Spec.Evaluate, j.Spec.Metrics, j.Spec.Dataset
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
	return emit(job.Event{
		Type: job.Result, Metrics: result.Metrics, Guidance: result.Guidance, Grid: grid,
		Floor: result.Floor, Features: result.Features,
	})
}
