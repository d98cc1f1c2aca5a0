package conformance

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize/english"

	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
)

// plain reports whether the program is of the protocol plain.
func (s *suite) plain() bool { return s.Spec.Trainer.Protocol == sweep.ProtocolPlain }

// judgeWhole checks all that one training without a break shows.
func (s *suite) judgeWhole(r *record) {
	s.judgeStart(r)
	s.judgeOdd(r)
	s.judgeProgress(r)
	s.judgeLoss(r)
	s.judgeCheckpoints(r)
	s.judgeEnd(r)
	if r.done {
		s.judgeMetrics(r)
		s.judgeSamples(r)
	}
	s.judgeOutput(r)
}

// judgeStart checks that the program says something.
func (s *suite) judgeStart(r *record) {
	const fix = "the command is started in a new folder that has its files alone: name them all with --files (in a spec: trainer.files); a slow start needs --limit"
	switch {
	case !r.spoke.IsZero():
		s.found.ok(Start, "the first message came after %s", seconds(r.spoke.Sub(r.began)))
	case r.late:
		s.found.add(Start, Fault, fix, "no message within %s%s", text.Duration(s.Limit), r.output())
	case r.done: // a plain program that prints no number
		s.found.ok(Start, "it ran for %s, without a number", seconds(r.over.Sub(r.began)))
	default:
		s.found.add(Start, Fault, cmp.Or(hint(r.ended), fix), "no message: %s", r.ended)
	}
}

// judgeOdd reports lines that look like messages and are none.
func (s *suite) judgeOdd(r *record) {
	fix := "docs/trainer-protocol.md has the messages; `tailsweep schema --message event` is their JSON Schema"
	if s.plain() {
		fix = "write name=NUMBER or name: NUMBER"
	}
	switch {
	case r.oddLines == 1:
		s.found.add(Messages, Fault, cmp.Or(hint(r.odd), fix), "a line looks like a message, but: %s", r.odd)
	case r.oddLines > 1:
		s.found.add(Messages, Fault, cmp.Or(hint(r.odd), fix), "%d lines look like messages, but are none; the first: %s", r.oddLines, r.odd)
	case r.lines == 0:
		s.found.none(Messages, "the program printed nothing")
	default:
		s.found.ok(Messages, "no line looks like a message and is none")
	}
}

// judgeProgress checks that the reported steps reach the end. The adapter refuses steps that
// fall or go beyond it.
func (s *suite) judgeProgress(r *record) {
	switch {
	case r.reports == 0 && !r.done:
		s.found.none(Progress, "the training ended before its first report of a step")
	case r.reports == 0:
		fix := `print {"type": "progress", "step": STEP, "losses": {"loss": LOSS}} now and then: a worker that sees no step for a while ends the attempt as stalled`
		if s.plain() {
			fix = "print a line such as `step=STEP loss=LOSS` now and then: a worker that sees no step for a while ends the attempt as stalled"
		}
		s.found.add(Progress, Fault, fix, "no step was reported")
	case r.done && *r.last < r.ask.until-r.ask.until/10:
		s.found.add(Progress, Warning, "report later steps, too: the curve of the loss ends before the training", "the last reported step is %d of %d", *r.last, r.ask.until)
	case r.done && s.plain():
		s.found.ok(Progress, "rising from step %d to %d", *r.first, *r.last)
	case r.done:
		s.found.ok(Progress, "%s, rising from step %d to %d", english.Plural(r.reports, "report", ""), *r.first, *r.last)
	}
}

// judgeLoss checks that there is a loss named loss. The adapter refuses numbers that are not
// finite.
func (s *suite) judgeLoss(r *record) {
	switch {
	case r.losses > 0 && s.plain():
		s.found.ok(Loss, "finite, and named loss")
	case r.losses > 0:
		s.found.ok(Loss, "a finite loss named loss in %d of %s", r.losses, english.Plural(r.reports, "report", ""))
	case !r.done:
		s.found.none(Loss, "the training ended before its first loss")
	default:
		names := ""
		if len(r.names) > 0 {
			names = "; the names were " + some(r.names)
		}
		s.found.add(Loss, Warning, "report the loss under the name loss: without it there is no curve, and no metric named loss", "no loss named loss was reported%s", names)
	}
}

