package jobtest

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// Work does the job in a file.
type Work func(file string, c job.Child) error

// Main is the main function of a child program: `program train|evaluate --job FILE`.
func Main(program string, train, evaluate Work) {
	if len(os.Args) != 4 || os.Args[2] != "--job" {
		fmt.Fprintf(os.Stderr, "%s: a worker starts it, as: %[1]s train|evaluate --job FILE\n", program)
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

// ReadTrain reads the job of a training, with the step that it resumes from and the step that
// it ends at.
func ReadTrain(file string) (j job.Train, from, until int, err error) {
	if err := job.Read(file, &j); err != nil {
		return j, 0, 0, err
	}
	if j.Resume != "" {
		m, err := checkpoint.ReadManifest(j.Resume)
		if err != nil {
			return j, 0, 0, err
		}
		from = m.Step
	}
	until = j.Spec.Train.Steps
	if j.Until > 0 {
		until = j.Until
	}
	return j, from, until, nil
}

// File is a file of a checkpoint.
type File struct {
	Path string
	Data []byte
}

// Save writes the checkpoint of a step and reports it.
func Save(program string, j job.Train, c job.Child, step int, files ...File) error {
	dir, err := write(program, j, step, files)
	if err != nil {
		return err
	}
	return c.Emit(job.Event{Type: job.Checkpoint, Step: step, Dir: dir})
}

// write writes the checkpoint of a step.
func write(program string, j job.Train, step int, files []File) (dir string, err error) {
	w, err := checkpoint.Create(j.Staging, checkpoint.Manifest{
		Sweep: j.Spec.Name, Trial: j.Assignment.Number, Attempt: j.Attempt, Step: step,
		Provenance: checkpoint.Provenance{Version: program, Backend: program, SpecDigest: j.Spec.Digest(), Parent: j.Parent},
	})
	if err != nil {
		return "", err
	}
	defer func() { _ = w.Abort() }() // after Commit there is nothing to remove
	for _, f := range files {
		if err := w.Bytes(f.Path, f.Data); err != nil {
			return "", err
		}
	}
	return w.Commit()
}

// Evaluate verifies the checkpoint, measures every metric that the spec names with measure,
// and reports the result with a grid of one grey image.
func Evaluate(file string, c job.Child, measure func(j job.Evaluate, metric string) (float64, error)) error {
	var j job.Evaluate
	if err := job.Read(file, &j); err != nil {
		return err
	}
	if _, err := checkpoint.Verify(j.Checkpoint); err != nil {
		return err
	}
	found := sweep.Evaluation{Metrics: map[string]float64{}, Guidance: 1, Grid: filepath.Join(j.Output, "grid.png")}
	for _, name := range j.Spec.NamedMetrics() {
		value, err := measure(j, name)
		if err != nil {
			return err
		}
		found.Metrics[name] = value
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
