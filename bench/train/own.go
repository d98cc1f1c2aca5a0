package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/bench/measure"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/diffusion"
	"github.com/tailsweep/tailsweep/trainer/evaluate"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// ownCase is what our measured process trains.
type ownCase struct {
	Arch    string `json:"arch"`
	Both    bool   `json:"both"`
	Backend string `json:"backend"`
	Every   int    `json:"every,omitempty"` // steps a checkpoint; 0: none
}

// ownSaving is the cost of checkpoints, in seconds.
type ownSaving struct {
	Normal float64 `json:"normal"` // median step without a checkpoint before it
	After  float64 `json:"after"`  // median step with a checkpoint before it
	Named  float64 `json:"named"`  // median time from a checkpoint's step to its event
}

func (c ownCase) job() job.Train {
	spec := sweep.Spec{
		APIVersion: sweep.APIVersion, Name: "bench",
		Dataset: sweep.Dataset{Name: sweep.FashionMNIST10k, Size: 28, Imbalance: sweep.Imbalance{Profile: sweep.ProfileExp, Factor: 0.01}},
		Model:   sweep.Model{Arch: c.Arch, Width: 32, Depth: 1, Mult: []int{1, 2, 2}},
		Train: sweep.Train{Steps: 1_000_000, Batch: batch, LR: 1e-3, EMA: 0.999, LabelDropout: 0.1, LabelDropoutMode: sweep.DropSample, Schedule: sweep.ScheduleLinear,
			Prediction: sweep.PredictEps, Precision: sweep.PrecisionF32, ClipNorm: 1, Seed: 1, LogEvery: 1},
		Evaluate:    sweep.Evaluate{SamplesPerClass: samples / 10, Guidance: []float64{1}, Sampler: sweep.SamplerDDIM, DDIMSteps: ddimSteps, Seed: 1},
		Checkpoints: sweep.Checkpoints{EverySteps: 1_000_000},
	}
	if c.Arch == "dit" {
		spec.Model = sweep.Model{Arch: c.Arch, Width: 128, Depth: 4, Patch: 4, Heads: 4}
	}
	if c.Every > 0 {
		spec.Checkpoints.EverySteps = c.Every
	}
	a := sweep.Assignment{Kind: sweep.KindSearch, Seed: 1, Params: sweep.Params{}}
	if c.Both {
		a.Params[sweep.ParamInfonceWeight], a.Params[sweep.ParamAlignmentWeight] = sweep.Number(0.1), sweep.Number(0.1)
	}
	return job.Train{TrainJob: sweep.TrainJob{Task: sweep.Task{Spec: spec, Assignment: a, Attempt: 1}}, Backend: c.Backend}
}

// trained is a training that waits between its steps.
type trained struct {
	job     job.Train
	backend *backend.Backend
	next    chan struct{}  // starts a step
	stepped chan job.Event // a step is done
	ended   chan error

	samplers map[int]*diffusion.Sampler // by the number of images at a time; they live as long as the process
}