// judgeCheckpoints checks which checkpoints there are, and that they did not change.
func (s *suite) judgeCheckpoints(r *record) {
	for step, err := range r.changed {
		s.found.add(Checkpoints, Fault, "write and close all files, then announce the checkpoint, and do not touch its folder afterwards: tailsweep has taken it",
			"the checkpoint of step %d was changed after it was announced: %v", step, err)
	}
	if !r.done {
		return
	}
	var due, missing []int
	for step := s.every(); step < r.ask.until; step += s.every() {
		due = append(due, step)
		if _, has := r.saved[step]; !has {
			missing = append(missing, step)
		}
	}
	last := len(programFiles(r.saved[r.ask.until])) > 0
	switch {
	case !last && len(missing) == len(due):
		s.found.add(Checkpoints, Warning, "save a checkpoint at each multiple of checkpoint_every and at until: without one, an interrupted training and one that goes on after a rung start from step 0 again", "the program wrote no checkpoint")
	case !last:
		s.found.add(Checkpoints, Fault, "save a checkpoint at until, too: without it there is nothing to pull, and a training that goes on after a rung starts from step 0 again", "there is no checkpoint at until (step %d)", r.ask.until)
	case len(missing) > 0:
		s.found.add(Checkpoints, Fault, "save a checkpoint at each multiple of checkpoint_every: an interrupted training goes on from the last one", "there is no checkpoint of step %s (checkpoint_every is %d)", text.Numbers(missing, maxNames), s.every())
	default:
		s.found.ok(Checkpoints, "at steps %s and at until, whole, and untouched after they were announced", text.Numbers(due, maxNames))
	}
}

// judgeMetrics checks the metrics at the end. The adapter refuses a training without those that
// the spec names.
func (s *suite) judgeMetrics(r *record) {
	fix := `print {"type": "metrics", "step": UNTIL, "metrics": {"NAME": NUMBER}} before done`
	if s.plain() {
		fix = "name each metric with --metric, and print `NAME=NUMBER` or `NAME: NUMBER`, or write metrics.json"
	}
	switch {
	case len(r.metrics) > 0:
		s.found.ok(Metrics, "at until: %s", some(slices.Sorted(maps.Keys(r.metrics))))
	case s.Spec.EvaluatesSamples():
		s.found.none(Metrics, "tailsweep measures the metrics of the spec on samples")
	default:
		s.found.add(Metrics, Fault, fix, "there are no metrics at until: a sweep would have nothing to compare")
	}
}

// judgeSamples checks that there are samples where the spec has a dataset. The adapter refuses a
// training without them.
func (s *suite) judgeSamples(r *record) {
	if !s.Spec.EvaluatesSamples() {
		s.found.none(Samples, "the spec has no dataset to compare samples with")
		return
	}
	s.found.ok(Samples, "in the checkpoint at until")
}

// judgeEnd checks the last message.
func (s *suite) judgeEnd(r *record) {
	fix := `print {"type": "done", "step": UNTIL} as the last line`
	if s.plain() {
		fix = "end with exit code 0 when the training to until has succeeded"
	}
	switch {
	case r.done && r.killed:
		s.found.add(Done, Warning, "end the program after its last message: a worker waits for it", "done at step %d, but the program did not end by itself after it", r.ask.until)
	case r.done:
		s.found.ok(Done, "at step %d, the last message", r.ask.until)
	case r.late:
		s.found.add(Done, Fault, fix+"; a slow training needs --limit or fewer --steps", "the training of %d steps did not end within %s%s", r.ask.until, text.Duration(s.Limit), r.output())
	case r.spoke.IsZero() && s.found[Start].Level == Fault:
		s.found.none(Done, "the program did not start")
	default:
		s.found.add(about(r.ended), Fault, cmp.Or(hint(r.ended), fix), "%s", r.ended)
		s.found.none(Done, "the training was ended because of a fault in another check")
	}
}

// subjects are the checks of failures, by what the adapter says about them.
var subjects = []struct {
	says *regexp.Regexp
	name string
}{
	{regexp.MustCompile(`has not reported|metrics (of|were|has)|reports \d+ metrics`), Metrics},
	{regexp.MustCompile(`losses has|names of losses`), Loss},
	{regexp.MustCompile(`has no samples`), Samples},
	{regexp.MustCompile(`done at step`), Done},
	{regexp.MustCompile(`(?i)checkpoint|no folder step-`), Checkpoints},
	{regexp.MustCompile(`step is \d+`), Progress},
	{regexp.MustCompile(`breaks the protocol`), Messages},
}

// about returns the check that a failure of the training without a break is about.
func about(failure string) string {
	failure, _, _ = strings.Cut(failure, "The line is:")
	failure, _, _ = strings.Cut(failure, "its last output:")
	for _, s := range subjects {
		if s.says.MatchString(failure) {
			return s.name
		}
	}
	return Done
}

// hints are what to do about failures, by what they say.
var hints = []struct {
	says *regexp.Regexp
	fix  string
}{
	{regexp.MustCompile(`ModuleNotFoundError|ImportError|can.?.?.?t open|Cannot find module`), "the program is started in a new folder with its files alone: name all of them with --files (in a spec: trainer.files); a package must be installed in the Python of the command"},
	{regexp.MustCompile(`executable file not found|no such file or directory|not found|exit code 12[67]`), "the command is looked for in PATH; a program of your own needs --files and ./ (in a spec: trainer.files, and a command that begins with ./)"},
	{regexp.MustCompile(`(?i)permission denied`), "make the file executable (chmod +x), or start it with its interpreter: python train.py"},
	{regexp.MustCompile(`(?i)\bnan\b|\binf|not finite|not JSON`), "a message has finite numbers alone; report diverged when a loss is not finite (in Python: json.dumps(message, allow_nan=False))"},
	{regexp.MustCompile(`KeyError|unrecognized arguments|no such parameter`), "does the program need parameters? Give each with --param NAME=VALUE, or all with --spec"},
	{regexp.MustCompile(`not inside|outside`), "write checkpoints into the job's staging folder (protocol plain: ${staging})"},
}

