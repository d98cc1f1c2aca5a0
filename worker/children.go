package worker

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/child"
	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// The files that a job leaves in its own folder.
const (
	jobFileName = "job.json"
	logFileName = "log.txt"
)

// logUpload bounds the storing of a log after its attempt has ended.
const logUpload = 30 * time.Second

// Logs keeps the output of an attempt, the file at path.
type Logs interface {
	PutLog(ctx context.Context, t sweep.Task, path string) error
}

// logs keeps it in an archive.
type logs struct{ activities.Archive }

// PutLog implements Logs.
func (l logs) PutLog(ctx context.Context, t sweep.Task, path string) error {
	_, records, err := l.For(ctx, t.Owner, t.Digest)
	if err != nil {
		return err
	}
	return records.PutLog(ctx, t.Spec.Name, t.Assignment.Number, t.Attempt, path)
}

// Children runs each job in a process of its own and implements
// activities.Trainer. Safe for concurrent use; a job waits for a free slot.
type Children struct {
	config  ChildrenConfig
	slots   slots
	starter child.Starter
	linger  time.Duration // see child; a test shortens it
}

var _ activities.Trainer = (*Children)(nil)

// ChildrenConfig configures NewChildren.
type ChildrenConfig struct {
	Executable    string   // has the verbs train and evaluate
	Backend       string   // a name of backend.Names
	Slots         int      // children at a time, at least 1
	Devices       []string // given to the slots in turn; see Devices
	AllowCommands bool     // run the commands of specs with a trainer
	Logs          Logs     // keeps the log of each training attempt
	Log           *slog.Logger
}

// NewChildren returns a Trainer that starts children. The caller closes it.
func NewChildren(c ChildrenConfig) *Children {
	return &Children{config: c, slots: newSlots(max(c.Slots, 1), c.Devices), starter: child.NewStarter(), linger: afterLastEvent}
}

// Close ends the thread that starts the children. The caller must have waited for
// all jobs.
func (c *Children) Close() { c.starter.Close() }

// Train implements activities.Trainer.
func (c *Children) Train(
	ctx context.Context, t sweep.TrainJob, drain <-chan struct{}, report func(activities.Progress) error,
) (activities.Outcome, error) {
	if err := c.refuseCommand(&t.Spec); err != nil {
		return activities.Outcome{}, err
	}
	logFile := filepath.Join(t.Staging, logFileName)
	defer c.keepLog(ctx, t, logFile)

	progress := activities.Progress{Steps: t.Spec.Train.Steps}
	end, err := c.run(ctx, "train", t.Staging, job.Train{TrainJob: t, Backend: c.config.Backend}, t.Spec.Trainer, drain, func(e job.Event) error {
		update(&progress, e)
		if e.Type != job.Checkpoint {
			return report(progress)
		}
		if err := file.Inside(t.Staging, e.Dir); err != nil {
			return child.Fail(sweep.FailBug, fmt.Sprintf("the child reported a checkpoint that is not in its folder: %v", err), "")
		}
		p := progress
		p.Checkpoint = e.Dir
		return report(p)
	})
	if err != nil {
		return activities.Outcome{}, err
	}
	outcome := activities.Outcome{Step: end.last.Step, Losses: end.last.Losses, Evaluation: end.last.Evaluation, Backend: progress.Backend}
	known := false
	if outcome.Status, known = outcomes[end.last.Type]; !known {
		return activities.Outcome{}, child.Fail(sweep.FailBug, fmt.Sprintf("a training child ended with a %q event", end.last.Type), "")
	}
	return outcome, nil
}

// refuseCommand returns the failure of a trial whose spec has a command, where this worker does
// not run commands.
func (c *Children) refuseCommand(s *sweep.Spec) error {
	if s.Trainer == nil || c.config.AllowCommands {
		return nil
	}
	command := text.Clip(strings.Join(s.Trainer.Command, " "), maxCommandText)
	return child.Fail(sweep.FailBadData, fmt.Sprintf("this worker does not run commands of a spec, here %q: start it with --allow-commands, or with TAILSWEEP_ALLOW_COMMANDS=1, if everybody who can write specs may run programs as its user", command), "")
}

