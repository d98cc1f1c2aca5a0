package measure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/cost"
	"github.com/tailsweep/tailsweep/trainer"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// A probe trains probeSteps steps, so that most are after compilation, which is in the first
// step. On a slow machine it ends after probeTime, but not before its second step.
const (
	probeSteps = 12
	probeTime  = 20 * time.Second
)

// errProbed ends a probe after probeTime.
var errProbed = errors.New("enough steps were measured")

// RateText formats a rate with one digit after the point; with three digits below 1.
func RateText(stepsPerSecond float64) string {
	if stepsPerSecond < 1 {
		return fmt.Sprintf("%.3g steps/s", stepsPerSecond)
	}
	return fmt.Sprintf("%.1f steps/s", stepsPerSecond)
}

// SpeedOf estimates the speed of sampling from the speed of training the costliest
// trial, since sampling is not measured. A training step costs its forward passes,
// each with a backward pass that costs two more; a denoising step with guidance costs
// two forward passes. A published network of the metrics adds its Extraction on backendName,
// nothing where that is "".
//
// With a trainer an evaluation samples nothing: it takes what the features of the samples take,
// where that is known.
func SpeedOf(spec *sweep.Spec, stepsPerSecond float64, backendName string) (cost.Speed, error) {
	if spec.Trainer != nil {
		network := ""
		if f := spec.Evaluate.Features; f != nil {
			network = f.Network
		}
		return cost.Speed{StepsPerSecond: stepsPerSecond, SamplesPerSecond: 1 / Extraction(network, backendName).Seconds()}, nil
	}
	const withBackward, passesPerSample = 3, 2
	passes, err := trainer.ForwardPasses(*spec, cost.Costliest(spec))
	if err != nil {
		return cost.Speed{}, err
	}
	settings, err := spec.Settings(cost.Costliest(spec))
	if err != nil || stepsPerSecond <= 0 {
		return cost.Speed{}, err
	}
	sample := float64(passesPerSample*spec.Evaluate.Steps()) / (stepsPerSecond * float64(settings.Batch*passes*withBackward))
	if f := spec.Evaluate.Features; f != nil {
		sample += Extraction(f.Network, backendName).Seconds()
	}
	return cost.Speed{StepsPerSecond: stepsPerSecond, SamplesPerSecond: 1 / sample}, nil
}

// Extraction is about how long a published network takes for the features of one image: the
// processor time of docs/benchmarks/features.md. It is 0 on a GPU, where it was not measured.
func Extraction(network, backendName string) time.Duration {
	if network != sweep.EfficientNetLite0 {
		return 0
	}
	switch backendName {
	case backend.Go:
		return 12300 * time.Microsecond
	case backend.XLACPU:
		return 1100 * time.Microsecond
	}
	return 0
}

// fits returns an error if a training of the spec, which needs this memory, or the samples of an
// evaluation need more than the machine has: the kernel would kill this process, or another one.
func fits(spec *sweep.Spec, need int64, m machine) error {
	d, samples := spec.Dataset, spec.Dataset.Classes()*spec.Evaluate.SamplesPerClass
	kept := 4 * int64(samples) * int64(d.Size*d.Size*d.Channels())
	switch {
	case m.memory == unknown:
		return nil
	case need > m.memory:
		return fmt.Errorf("a training needs about %s of memory with train.batch = %d and dataset.size = %d, and this machine has %s free (valid: a smaller train.batch, dataset.size or model)",
			text.Bytes(need), spec.Train.Batch, d.Size, text.Bytes(m.memory))
	case kept > m.memory:
		return fmt.Errorf("an evaluation keeps %d samples in memory, which take %s with evaluate.samples_per_class = %d and dataset.size = %d, and this machine has %s free (valid: a smaller evaluate.samples_per_class or dataset.size)",
			samples, text.Bytes(kept), spec.Evaluate.SamplesPerClass, d.Size, text.Bytes(m.memory))
	}
	return nil
}

