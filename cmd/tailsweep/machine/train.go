package machine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trainerfiles"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trialview"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/job"
	"github.com/tailsweep/tailsweep/trainer/program"
)

// trainFlags are the flags of a training without a worker.
type trainFlags struct {
	params      []string
	seed        int64
	seedGiven   bool
	dir, resume string
	backend     *cli.Choice
}

// Train is the verb train: it trains one trial, without a sweep or as a child.
func Train(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "train SPEC --to DIR | train --job FILE",
		Short: "Train one trial from the command line, without any service",
		Long: `train trains one configuration of a spec and writes checkpoints to DIR/step-<number>.
A parameter that is not given keeps the value of its field in train or evaluate, or its
default. Ctrl-C saves a checkpoint first; --resume continues from one, bit for bit.

With a trainer in the spec, the program that it names trains; its files are read from the
folder of the spec.

With --job it is the child of a worker and writes JSON lines.`,
		Example: "  tailsweep train my.yaml --param infonce.weight=0.1 --seed 1 --to run1",
		Args:    cli.Args(0, 1, "one spec"),
	}
	var h trainFlags
	f := cmd.Flags()
	jobFile := f.String("job", "", "run this job as the child of a worker")
	f.StringArrayVar(&h.params, "param", nil, "NAME=VALUE of a parameter; can be repeated")
	f.Int64Var(&h.seed, "seed", 0, "seed of the training (default: train.seed of the spec)")
	f.StringVar(&h.dir, "to", "", "folder for the checkpoints")
	f.StringVar(&h.resume, "resume", "", "checkpoint folder to continue from")
	h.backend = cli.BackendFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		// A training handles signals itself: it saves a checkpoint before it ends.
		ctx := context.WithoutCancel(cmd.Context())
		if *jobFile != "" {
			return cli.ChildExit(childOf(*jobFile)(ctx, *jobFile, a.In, a.Out, cli.Version)) // an event reports a failure
		}
		if len(args) == 0 {
			return cli.Usagef("train: SPEC is missing")
		}
		h.seedGiven = cmd.Flags().Changed("seed")
		j, files, err := newJob(a, args[0], h)
		if err != nil {
			return err
		}
		if j.Spec.Trainer != nil {
			if j.Files, err = os.MkdirTemp("", "tailsweep-train-*"); err != nil {
				return err
			}
			defer func() { _ = os.RemoveAll(j.Files) }() // in the temporary folder
			if err := files.LayOut(j.Files); err != nil {
				return err
			}
		} else if err := a.Download(cmd.Context(), j.Spec.Dataset); err != nil {
			return err
		}
		return trainByHand(ctx, a, j)
	}
	return cmd
}

// runChild is the child process of a training.
type runChild func(ctx context.Context, jobFile string, stdin io.Reader, stdout io.Writer, version string) int

// childOf returns who trains a job: a program of the user if its spec has one.
func childOf(jobFile string) runChild {
	var j job.Train
	if err := job.Read(jobFile, &j); err == nil && j.Spec.Trainer != nil { // an error is that of the child, too
		return program.RunChild
	}
	return trainer.RunChild
}