// serve answers the lines of in until it ends.
func serve(text string, in io.Reader, out io.Writer) error {
	var c ownCase
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	b, err := backend.Open(c.Backend)
	if err != nil {
		return err
	}
	staging, err := os.MkdirTemp("", "tailsweep-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(staging) //nolint:errcheck // a temporary folder
	t := &trained{
		job: c.job(), backend: b, next: make(chan struct{}), stepped: make(chan job.Event), ended: make(chan error, 1),
		samplers: map[int]*diffusion.Sampler{},
	}
	t.job.Staging = staging
	count, err := trainer.ParameterCount(t.job.Spec)
	if err != nil {
		return err
	}
	if c.Every == 0 {
		go t.train()
	}
	lines := json.NewEncoder(out)
	if err := lines.Encode(map[string]any{"parameters": count}); err != nil {
		return err
	}
	for scan := bufio.NewScanner(in); scan.Scan(); {
		words := strings.Fields(scan.Text())
		a, err := t.answer(words)
		if err != nil {
			a = map[string]any{"error": err.Error()}
		}
		if err := lines.Encode(a); err != nil {
			return err
		}
	}
	return nil
}

// train runs until the process ends, one step for each value of next.
func (t *trained) train() {
	t.ended <- trainer.Train(context.Background(), t.job, trainer.Options{Backend: t.backend, Events: func(e job.Event) error {
		switch {
		case e.Type == job.Compiling:
			<-t.next
		case e.Point != nil:
			t.stepped <- e
			<-t.next
		}
		return nil
	}})
}

func (t *trained) step() error {
	t.next <- struct{}{}
	select {
	case <-t.stepped:
		return nil
	case err := <-t.ended:
		return errors.Join(errors.New("the training ended"), err)
	}
}

func (t *trained) answer(words []string) (any, error) {
	switch {
	case len(words) == 1 && words[0] == "step":
		return timed(1, t.step)
	case len(words) == 3 && words[0] == "sample":
		var n, steps int
		if _, err := fmt.Sscan(words[1]+" "+words[2], &n, &steps); err != nil {
			return nil, err
		}
		return t.sample(n, steps, 1)
	case len(words) == 1 && words[0] == "forward":
		if _, err := t.sample(batch, 1, 0); err != nil { // compiles
			return nil, err
		}
		return t.sample(batch, 1, 0)
	case len(words) == 1 && words[0] == "host":
		return t.host()
	case len(words) == 1 && words[0] == "evaluate":
		return t.evaluate()
	case len(words) == 2 && words[0] == "profile":
		return t.profile(words[1])
	case len(words) == 2 && words[0] == "checkpoints":
		var n int
		if _, err := fmt.Sscan(words[1], &n); err != nil {
			return nil, err
		}
		return t.checkpoints(n)
	}
	return nil, fmt.Errorf("%q is not understood", words)
}

// timed returns the mean cost of n calls of work.
func timed(n int, work func() error) (cost, error) {
	began, used := time.Now(), measure.ProcessorSeconds()
	for range n {
		if err := work(); err != nil {
			return cost{}, err
		}
	}
	return cost{time.Since(began).Seconds() / float64(n), (measure.ProcessorSeconds() - used) / float64(n)}, nil
}

// sample draws n images from an untrained model. The first call for this n compiles.
func (t *trained) sample(n, steps int, guidance float64) (cost, error) {
	s := t.samplers[n]
	if s == nil {
		m, err := trainer.Untrained(t.backend, t.job.Spec, t.job.Assignment)
		if err != nil {
			return cost{}, err
		}
		if s, err = m.Sampler(n); err != nil {
			return cost{}, err
		}
		t.samplers[n] = s
	}
	pictures := make([]diffusion.SampleID, n)
	for i := range pictures {
		pictures[i] = diffusion.SampleID{Class: i % 10, Index: i / 10}
	}
	return timed(1, func() error {
		_, err := s.Sample(context.Background(), pictures, guidance, steps, nil)
		return err
	})
}

// host measures the work of a step on the host, before the backend starts.
func (t *trained) host() (cost, error) {
	data, err := dataset.Load(t.job.Spec.Dataset)
	if err != nil {
		return cost{}, err
	}
	order, step := data.Order(batch, 1, 0), 0
	return timed(20, func() error {
		images, _, err := data.Gather(order.Batch(step))
		if err != nil {
			return err
		}
		diffusion.TrainingDraws(1, step, batch, len(images)/batch, 0.1, false)
		step++
		return nil
	})
}

// evaluate measures an evaluation of all samples without drawing them. The content of the
// images does not change the time.
func (t *trained) evaluate() (cost, error) {
	per := samples / 10
	var labels []int
	var images []float32
	for class := range 10 {
		for index := range per {
			labels = append(labels, class)
			images = append(images, diffusion.SamplingNoise(1, class, index, 28*28)...)
		}
	}
	return timed(1, func() error {
		j, err := evaluate.NewEvaluator(context.Background(), t.backend, t.job.Spec.Dataset, nil, per, nil)
		if err != nil {
			return err
		}
		defer j.Close()
		_, _, err = j.Metrics(context.Background(), images, labels, evaluate.Whole, nil)
		return err
	})
}

func (t *trained) profile(file string) (c cost, err error) {
	f, err := os.Create(file)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := pprof.StartCPUProfile(f); err != nil {
		return c, err
	}
	defer pprof.StopCPUProfile()
	return timed(3, t.step)
}

// checkpoints trains without a pause until n checkpoints are reported.
func (t *trained) checkpoints(n int) (ownSaving, error) {
	every := t.job.Spec.Checkpoints.EverySteps
	at := map[int]time.Time{} // when a step was done
	var normal, after, named []float64
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	err := trainer.Train(ctx, t.job, trainer.Options{Backend: t.backend, Events: func(e job.Event) error {
		now := time.Now()
		switch {
		case e.Type == job.Checkpoint:
			named = append(named, now.Sub(at[e.Step]).Seconds())
			if len(named) == n {
				cancel()
			}
			return os.RemoveAll(e.Dir)
		case e.Point != nil:
			at[e.Step] = now
			before, ok := at[e.Step-1]
			took := now.Sub(before).Seconds()
			switch {
			case !ok || e.Step <= 2: // compiles
			case e.Step%every == 1:
				after = append(after, took)
			default:
				normal = append(normal, took)
			}
		}
		return nil
	}})
	if !errors.Is(err, context.Canceled) {
		return ownSaving{}, errors.Join(errors.New("the training ended"), err)
	}
	return ownSaving{middle(normal), middle(after), middle(named)}, nil
}

func middle(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