// Probe trains a few steps of the costliest trial and returns the backend and its
// steps per second. It reports its progress.
func Probe(ctx context.Context, a *cli.App, spec *sweep.Spec, backendName string) (used string, stepsPerSecond float64, err error) {
	dir, err := os.MkdirTemp("", "tailsweep-probe-")
	if err != nil {
		return "", 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b, err := backend.Open(backendName)
	if err != nil {
		return "", 0, err
	}
	defer b.Close()

	var need int64
	if b.Choice != backend.XLACUDA { // whose memory is the GPU's
		if need, err = trainer.MemoryEstimate(*spec, b.Choice); err != nil {
			return "", 0, err
		}
	}
	if err := fits(spec, need, thisMachine()); err != nil {
		return "", 0, err
	}
	short := *spec
	short.Train.Steps, short.Train.LogEvery, short.Checkpoints.EverySteps = probeSteps, 1, probeSteps
	short.Train.WarmupSteps = 0
	j := job.Train{TrainJob: sweep.TrainJob{Task: sweep.Task{Spec: short, Assignment: cost.Costliest(spec)}, Staging: dir}}
	compiles := ""
	if b.Choice != backend.Go {
		compiles = ": the first step compiles, which may take minutes"
	}
	a.Log("measuring up to %d steps on backend %s%s ...", probeSteps, b.Choice, compiles)
	read := a.ReadProgress()
	p := &probe{now: time.Now, log: a.Log, began: time.Now()}
	err = trainer.Train(ctx, j, trainer.Options{Backend: b, Events: func(e job.Event) error {
		switch {
		case e.Type == job.Loading:
			read(e.Step, e.Steps)
		case e.Type == job.Progress && e.Step >= 1:
			return p.step(e.Step)
		}
		return nil
	}})
	if errors.Is(err, errProbed) {
		err = nil
	}
	if err == nil && p.rate == 0 {
		err = errors.New("the training reported no progress")
	}
	return b.Choice, p.rate, err
}

// probe follows the steps of a training.
type probe struct {
	now   func() time.Time
	log   func(format string, args ...any)
	began time.Time
	warm  time.Time // when the first step, and compiling with it, was done
	said  time.Time
	rate  float64 // steps per second, without the first
}

// step takes the number of the step that is done. It returns errProbed when the probe ends.
func (p *probe) step(n int) error {
	now := p.now()
	took := now.Sub(p.began).Round(time.Second)
	if p.warm.IsZero() {
		p.warm, p.said = now, now
		if left := probeTime - took; left > 0 {
			p.log("  first step after %s; up to %d more, for %s at most ...", took, probeSteps-1, left)
		} else {
			p.log("  first step after %s; one more ...", took)
		}
		return nil
	}
	p.rate = float64(n-1) / now.Sub(p.warm).Seconds()
	if now.Sub(p.began) >= probeTime {
		return errProbed
	}
	if now.Sub(p.said) >= probeTime/4 {
		p.said = now
		p.log("  %d of %d steps after %s", n, probeSteps, took)
	}
	return nil
}

// ReportBackend reports which backend a worker that is started with name will train on, and
// why; for the slow backend go also how long the sweep will take.
func ReportBackend(ctx context.Context, a *cli.App, spec *sweep.Spec, name string) error {
	b, err := backend.Open(name)
	if err != nil {
		return err
	}
	choice, why := b.Choice, b.Why
	b.Close()
	if choice != backend.Go {
		a.Log("backend %s: %s", choice, why)
		return nil
	}
	_, rate, err := Probe(ctx, a, spec, backend.Go)
	if err != nil {
		return fmt.Errorf("measure the speed of this machine: %w", err)
	}
	speed, err := SpeedOf(spec, rate, backend.Go)
	if err != nil {
		return err
	}
	plan := cost.Of(spec, speed)
	a.Log("backend go (%s): %s, about %s a trial and %s in total on one slot", why, RateText(rate), text.Duration(plan.TrialTime), text.Duration(plan.SlotTime))
	return nil
}
