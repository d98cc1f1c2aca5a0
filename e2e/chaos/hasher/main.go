package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/tailsweep/tailsweep/e2e/chaos/chain"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/job"
	"github.com/tailsweep/tailsweep/trainer/job/jobtest"
)

// step is how long a training step takes.
const step = 20 * time.Millisecond

func main() { jobtest.Main("hasher", train, evaluate) }

// training is the state of a training.
type training struct {
	chain chain.Link
	curve bytes.Buffer
	first float64 // loss
}

// resume reads the checkpoint in dir; "" begins.
func resume(j job.Train) (*training, error) {
	t := &training{chain: chain.Begin(j.Assignment.Params, j.Assignment.Seed)}
	t.first = t.chain.Number("loss")
	if j.Resume == "" {
		return t, nil
	}
	model, err := os.ReadFile(filepath.Join(j.Resume, checkpoint.ModelName))
	if err != nil {
		return nil, err
	}
	if len(model) != len(t.chain) {
		return nil, fmt.Errorf("%s has %d bytes", j.Resume, len(model))
	}
	copy(t.chain[:], model)
	curve, err := os.ReadFile(filepath.Join(j.Resume, checkpoint.CurveName))
	t.curve.Write(curve)
	return t, err
}

// train chains the steps of a job.
func train(file string, c job.Child) error {
	j, from, until, err := jobtest.ReadTrain(file)
	if err != nil {
		return err
	}
	t, err := resume(j)
	if err != nil {
		return err
	}
	if err := c.Emit(job.Event{Type: job.Started, Step: from, Steps: j.Spec.Train.Steps, Backend: "hasher", Device: "none"}); err != nil {
		return err
	}
	save := func(at int) error {
		return jobtest.Save("hasher", j, c, at,
			jobtest.File{Path: checkpoint.ModelName, Data: t.chain[:]}, jobtest.File{Path: checkpoint.CurveName, Data: t.curve.Bytes()})
	}
	ticker := time.NewTicker(step)
	defer ticker.Stop()
	for at := from + 1; at <= until; at++ {
		select {
		case <-c.Drain:
			if at-1 > from {
				if err := save(at - 1); err != nil {
					return err
				}
			}
			return c.Emit(job.Event{Type: job.Preempted, Step: at - 1})
		case <-ticker.C:
		}
		t.chain = t.chain.Next(at)
		if at%j.Spec.Train.LogEvery == 0 {
			point := sweep.CurvePoint{Step: at, Loss: t.chain.Number("loss"), DDPM: t.chain.Number("ddpm")}
			if err := json.NewEncoder(&t.curve).Encode(point); err != nil {
				return err
			}
			if err := c.Emit(job.Event{Type: job.Progress, Step: at, Steps: j.Spec.Train.Steps, Point: &point}); err != nil {
				return err
			}
		}
		if at%j.Spec.Checkpoints.EverySteps == 0 || at == until {
			if err := save(at); err != nil {
				return err
			}
		}
	}
	return c.Emit(job.Event{Type: job.Done, Step: until, Losses: sweep.Losses{LossFirst: &t.first, LossLast: new(t.chain.Number("loss"))}})
}

// evaluate measures the weights.
func evaluate(file string, c job.Child) error {
	return jobtest.Evaluate(file, c, func(j job.Evaluate, metric string) (float64, error) {
		model, err := os.ReadFile(filepath.Join(j.Checkpoint, checkpoint.ModelName))
		if err != nil {
			return 0, err
		}
		var l chain.Link
		copy(l[:], model)
		return l.Metric(metric), nil
	})
}
