package program

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/tailsweep/tailsweep/internal/child"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// Backend is the name that events and manifests have for a program of the user.
const Backend = "program"

// Times of a run.
const (
	afterLastMessage = 10 * time.Second       // for the program to end by itself
	progressEvery    = 200 * time.Millisecond // at most one event of progress in this time
)

// RunChild is the child process of `tailsweep train --job FILE` for a spec with a trainer. It
// follows the protocol of trainer/job on stdin and stdout, logs text to stderr, and returns the
// exit code. When stdin closes, it kills all that the program started. A nil stdin is not
// watched, for training without a worker. version is tailsweep's, for manifests.
func RunChild(ctx context.Context, jobFile string, stdin io.Reader, stdout io.Writer, version string) int {
	return job.Run(ctx, stdin, stdout, func(ctx context.Context, c job.Child) error {
		var j job.Train
		if err := job.Read(jobFile, &j); err != nil {
			return err
		}
		return Run(ctx, j, Options{Events: c.Emit, Drain: c.Drain, Log: c.Log, Version: version, atOrphaned: c.AtOrphaned})
	})
}

// Run trains the job's trial with the program of its spec, and reports through o.Events; the
// last event is done, diverged or preempted when the error is nil, and done has the program's
// metrics. Errors are *sweep.FailureError, or ctx's own.
func Run(ctx context.Context, j job.Train, o Options) error {
	return run0(ctx, j, o, afterLastMessage)
}