// maxCommandText bounds a command in a message, in bytes.
const maxCommandText = 200

// outcomes maps the last event of a training child to how the training ended.
var outcomes = map[job.Type]sweep.Outcome{
	job.Done: sweep.OutcomeDone, job.Diverged: sweep.OutcomeDiverged, job.Preempted: sweep.OutcomePreempted,
}

// Evaluate implements activities.Trainer.
func (c *Children) Evaluate(
	ctx context.Context, t sweep.EvaluateJob, report func(activities.Progress) error,
) (sweep.Evaluation, error) {
	var progress activities.Progress
	end, err := c.run(ctx, "evaluate", t.Output, job.Evaluate{EvaluateJob: t, Backend: c.config.Backend}, nil, nil, func(e job.Event) error {
		update(&progress, e)
		return report(progress)
	})
	if err != nil {
		return sweep.Evaluation{}, err
	}
	found := end.last.Evaluation
	if end.last.Type != job.Result || found == nil {
		return sweep.Evaluation{}, child.Fail(sweep.FailBug, fmt.Sprintf("an evaluating child ended with a %q event and without an evaluation", end.last.Type), "")
	}
	if err := file.Inside(t.Output, found.Grid); err != nil {
		return sweep.Evaluation{}, child.Fail(sweep.FailBug, fmt.Sprintf("the child reported a grid that is not in its folder: %v", err), "")
	}
	return *found, nil
}

// run does one job in a free slot and writes the job file and the log to dir; trainer is that of a
// training by a program of the user, else nil. When it
// returns, no process of the child is left. Without an error the ending's last event
// is a success.
func (c *Children) run(
	ctx context.Context, verb, dir string, j any, trainer *sweep.Trainer, drain <-chan struct{}, handle func(job.Event) error,
) (ending, error) {
	device, err := c.slots.take(ctx)
	if err != nil {
		return ending{}, interrupted(err)
	}
	defer func() { c.slots <- device }()

	jobFile := filepath.Join(dir, jobFileName)
	data, err := json.Marshal(j)
	if err == nil {
		err = os.WriteFile(jobFile, data, 0o600)
	}
	if err != nil {
		return ending{}, sweep.Fail(sweep.FailEnvironment, fmt.Errorf("write the job file: %w", err))
	}
	ch, err := c.spawn(verb, jobFile, filepath.Join(dir, logFileName), device, trainer)
	if err != nil {
		return ending{}, sweep.Fail(sweep.FailEnvironment, err)
	}
	end, cause := ch.supervise(ctx, drain, handle)
	if err := ch.log.close(); err != nil {
		c.config.Log.Warn("an attempt's log is incomplete", "error", err)
	}
	if cause != nil {
		return ending{}, interrupted(cause)
	}
	if failure := end.failure(); failure != nil {
		return ending{}, failure
	}
	return end, nil
}

// keepLog stores the log, also of a cancelled attempt. An error does not fail the
// attempt.
func (c *Children) keepLog(ctx context.Context, t sweep.TrainJob, path string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), logUpload)
	defer cancel()
	if _, err := os.Stat(path); err != nil {
		return // the child never started
	}
	if err := c.config.Logs.PutLog(ctx, t.Task, path); err != nil {
		c.config.Log.Warn("cannot keep an attempt's log", "sweep", t.Spec.Name, "trial", t.Assignment.Number,
			"attempt", t.Attempt, "error", err)
	}
}

// update updates the progress with an event.
func update(p *activities.Progress, e job.Event) {
	if e.Type == job.Loading {
		p.Loaded = e.Step
		return
	}
	p.Compiling = e.Type == job.Compiling
	switch e.Type {
	case job.Started, job.Progress:
		p.Step = e.Step
		p.Reports++
	case job.Checkpoint:
		p.Step = max(p.Step, e.Step) // it is reported once complete, while training continues
	}
	p.Backend, p.Steps = cmp.Or(e.Backend, p.Backend), cmp.Or(e.Steps, p.Steps)
	p.StepsPerSecond, p.Point = cmp.Or(e.StepsPerSecond, p.StepsPerSecond), cmp.Or(e.Point, p.Point)
}
