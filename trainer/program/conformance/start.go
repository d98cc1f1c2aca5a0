package conformance

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/job"
	"github.com/tailsweep/tailsweep/trainer/program"
)

var (
	errLate   = errors.New("the time limit of a start was reached")
	errKilled = errors.New("the check kills the program")
)

// start starts the program once, and returns what it did when no process of it is left.
func (s *suite) start(ctx context.Context, what string, a ask) *record {
	s.starts++
	s.Log(fmt.Sprintf("%2d: %s, %d steps", s.starts, what, a.until-a.step))
	r := &record{
		ask: a, folder: filepath.Join(s.dir, fmt.Sprint(s.starts)), reached: a.step, saved: map[int]checkpoint.Manifest{}, changed: map[int]error{},
		announced: map[int]string{},
	}
	j, err := s.job(r)
	if err != nil {
		s.broken = err
		return r
	}
	running, cancel := context.WithTimeoutCause(ctx, s.Limit, errLate)
	defer cancel()
	running, kill := context.WithCancelCause(running)
	defer kill(nil)
	w := &watcher{record: r, plain: s.plain(), every: s.every(), saves: s.whole != nil && s.whole.saves(), drain: make(chan struct{}), kill: kill}
	if a.stop != stopNever && s.whole.reports == 0 { // nothing shows where its middle is
		timer := time.AfterFunc(s.whole.over.Sub(s.whole.began)/2, w.interrupt)
		defer timer.Stop()
	}
	r.began = time.Now()
	err = program.Run(running, j, program.Options{Events: w.event, Drain: w.drain, Version: s.Version, Observe: w.observe})
	r.over = time.Now()
	w.mu.Lock() // the timer may be at work
	defer w.mu.Unlock()
	s.conclude(r, err, context.Cause(running))
	return r
}

// conclude notes how a start ended, and reads its checkpoints.
func (s *suite) conclude(r *record, err, cause error) {
	var failure *sweep.FailureError
	switch {
	case errors.Is(cause, errLate):
		r.late, r.done = true, false
		r.ended = "it did not end within " + text.Duration(s.Limit) + r.output()
	case errors.Is(cause, errKilled):
		r.ended = "it was killed, as the check wanted"
	case errors.As(err, &failure):
		r.failure = &failure.Failure
		r.ended = failure.Message
	case err != nil:
		r.ended = err.Error()
	}
	for step := range r.saved {
		m, err := checkpoint.Verify(r.dir(step))
		if err != nil {
			r.changed[step] = err
			if m, err = checkpoint.ReadManifest(r.dir(step)); err != nil {
				s.broken = fmt.Errorf("the checkpoint of step %d: %w", step, err)
			}
		}
		r.saved[step] = m
		if !r.ask.keep {
			if err := os.RemoveAll(r.dir(step)); err != nil {
				s.broken = err
			}
		}
	}
	if len(r.left) > 0 {
		s.found.add(Processes, Warning, "wait for what the program starts, or end it, before the last message: what still runs is killed, and what it was writing is lost",
			"when the program had ended, something that it had started still ran, and was killed: %s", some(r.left))
	}
}

// job makes the job of a start, with its folders.
func (s *suite) job(r *record) (j job.Train, err error) {
	if err := os.Mkdir(r.folder, 0o700); err != nil {
		return j, fmt.Errorf("make a folder: %w", err)
	}
	spec := s.Spec
	spec.Train.Steps, spec.Checkpoints.EverySteps = s.steps, s.every()
	spec.Evaluate.SamplesPerClass = min(spec.Evaluate.SamplesPerClass, fewSamples)
	params := r.ask.params
	if params == nil {
		params = s.Params
	}
	j.TrainJob = sweep.TrainJob{
		Task: sweep.Task{
			Spec: spec, Attempt: 1,
			Assignment: sweep.Assignment{Kind: sweep.KindSearch, Params: maps.Clone(params), Seed: spec.Train.Seed + r.ask.seed},
		},
		Until: r.ask.until, Staging: r.folder, Files: s.Files,
	}
	if from := r.ask.from; from != nil {
		j.Attempt++
		j.Resume = from.dir(r.ask.step)
		if r.ask.lost {
			j.Resume, err = lose(j.Resume, filepath.Join(r.folder, "lost"))
		}
	}
	return j, err
}

// fewSamples is how many samples of a class a program writes, which are not measured here.
const fewSamples = 8

// lose copies of a checkpoint what tailsweep adds, and nothing that the program wrote.
func lose(dir, to string) (string, error) {
	err := os.Mkdir(to, 0o700)
	for _, name := range added {
		data, readErr := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(readErr, os.ErrNotExist) {
			continue
		}
		err = errors.Join(err, readErr, os.WriteFile(filepath.Join(to, name), data, 0o600))
	}
	return to, err
}