func run0(ctx context.Context, j job.Train, o Options, linger time.Duration) error {
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	if o.Observe == nil {
		o.Observe = func(Observation) {}
	}
	if o.atOrphaned == nil {
		o.atOrphaned = func(func()) {}
	}
	r, err := newRun(j, o)
	if err != nil {
		return classify(err)
	}
	r.linger = linger
	defer r.starter.Close()
	err = r.train(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return classify(err)
}

// run is one attempt. All fields belong to the goroutine of train.
type run struct {
	job     job.Train
	spec    *sweep.Spec
	options Options
	program job.Program
	folder  string // job.ProgramDir of the staging folder
	steps   int    // of the whole training
	until   int    // the step to end at
	plain   *plain // nil for a program that writes messages
	linger  time.Duration

	starter     child.Starter
	environment func() environment
	stopAsking  func()
	process     *child.Process
	lines       chan output
	output      child.LastLines

	reported bool // a message had a step
	step     int  // the last one
	curve    *curve
	clock    *job.Pace
	unsent   bool // progress was made since the last event
	sentAt   time.Time
	point    int // the number of points of the curve at the last event

	taken   *int // step of the last checkpoint that the program has written; nil without one
	sampled bool // it is at until, and has samples
	saved   *int // of the last one that is sealed, or resumed from
	held    *save
	queue   []*save
	sealing bool
	sealed  chan sealed
	found   *sweep.Evaluation // metrics at until; nil while there are none
	results *sweep.Evaluation // of the file metrics.json in the last checkpoint of a plain program; nil without one

	drained bool
	killAt  <-chan time.Time
	last    *job.Event // the last message
	killed  bool
	err     error // the first one
}

// output is a line of the program.
type output struct {
	line   []byte
	stderr bool
}

func newRun(j job.Train, o Options) (*run, error) {
	t := j.Spec.Trainer
	if t == nil || len(t.Command) == 0 {
		return nil, bad(sweep.FailBadData, "the spec has no trainer.command")
	}
	staging, err := filepath.Abs(j.Staging)
	if err != nil {
		return nil, err
	}
	j.Staging = staging
	r := &run{
		job: j, spec: &j.Spec, options: o, folder: filepath.Join(staging, job.ProgramDir), steps: j.Spec.Train.Steps,
		starter: child.NewStarter(), environment: func() environment { return environment{} }, stopAsking: func() {},
		lines: make(chan output), sealed: make(chan sealed, 1), curve: newCurve(j.Spec.Train.Steps), clock: job.NewPace(),
	}
	r.program = job.NewProgram(j)
	r.program.Until = min(r.program.Until, r.steps)
	r.program.Staging, r.program.Resume = filepath.Join(r.folder, stagingDir), ""
	r.program.Device = os.Getenv(child.Devices)
	r.until = r.program.Until
	if t.Protocol == sweep.ProtocolPlain {
		r.plain = newPlain()
	}
	return r, nil
}

func (r *run) emit(e job.Event) error { return r.options.Events(e) }

func (r *run) train(ctx context.Context) (err error) {
	if err := r.emit(job.Event{Type: job.Opened, Backend: Backend, Device: r.program.Device}); err != nil {
		return err
	}
	if r.job.Resume != "" {
		complete, err := r.resume()
		if err != nil {
			return err
		}
		if complete {
			r.options.Log("the checkpoint of step %d has the results: the program is not started again", r.until)
			return r.emit(r.doneEvent())
		}
	}
	defer func() {
		if removed := os.RemoveAll(r.folder); err == nil {
			err = removed
		}
	}()
	if err := r.layOut(); err != nil {
		return err
	}
	if r.process, err = r.start(); err != nil {
		return err
	}
	defer r.stopAsking()
	r.options.atOrphaned(func() { r.process.Kill(); r.process.Exit() })
	r.options.Observe(Observation{Started: true})
	r.loop(ctx)
	return r.finish(ctx)
}

// loop follows the program until it has ended.
func (r *run) loop(ctx context.Context) {
	done, drain := ctx.Done(), r.options.Drain
	flush := time.NewTicker(progressEvery)
	defer flush.Stop()
	for {
		lines := r.lines
		if len(r.queue) >= maxWaiting {
			lines = nil // the program has to wait
		}
		select {
		case <-r.process.Ended():
			return
		case line := <-lines:
			if err := r.line(line); err != nil {
				r.fail(err)
			}
		case s := <-r.sealed:
			if err := r.wasSealed(s); err != nil {
				r.fail(err)
			}
		case <-flush.C:
			if err := r.send(); err != nil {
				r.fail(err)
			}
		case <-done:
			done = nil
			r.fail(context.Cause(ctx))
		case <-drain:
			drain = nil
			r.drain()
		case <-r.killAt:
			r.killAt = nil
			r.kill()
		}
	}
}

// fail ends the attempt with an error: the first one counts. Checkpoints that wait are given up.
func (r *run) fail(err error) {
	if r.err == nil {
		r.err, r.queue = err, nil
		r.kill()
	}
}

// kill kills the program in the background: it looks for processes, and the loop must go on.
func (r *run) kill() {
	r.killed = true
	go r.process.Kill()
}

// drain asks the program to save and end.
func (r *run) drain() {
	r.drained = true
	if r.last != nil {
		return // it is ending
	}
	seconds := r.spec.Trainer.SecondsToSave
	r.options.Log("asked the program to save and end, within %d s", seconds)
	r.process.Signal(syscall.SIGTERM)
	r.killAt = time.After(time.Duration(seconds) * time.Second)
}

// line handles a line of the program's output.
func (r *run) line(o output) error {
	if r.err != nil {
		return nil // it is being killed
	}
	seen := Observation{Text: string(o.line), Stderr: o.stderr}
	var problem, err error
	switch {
	case o.stderr || r.last != nil:
	case r.plain != nil:
		problem, err = r.plainLine(o.line)
	default:
		if seen.Message, problem = parse(o.line); problem == nil && seen.Message != nil {
			problem = r.follows(seen.Message)
		}
	}
	if problem != nil {
		seen.Problem = problem.Error()
		err = bad(sweep.FailBug, "the program wrote a line that breaks the protocol: %v. The line is:\n%s", problem, text.Clip(text.Printable(string(o.line)), maxShown))
	}
	r.options.Observe(seen)
	if seen.Message == nil {
		r.output.Add([]byte(text.Printable(string(o.line))))
		r.options.Log("%s", text.Printable(string(o.line))) // it may be printed to a terminal
	}
	if err == nil && seen.Message != nil {
		err = r.message(*seen.Message)
	}
	return err
}

// message carries out a message that follows the rules.
func (r *run) message(e job.Event) error {
	switch e.Type {
	case job.Started:
		return r.begin(e.Step)
	case job.Progress:
		return r.progress(e.Step, e.Values)
	case job.Checkpoint:
		if err := r.begin(min(e.Step, r.program.ResumeStep)); err != nil {
			return err
		}
		return r.take(e.Step, e.Dir)
	case job.Metrics:
		r.found = e.Evaluation
		if err := r.send(); err != nil {
			return err
		}
		if err := r.emit(job.Event{Type: job.Metrics, Step: e.Step, Steps: r.steps, Evaluation: e.Evaluation}); err != nil {
			return err
		}
		r.release()
		return nil
	}
	r.last = &e
	r.killAt = time.After(r.linger)
	return r.conclude()
}

// begin emits that the training begins at a step, once. A program that begins before the
// checkpoint that it could resume from begins again: its curve does, too.
func (r *run) begin(step int) error {
	if r.reported {
		return nil
	}
	r.reported, r.step = true, step
	if step < r.program.ResumeStep {
		r.options.Log("the program does not resume from step %d: it begins at step %d", r.program.ResumeStep, step)
		r.curve.cut(step)
	}
	return r.emit(job.Event{Type: job.Started, Backend: Backend, Device: r.program.Device, Step: step, Steps: r.steps})
}

// progress notes the losses at a step.
func (r *run) progress(step int, losses map[string]float64) error {
	begin := r.program.ResumeStep
	if step < begin {
		begin = 0
	}
	if err := r.begin(begin); err != nil {
		return err
	}
	r.step = step
	r.clock.Stepped(step)
	if name := r.curve.add(step, losses); name != "" && r.plain == nil {
		return bad(sweep.FailBug, "the program reports more than %d names of losses: %s is one too many", maxLosses, name)
	}
	r.unsent = true
	if time.Since(r.sentAt) >= progressEvery {
		return r.send()
	}
	return nil
}

// send emits the progress since the last event, if there is any.
func (r *run) send() error {
	if !r.unsent {
		return nil
	}
	r.unsent, r.sentAt = false, time.Now()
	e := job.Event{Type: job.Progress, Step: r.step, Steps: r.steps, StepsPerSecond: r.clock.Rate(r.step)}
	if n := len(r.curve.points); n > 0 && n != r.point {
		p := r.curve.points[n-1]
		e.Point, r.point = &p, n
	}
	return r.emit(e)
}

// doneEvent is the last event of a training to its end.
func (r *run) doneEvent() job.Event {
	found := r.found
	if found == nil {
		found = &sweep.Evaluation{}
	}
	return job.Event{Type: job.Done, Step: r.until, Steps: r.steps, Losses: r.curve.losses(), Evaluation: found}
}

func bad(class sweep.FailureClass, format string, args ...any) error {
	return sweep.Fail(class, fmt.Errorf(format, args...))
}
