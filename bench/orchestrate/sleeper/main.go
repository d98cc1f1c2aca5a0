// Command sleeper is the child of a worker that the orchestration benchmark measures. It
// speaks the protocol of package job, trains nothing, and sleeps a millisecond for each
// step:
//
//	sleeper train --job FILE
//	sleeper evaluate --job FILE
//
// Its metrics are a smooth function of the parameters, so that a search has something to
// find. Bench and worker start a process for each, as they do for the real trainer.
package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// step is how long a training step takes.
const step = time.Millisecond

func main() {
	if len(os.Args) != 4 || os.Args[2] != "--job" {
		fmt.Fprintln(os.Stderr, "sleeper: a worker starts it, as: sleeper train|evaluate --job FILE")
		os.Exit(2)
	}
	work := train
	if os.Args[1] == "evaluate" {
		work = evaluate
	}
	os.Exit(job.Run(context.Background(), os.Stdin, os.Stdout, func(_ context.Context, c job.Child) error {
		return work(os.Args[3], c)
	}))
}

// train sleeps until the last step, and leaves a small checkpoint.
func train(file string, c job.Child) error {
	var j job.Train
	if err := job.Read(file, &j); err != nil {
		return err
	}
	from := 0
	if j.Resume != "" {
		m, err := checkpoint.ReadManifest(j.Resume)
		if err != nil {
			return err
		}
		from = m.Step
	}
	until := j.Spec.Train.Steps
	if j.Until > 0 {
		until = j.Until
	}
	if err := c.Emit(job.Event{Type: job.Started, Step: from, Steps: j.Spec.Train.Steps, Backend: "sleeper", Device: "none"}); err != nil {
		return err
	}
	began := time.Now()
	last := job.Event{Type: job.Done, Step: until, Losses: sweep.Losses{LossFirst: new(1.0), LossLast: new(value(j.Assignment.Params))}}
	select {
	case <-time.After(time.Duration(until-from) * step):
	case <-c.Drain:
		last = job.Event{Type: job.Preempted, Step: min(until, from+int(time.Since(began)/step))}
	}
	dir, err := save(j, last.Step)
	if err != nil {
		return err
	}
	if err := c.Emit(job.Event{Type: job.Checkpoint, Step: last.Step, Dir: dir}); err != nil {
		return err
	}
	return c.Emit(last)
}

// save writes the checkpoint of a step: a model and a loss curve, of which nothing is read.
func save(j job.Train, at int) (dir string, err error) {
	w, err := checkpoint.Create(j.Staging, checkpoint.Manifest{
		Sweep: j.Spec.Name, Trial: j.Assignment.Number, Attempt: j.Attempt, Step: at,
		Provenance: checkpoint.Provenance{Version: "sleeper", Backend: "sleeper", SpecDigest: j.Spec.Digest(), Parent: j.Parent},
	})
	if err != nil {
		return "", err
	}
	defer func() { _ = w.Abort() }() // after Commit there is nothing to remove
	if err := w.Bytes(checkpoint.ModelName, []byte("sleeper")); err != nil {
		return "", err
	}
	if err := w.Bytes(checkpoint.CurveName, fmt.Appendf(nil, "{\"step\":%d,\"loss\":1,\"ddpm\":1}\n", at)); err != nil {
		return "", err
	}
	return w.Commit()
}

// evaluate measures every metric that the spec names, at once.
func evaluate(file string, c job.Child) error {
	var j job.Evaluate
	if err := job.Read(file, &j); err != nil {
		return err
	}
	if _, err := checkpoint.Verify(j.Checkpoint); err != nil {
		return err
	}
	found := sweep.Evaluation{Metrics: map[string]float64{}, Guidance: 1, Grid: filepath.Join(j.Output, "grid.png")}
	for _, name := range j.Spec.NamedMetrics() {
		found.Metrics[name] = value(j.Assignment.Params)
	}
	var grid bytes.Buffer
	if err := png.Encode(&grid, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		return err
	}
	if err := os.WriteFile(found.Grid, grid.Bytes(), 0o600); err != nil {
		return err
	}
	return c.Emit(job.Event{Type: job.Result, Evaluation: &found})
}

// value is a bowl over the logarithms of the parameters, lowest where all are 0.1.
func value(params sweep.Params) float64 {
	sum := 1.0
	for _, v := range params {
		x := math.Log10(max(v.Float(), 1e-4)) + 1
		sum += x * x
	}
	return sum
}