// watcher receives what a start does.
type watcher struct {
	record *record
	plain  bool
	every  int           // checkpoint_every
	saves  bool          // the program writes checkpoints before the end
	drain  chan struct{} // closed to send SIGTERM
	kill   context.CancelCauseFunc

	mu     sync.Mutex // of all below, and of record
	recent []string   // the last lines of text
}

// Limits of a record.
const (
	maxRecent    = 8  // lines of text
	maxLossNames = 40 // names of losses
)

// observe implements program.Options.Observe.
func (w *watcher) observe(o program.Observation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.record
	switch {
	case o.Started:
		return
	case o.Exited:
		r.killed = o.Killed
		if !o.Killed {
			r.left = o.Left
		}
		for step, dir := range r.announced {
			if _, err := os.Lstat(dir); err == nil && file.Inside(w.staging(), dir) == nil {
				r.changed[step] = errors.New("a folder of its name was made again")
			}
		}
		return
	}
	r.heard = time.Now()
	r.lines++
	r.bytes += int64(len(o.Text)) + 1
	if o.Message != nil {
		w.message(*o.Message)
		return
	}
	w.text(o)
}

// staging is where the program writes checkpoints.
func (w *watcher) staging() string { return filepath.Join(w.record.folder, job.ProgramDir, "staging") }

// message notes a message of a program.
func (w *watcher) message(m job.Event) {
	r := w.record
	w.spoke()
	switch m.Type {
	case job.Started:
		if r.started == nil {
			r.started = &m.Step
		}
	case job.Progress:
		_, has := m.Values[sweep.MetricLoss]
		for name := range m.Values {
			if len(r.names) < maxLossNames && !slices.Contains(r.names, name) {
				r.names = append(r.names, name)
			}
		}
		w.progress(m.Step, has)
	case job.Checkpoint:
		dir := m.Dir
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(w.staging(), dir)
		}
		r.announced[m.Step] = dir
	case job.Preempted:
		r.preempted = true
	}
}

// spoke notes the first sign of life.
func (w *watcher) spoke() {
	if w.record.spoke.IsZero() {
		w.record.spoke = time.Now()
	}
}

// progress notes a step.
func (w *watcher) progress(step int, loss bool) {
	r := w.record
	if r.first == nil {
		r.first = &step
	}
	r.last = &step
	r.reports++
	if loss {
		r.losses++
	}
	if r.stopped.IsZero() {
		r.reached = step
	}
	if step > w.every && (r.ask.stop == stopTerminate || r.ask.stop == stopKill && (len(r.saved) > 0 || !w.saves)) {
		w.interruptNow() // between two checkpoints
	}
}

// text notes a line that is no message.
func (w *watcher) text(o program.Observation) {
	r := w.record
	why := o.Problem
	switch {
	case why != "":
	case !w.plain:
		why = oddity(o.Text, o.Stderr)
	case !o.Stderr:
		why = plainOddity(o.Text)
	}
	shown := text.Clip(text.Printable(o.Text), maxShown)
	if why != "" {
		if r.oddLines++; r.oddLines == 1 {
			r.odd = why + ": " + shown
		}
		return
	}
	w.recent = append(w.recent, shown)
	w.recent = w.recent[max(0, len(w.recent)-maxRecent):]
	r.words = strings.Join(w.recent, "\n")
}

// event implements program.Options.Events.
func (w *watcher) event(e job.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.record
	switch e.Type {
	case job.Started:
		if w.plain { // it said so by its first step
			w.spoke()
		}
	case job.Progress:
		if w.plain {
			w.spoke()
			w.progress(e.Step, e.Point != nil)
		}
	case job.Checkpoint:
		r.saved[e.Step] = checkpoint.Manifest{} // read at the end
		if e.Step >= w.every && r.ask.stop == stopKill || e.Step > w.every && r.ask.stop == stopTerminate {
			w.interruptNow()
		}
	case job.Done:
		r.done = e.Step == r.ask.until
		r.ended = fmt.Sprintf("it ended with done at step %d", e.Step)
		if e.Evaluation != nil {
			r.metrics = e.Metrics
		}
	case job.Diverged, job.Preempted:
		r.ended = fmt.Sprintf("it ended with %s at step %d", e.Type, e.Step)
	}
	return nil
}

// interrupt interrupts the training as was asked for, once.
func (w *watcher) interrupt() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.interruptNow()
}

func (w *watcher) interruptNow() {
	r := w.record
	if !r.stopped.IsZero() {
		return
	}
	r.stopped = time.Now()
	if r.ask.stop == stopTerminate {
		close(w.drain)
		return
	}
	w.kill(errKilled)
}
