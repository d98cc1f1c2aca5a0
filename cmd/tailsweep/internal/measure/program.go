package measure

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trainerfiles"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/cost"
	"github.com/tailsweep/tailsweep/trainer/job"
	"github.com/tailsweep/tailsweep/trainer/program"
)

// A program is measured for programTime at most. Where it has saved a checkpoint, programSteps
// after its first progress are enough.
const (
	programTime  = time.Minute
	programSteps = 10 * time.Second
	programSays  = 10 * time.Second // between two lines of progress
)

// ProgramSpeed is what a measurement shows of a program. Fields that are not known are 0.
type ProgramSpeed struct {
	StepsPerSecond  float64 // between its first and its last message of progress
	CheckpointBytes int64   // of its first checkpoint
}

// Program runs the program of the spec's trainer, with files from the folder dir, in a temporary
// folder, and returns its speed. It reports its progress. An end of ctx kills the program.
func Program(ctx context.Context, a *cli.App, spec *sweep.Spec, dir string) (found ProgramSpeed, err error) {
	return measured(ctx, a, spec, dir, programTime, programSteps)
}

// measured is Program with other limits.
func measured(ctx context.Context, a *cli.App, spec *sweep.Spec, dir string, most, enough time.Duration) (found ProgramSpeed, err error) {
	root, err := os.MkdirTemp("", "tailsweep-probe-")
	if err != nil {
		return ProgramSpeed{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(root)) }()
	j := job.Train{TrainJob: sweep.TrainJob{
		Task:    sweep.Task{Spec: *spec, Assignment: cost.Costliest(spec), Attempt: 1},
		Staging: filepath.Join(root, "out"), Files: filepath.Join(root, "files"),
	}}
	for _, d := range []string{j.Staging, j.Files} {
		if err := os.Mkdir(d, 0o700); err != nil {
			return ProgramSpeed{}, err
		}
	}
	if err := trainerfiles.Copy(dir, spec.Trainer, j.Files); err != nil {
		return ProgramSpeed{}, err
	}
	a.Log("running %s for at most %s, until it has saved a checkpoint ...", cli.CommandText(spec), text.Duration(most))
	running, end := context.WithCancelCause(ctx)
	defer end(nil)
	defer time.AfterFunc(most, func() { end(errProbed) }).Stop()
	p := programProbe{now: time.Now, log: a.Log, enough: enough}
	err = program.Run(running, j, program.Options{Version: cli.Version, Events: func(e job.Event) error {
		if p.event(e) {
			end(errProbed)
		}
		return nil
	}})
	switch {
	case err != nil && !errors.Is(err, errProbed):
		return ProgramSpeed{}, err
	case p.found.StepsPerSecond == 0:
		return ProgramSpeed{}, fmt.Errorf("%s reported less than two steps in %s (valid: messages of progress, or trainer.seconds_per_step in the spec)", cli.CommandText(spec), text.Duration(most))
	}
	return p.found, nil
}

// programProbe follows the events of a program.
type programProbe struct {
	now    func() time.Time
	log    func(format string, args ...any)
	enough time.Duration

	first     int // step of the first progress
	begin     time.Time
	said      time.Time
	found     ProgramSpeed
	saved, on bool
}

// event takes an event, and reports whether the probe knows enough.
func (p *programProbe) event(e job.Event) bool {
	now := p.now()
	switch {
	case e.Type == job.Checkpoint && !p.saved:
		p.saved = true
		p.found.CheckpointBytes = size(e.Dir)
	case e.Type == job.Progress && !p.on:
		p.on, p.first, p.begin, p.said = true, e.Step, now, now
		p.log("  first progress at step %d", e.Step)
	case e.Type == job.Progress && e.Step > p.first && now.After(p.begin):
		p.found.StepsPerSecond = float64(e.Step-p.first) / now.Sub(p.begin).Seconds()
		if now.Sub(p.said) >= programSays {
			p.said = now
			p.log("  step %d, %s", e.Step, RateText(p.found.StepsPerSecond))
		}
	}
	return p.saved && p.found.StepsPerSecond > 0 && now.Sub(p.begin) >= p.enough
}

// size is the bytes of the files in a folder, 0 where it cannot be read.
func size(dir string) (bytes int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil //nolint:nilerr // what cannot be read has no known size
		}
		if info, err := d.Info(); err == nil {
			bytes += info.Size()
		}
		return nil
	})
	return bytes
}