// newJob makes a job from the command line, without the files of a trainer, which it reads.
func newJob(a *cli.App, path string, h trainFlags) (job.Train, trainerfiles.Files, error) {
	if h.dir == "" {
		return job.Train{}, nil, cli.Usagef("train: --to DIR is missing (valid: the folder for the checkpoints)")
	}
	spec, text, err := a.ReadSpec(path)
	if err != nil {
		return job.Train{}, nil, err
	}
	files, err := a.ReadTrainer(path, text, spec)
	if err != nil {
		return job.Train{}, nil, err
	}
	assignment := sweep.Assignment{Kind: sweep.KindSearch, Params: sweep.Params{}, Seed: spec.Train.Seed}
	if h.seedGiven {
		assignment.Seed = h.seed
	}
	for _, given := range h.params {
		name, value, err := cli.ParseParam(spec, given)
		if err != nil {
			return job.Train{}, nil, fmt.Errorf("train: %w", err)
		}
		assignment.Params[name] = value
	}
	a.Warn(spec)
	if _, err := spec.Settings(assignment); err != nil {
		return job.Train{}, nil, cli.Usagef("train: %w", err)
	}
	if h.resume != "" {
		read := checkpoint.ReadManifest
		if spec.Trainer != nil {
			read = checkpoint.Verify // the program gets the folder as it is
		}
		m, err := read(h.resume)
		if err != nil {
			return job.Train{}, nil, cli.Usagef("train: --resume %s: %w (valid: a checkpoint folder, such as DIR/step-<number>)", h.resume, err)
		}
		if m.Step > spec.Train.Steps {
			return job.Train{}, nil, cli.Usagef("train: --resume %s: the checkpoint is of step %d, and the spec ends at train.steps = %d (valid: an earlier checkpoint, or more steps in the spec)", h.resume, m.Step, spec.Train.Steps)
		}
	}
	dir, err := filepath.Abs(h.dir)
	if err != nil {
		return job.Train{}, nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return job.Train{}, nil, err
	}
	if err := refuseUsed(dir, h.resume); err != nil {
		return job.Train{}, nil, err
	}
	return job.Train{
		TrainJob: sweep.TrainJob{Task: sweep.Task{Spec: *spec, Assignment: assignment, Attempt: 1}, Staging: dir, Resume: h.resume},
		Backend:  h.backend.Value,
	}, files, nil
}

// refuseUsed refuses a folder that has checkpoints of another or an earlier training.
// Checkpoints up to the one that the training resumes from are its own.
func refuseUsed(dir, resume string) error {
	entries, err := os.ReadDir(dir) // in order, since steps have zeros in front
	if err != nil {
		return err
	}
	last := ""
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "step-") {
			last = e.Name()
		}
	}
	if last == "" {
		return nil
	}
	from := ""
	if resume != "" {
		if from, err = filepath.Abs(resume); err != nil {
			return err
		}
	}
	switch {
	case from == "" || filepath.Dir(from) != dir:
		return cli.Usagef("train: --to %s already contains checkpoints (last: %s): choose another folder, or continue with --resume %s", dir, last, filepath.Join(dir, last))
	case last > filepath.Base(from):
		return cli.Usagef("train: --resume %s: --to %s has a later checkpoint, %s: choose another folder, or continue from that one", resume, dir, last)
	}
	return nil
}

// trainByHand runs the job as a child would, and prints its events.
func trainByHand(ctx context.Context, a *cli.App, j job.Train) error {
	file, err := os.CreateTemp("", "tailsweep-job-*.json")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }() // in the temporary folder
	err = json.NewEncoder(file).Encode(j)
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write the job: %w", err)
	}
	printer := &eventPrinter{app: a, read: a.ReadProgress()}
	code := childOf(file.Name())(ctx, file.Name(), nil, printer, cli.Version)
	if printer.failure != nil {
		if code == cli.ExitFailure && printer.failure.Class == sweep.FailBadData {
			return cli.Usagef("train: %s", printer.failure.Message)
		}
		return cli.ExitWith(code, printer.failure)
	}
	return cli.Silently(code)
}

// eventPrinter is the stdout of a child: it prints events as lines of text.
type eventPrinter struct {
	app     *cli.App
	read    func(done, all int)
	failure *sweep.FailureError // of an error event
}

// Write receives one complete line, as package job writes it.
func (t *eventPrinter) Write(line []byte) (int, error) {
	var e job.Event
	if err := json.Unmarshal(line, &e); err != nil {
		return 0, fmt.Errorf("event %q: %w", line, err)
	}
	switch e.Type {
	case job.Loading:
		t.read(e.Step, e.Steps)
	case job.Error:
		t.failure = &sweep.FailureError{Failure: sweep.Failure{Class: e.Class, Message: e.Message}}
	}
	if text := trialview.Event(e); text != "" {
		if err := t.app.Print(text); err != nil {
			return 0, err
		}
	}
	return len(line), nil
}