// hint says what to do about a failure; "" if there is nothing special.
func hint(failure string) string {
	for _, h := range hints {
		if h.says.MatchString(failure) {
			return h.fix
		}
	}
	return ""
}

// judgeOutput checks the size of the output. How many steps there are is the suite's choice, so
// much output in all is no fault by itself.
func (s *suite) judgeOutput(r *record) {
	if r.bytes > maxOutput && r.bytes/int64(r.ask.until) > maxStepOutput {
		s.found.add(Output, Warning, "print less: the first 2 MiB and the last 256 KiB of an attempt's output are kept", "%s in %d lines", text.Bytes(r.bytes), r.lines)
		return
	}
	s.found.ok(Output, "%s in %s", text.Bytes(r.bytes), english.Plural(r.lines, "line", ""))
}

// Limits of judgeOutput, in bytes.
const (
	maxOutput     = 2<<20 + 256<<10 // what is kept of an attempt
	maxStepOutput = 1 << 10
)

// judgeResume checks that a training continued where it was to continue.
func (s *suite) judgeResume(r *record) {
	const fix = "load the checkpoint in the job's resume, and count on from resume_step"
	switch {
	case r.started != nil && *r.started != r.ask.step:
		s.found.add(Resume, Fault, fix, "the training was to go on from step %d, and began at step %d", r.ask.step, *r.started)
	case r.first != nil && *r.first <= r.ask.step:
		s.found.add(Resume, Fault, fix, "the training was to go on from step %d, and its first report is of step %d: it repeats steps", r.ask.step, *r.first)
	case r.first != nil:
		s.found.ok(Resume, "goes on from step %d: the first report is of step %d", r.ask.step, *r.first)
	case r.done:
		s.found.none(Resume, "the resumed training reported no step")
	default:
		s.found.add(Resume, Fault, cmp.Or(hint(r.ended), fix), "the training was to go on from step %d: %s", r.ask.step, r.ended)
	}
}

// judgeTerminate checks what SIGTERM did. It returns false if there is nothing to go on with.
func (s *suite) judgeTerminate(r *record) bool {
	limit := time.Duration(s.Spec.Trainer.SecondsToSave) * time.Second
	const fix = "on SIGTERM save a checkpoint, report it and then preempted, and end (tailsweep_trainer.py does it)"
	took := r.over.Sub(r.stopped)
	last := r.lastSaved()
	toEnd := r.done || r.last != nil && *r.last == r.ask.until // exit code 0 of a plain program means preempted, then
	more := fmt.Sprintf("check with more steps (--steps %d)", min(10*s.steps, MaxSteps))
	switch {
	case r.stopped.IsZero():
		s.found.none(Terminate, "the training ended before SIGTERM: %s", more)
		return false
	case toEnd && r.heard.Sub(r.stopped) > s.whole.training()/8:
		s.found.add(Terminate, Fault, fix, "the program ignored SIGTERM: it trained on for %s, to the end", seconds(r.heard.Sub(r.stopped)))
		return false
	case toEnd:
		s.found.none(Terminate, "the training ended %s after SIGTERM: %s", seconds(took), more)
		return false
	case r.late, r.killed && took >= limit:
		s.found.add(Terminate, Fault, fix, "the program did not end within %s of SIGTERM (seconds_to_save), and was killed", text.Duration(limit))
	case r.failure != nil:
		s.found.add(Terminate, Fault, fix, "after SIGTERM: %s", r.ended)
	case last < r.reached && s.plain():
		s.found.add(Terminate, Warning, "on SIGTERM write a checkpoint, print its line, and end", "no checkpoint was saved after SIGTERM: the last one is of step %d, so the steps up to %d are trained again", last, r.reached)
	case last < r.reached:
		s.found.add(Terminate, Fault, fix, "no checkpoint was saved after SIGTERM: the last one is of step %d, so the steps up to %d are trained again", last, r.reached)
	case !r.preempted && !s.plain():
		s.found.add(Terminate, Warning, fix, "the program saved a checkpoint after SIGTERM, and did not report preempted")
	}
	return true
}

// needDone reports whether a training that a check needs ended with done, and why not.
func (s *suite) needDone(r *record, name string) bool {
	if !r.done {
		s.found.add(name, Fault, cmp.Or(hint(r.ended), "the same training without a break ended with done"), "%s did not end with done at step %d: %s", r.ask, r.ask.until, r.ended)
	}
	return r.done
}

// valuesOf shows the named parameters.
func valuesOf(params sweep.Params, names []string) string {
	var parts []string
	for _, name := range names {
		parts = append(parts, name+"="+params[name].String())
	}
	return strings.Join(parts, " ")
}
