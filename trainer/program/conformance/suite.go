package conformance

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize/english"

	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

// Config configures Run.
type Config struct {
	Spec    sweep.Spec        // with Trainer; Steps replaces train.steps and checkpoints.every_steps
	Params  sweep.Params      // of all trainings but those that check parameters
	Others  []sweep.Params    // valid configurations that differ from Params; the first that changes something is enough. nil: values near those of Params
	Files   string            // folder with the program's files; "" for none
	Steps   int               // of the longest training, at least MinSteps; 0: as many as take about Lasting
	Limit   time.Duration     // of one start; 0: DefaultLimit
	Lasting time.Duration     // 0: DefaultLasting
	Version string            // of tailsweep, for the manifests
	Log     func(text string) // progress, a line at a time; nil for none

	only []string // for tests: the names of checks to make, besides those of the first trainings; nil for all
}

// Defaults and limits of a Config.
const (
	MinSteps       = 4
	MaxSteps       = 1_000_000
	firstSteps     = 20 // of the first training, whose speed decides how long the others are
	DefaultLimit   = 5 * time.Minute
	DefaultLasting = 2 * time.Second // long enough to be interrupted in the middle
)

// Run starts the program about a dozen times and reports what is wrong with it. It returns
// an error if the suite itself cannot work, or when ctx ends; then no process is left.
func Run(ctx context.Context, c Config) (Report, error) {
	began := time.Now()
	dir, err := os.MkdirTemp("", "tailsweep-check-")
	if err != nil {
		return Report{}, fmt.Errorf("make a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // in the temporary folder
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return Report{}, fmt.Errorf("find the folder: %w", err)
	}
	if c.Limit == 0 {
		c.Limit = DefaultLimit
	}
	if c.Lasting == 0 {
		c.Lasting = DefaultLasting
	}
	if c.Log == nil {
		c.Log = func(string) {}
	}
	s := &suite{Config: c, dir: dir, found: findings{}, steps: c.Steps}
	why := s.run(ctx)
	if err := context.Cause(ctx); err != nil {
		return Report{}, err
	}
	if s.broken != nil {
		return Report{}, s.broken
	}
	return Report{
		Command: c.Spec.Trainer.Command, Protocol: c.Spec.Trainer.Protocol, Params: c.Params, Steps: s.steps, Starts: s.starts,
		Seconds: time.Since(began).Seconds(), Checks: s.found.list(why),
	}, nil
}

// suite is one run of all checks.
type suite struct {
	Config
	dir    string
	found  findings
	starts int
	steps  int   // of the longest training
	broken error // the suite could not work: a full disk

	whole, half *record  // trainings to the end and to the middle
	unsteady    unsteady // what differs between two equal trainings
}

// unsteady names what differs between two equal trainings: it cannot be compared.
type unsteady struct{ metrics, files []string }

// every is checkpoint_every, and middle the step of the rung.
func (s *suite) every() int  { return max(1, s.steps/4) }
func (s *suite) middle() int { return 2 * s.every() }

// run makes all checks. why is the reason of those that it did not make.
func (s *suite) run(ctx context.Context) (why string) {
	s.trainWhole(ctx)
	if ctx.Err() != nil || s.broken != nil {
		return ""
	}
	s.judgeWhole(s.whole)
	if !s.whole.done {
		return "the training without a break must end with done first"
	}
	for _, part := range []struct {
		check func(context.Context)
		names []string // what it decides
	}{
		{s.checkSeeds, nil}, // the others compare with its trainings
		{s.checkParameter, []string{Parameter}},
		{s.checkParts, []string{Resume, Parts}},
		{s.checkTerminate, []string{Terminate}},
		{s.checkKill, []string{Kill}},
		{s.checkNoFolder, []string{NoFolder}},
		{s.checkBadValue, []string{BadValue}},
	} {
		if s.only != nil && part.names != nil && !slices.ContainsFunc(part.names, func(name string) bool { return slices.Contains(s.only, name) }) {
			continue
		}
		part.check(ctx)
		if ctx.Err() != nil || s.broken != nil {
			return ""
		}
	}
	s.found.ok(Processes, "none was left after %s", english.Plural(s.starts, "training", ""))
	return "the training to a rung must end with done first"
}

// trainWhole trains to the end: first a few steps, then as many as last long enough to
// be interrupted.
func (s *suite) trainWhole(ctx context.Context) {
	const what = "training without a break"
	given := s.steps > 0
	if !given {
		s.steps = firstSteps
	}
	s.whole = s.start(ctx, what, ask{until: s.steps})
	for range maxGrowths {
		took := s.whole.training()
		if given || !s.whole.done || took >= s.Lasting/2 || s.steps == MaxSteps || ctx.Err() != nil || s.broken != nil {
			return
		}
		more := min(float64(s.Lasting)/float64(max(took, time.Millisecond)), maxGrowth)
		was := s.steps
		s.steps = min(round(int(float64(s.steps)*more)), MaxSteps)
		s.Log(fmt.Sprintf("    %d steps took %s: going on with %d", was, seconds(took), s.steps))
		s.whole = s.start(ctx, what, ask{until: s.steps})
	}
}

// round returns a larger number of steps that is easy to read, a multiple of 4.
func round(steps int) int {
	unit := 4
	for unit*100 <= steps {
		unit *= 10
	}
	return steps/unit*unit + unit
}

// Limits on how the number of steps is found: the first steps are slower than the next.
const (
	maxGrowths = 4
	maxGrowth  = 50.0
)

// checkSeeds checks that two trainings with one seed are equal, and that one with another seed
// differs.
func (s *suite) checkSeeds(ctx context.Context) {
	s.half = s.start(ctx, "training to a rung", ask{until: s.middle(), keep: true})
	if !s.needDone(s.half, SameSeed) {
		return
	}
	again := s.start(ctx, "the same training again", ask{until: s.middle()})
	if !s.needDone(again, SameSeed) {
		return
	}
	a, b := s.half.state(s.middle()), again.state(s.middle())
	s.unsteady = unsteady{metrics: differing(a.metrics, b.metrics), files: differing(a.files, b.files)}
	const fix = "take all that is random from the job's seed: initial weights, order of the data, noise; on a GPU small differences are normal"
	switch {
	case len(s.unsteady.metrics) > 0 && len(s.unsteady.metrics) == len(a.metrics):
		s.found.add(SameSeed, Warning, fix, "two trainings with one seed have other metrics: %s", values(a, b, s.unsteady.metrics))
	case len(s.unsteady.metrics) > 0:
		s.found.add(SameSeed, Warning, fix, "two trainings with one seed differ in a part of the metrics, which are not compared further: %s", values(a, b, s.unsteady.metrics))
	case len(s.unsteady.files) > 0:
		s.found.add(SameSeed, Warning, fix, "two trainings with one seed have the same metrics, and differ in files of the checkpoint: %s", some(s.unsteady.files))
	default:
		s.found.ok(SameSeed, "two trainings to step %d are equal in %s", s.middle(), a.extent())
	}

	other := s.start(ctx, "training with another seed", ask{until: s.middle(), seed: 1})
	if !s.needDone(other, OtherSeed) {
		return
	}
	s.judgeDifferent(OtherSeed, other, "another seed", "take all that is random from the job's seed: a sweep repeats a configuration with other seeds to measure the noise")
}

// judgeDifferent checks that a training to the middle differs from the half.
func (s *suite) judgeDifferent(name string, other *record, what, fix string) bool {
	a, b := s.half.state(s.middle()), other.state(s.middle())
	metrics, files := without(a.metrics, s.unsteady.metrics), without(a.files, s.unsteady.files)
	switch {
	case len(metrics)+len(files) == 0:
		s.found.none(name, "trainings with one seed differ already")
	case len(differing(metrics, without(b.metrics, s.unsteady.metrics))) > 0:
		s.found.ok(name, "%s gives other metrics", what)
	case len(metrics) == 0 && len(differing(files, without(b.files, s.unsteady.files))) > 0:
		s.found.ok(name, "%s gives other files in the checkpoint", what)
	default:
		s.found.add(name, Warning, fix, "%s gives exactly the same metrics: %s", what, values(a, a, slices.Sorted(maps.Keys(metrics))))
		return false
	}
	return true
}

// checkParameter checks that another value of a parameter changes something.
func (s *suite) checkParameter(ctx context.Context) {
	if len(s.Params) == 0 {
		s.found.none(Parameter, "no parameter is given: --param NAME=VALUE")
		return
	}
	if s.half == nil || !s.half.done {
		return
	}
	others := s.Others
	if others == nil {
		others = near(s.Params)
	}
	if len(others) == 0 {
		s.found.none(Parameter, "a word has no value near it: give the spec, whose parameters have several values (--spec)")
		return
	}
	var unchanged []string
	for _, params := range others {
		names := differing(s.Params, params)
		r := s.start(ctx, "training with another "+some(names), ask{until: s.middle(), params: params})
		if ctx.Err() != nil {
			return
		}
		if !r.done { // nobody said that this value is valid
			s.found.none(Parameter, "%s: %s", valuesOf(params, names), r.ended)
			continue
		}
		if s.judgeDifferent(Parameter, r, valuesOf(params, names), "does the program read the parameter under this name? A sweep would search over nothing") {
			continue
		}
		unchanged = append(unchanged, names...)
	}
	if len(unchanged) > 0 {
		s.found[Parameter] = Check{
			Name: Parameter, Level: Warning, Found: "another value gives exactly the same metrics: " + some(unchanged),
			Fix: "does the program read the parameter under this name? A sweep would search over nothing",
		}
	}
}

// near returns configurations with another value of one number or switch each.
func near(params sweep.Params) []sweep.Params {
	var all []sweep.Params
	for _, name := range slices.Sorted(maps.Keys(params)) {
		other := maps.Clone(params)
		switch v := params[name]; {
		case v.String() == "true":
			other[name] = sweep.Word("false")
		case v.String() == "false":
			other[name] = sweep.Word("true")
		case v.IsWord():
			continue
		case v.Float() == float64(int64(v.Float())):
			other[name] = sweep.Number(v.Float() + 1)
		default:
			other[name] = sweep.Number(rounded(v.Float() * 0.75))
		}
		all = append(all, other)
	}
	return all
}

// rounded returns f with four digits.
func rounded(f float64) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', 4, 64), 64)
	if err != nil {
		return f
	}
	return r
}

// checkParts trains on from the middle: that must equal the training without a break.
func (s *suite) checkParts(ctx context.Context) {
	if s.half == nil || !s.half.done {
		return
	}
	if why := s.half.cannotResume(s.middle()); why != "" {
		s.noResume(why)
		return
	}
	rest := s.start(ctx, "training on from the rung", ask{until: s.steps, from: s.half, step: s.middle()})
	s.judgeResume(rest)
	if !s.needDone(rest, Parts) {
		return
	}
	s.judgeEqual(Parts, rest, "a training in two parts", "save and load all that the training needs: weights, optimizer, learning rate schedule, order of the data, state of the random numbers; nothing may depend on until")
	a, b := s.whole.state(s.middle()), s.half.state(s.middle())
	if a.files == nil || b.files == nil {
		return
	}
	// Samples are only of until: one of the two has none.
	if files := differing(withoutSamples(without(a.files, s.unsteady.files)), withoutSamples(without(b.files, s.unsteady.files))); len(files) > 0 {
		s.found.add(Parts, Warning, "the learning rate, the data order and what is saved may depend on steps, never on until",
			"the checkpoint of step %d differs between a training that ends there and one that goes on: %s", s.middle(), some(files))
	}
}

// withoutSamples returns the files of a checkpoint that are no samples.
func withoutSamples(files map[string]string) map[string]string {
	own := maps.Clone(files)
	maps.DeleteFunc(own, func(path, _ string) bool {
		return path == checkpoint.SamplesName || path == checkpoint.SamplesDir+".npz" || strings.HasPrefix(path, checkpoint.SamplesDir+"/")
	})
	return own
}

// judgeEqual compares the end of a training with that of the training without a break.
func (s *suite) judgeEqual(name string, r *record, what, fix string) {
	a, b := s.whole.state(s.steps), r.state(s.steps)
	metrics, files := without(a.metrics, s.unsteady.metrics), without(a.files, s.unsteady.files)
	if len(metrics)+len(files) == 0 {
		s.found.none(name, "two trainings with one seed differ already, so the end of %s cannot be compared", what)
		return
	}
	if names := differing(metrics, without(b.metrics, s.unsteady.metrics)); len(names) > 0 {
		s.found.add(name, Fault, fix, "%s ends with other metrics than one without a break: %s", what, values(a, b, names))
		return
	}
	if names := differing(files, without(b.files, s.unsteady.files)); len(names) > 0 {
		s.found.add(name, Warning, fix, "%s ends with the same metrics as one without a break, and with other bytes in the checkpoint: %s", what, some(names))
		return
	}
	s.found.ok(name, "%s ends as one without a break, in %s", what, a.extent())
}

// noResume reports that nothing can resume.
func (s *suite) noResume(why string) {
	for _, name := range []string{Resume, Parts, NoFolder} {
		s.found.none(name, "%s", why)
	}
}

// checkTerminate sends SIGTERM in the middle of a training, and trains on.
func (s *suite) checkTerminate(ctx context.Context) {
	r := s.start(ctx, "training that gets SIGTERM in the middle", ask{until: s.steps, stop: stopTerminate, keep: true})
	if ctx.Err() == nil && s.judgeTerminate(r) {
		s.trainOn(ctx, r, Terminate, "a training that SIGTERM interrupted")
	}
}

// checkKill kills a training in its middle, and trains on from its last checkpoint.
func (s *suite) checkKill(ctx context.Context) {
	r := s.start(ctx, "training that is killed in the middle", ask{until: s.steps, stop: stopKill, keep: true})
	if ctx.Err() != nil {
		return
	}
	if r.stopped.IsZero() || r.done || r.lastSaved() == s.steps {
		s.found.none(Kill, "the training ended before it could be killed: check with more steps (--steps %d)", 10*s.steps)
		return
	}
	s.trainOn(ctx, r, Kill, "a training that was killed")
}

// trainOn resumes an interrupted training from its last checkpoint, and compares the end.
func (s *suite) trainOn(ctx context.Context, r *record, name, what string) {
	last := r.lastSaved()
	if why := r.cannotResume(last); why != "" {
		if s.found[name].Level != Fault {
			s.found.add(name, Warning, "write checkpoints at the multiples of checkpoint_every: each interruption costs the whole training", "%s starts from step 0 again: %s", what, why)
		}
		return
	}
	rest := s.start(ctx, fmt.Sprintf("training on from step %d", last), ask{until: s.steps, from: r, step: last})
	s.judgeResume(rest)
	if s.needDone(rest, name) {
		s.judgeEqual(name, rest, what, "save and load all that the training needs: weights, optimizer, learning rate schedule, order of the data, state of the random numbers")
	}
}

// checkNoFolder resumes from a checkpoint whose files are not there.
func (s *suite) checkNoFolder(ctx context.Context) {
	if s.half == nil || s.half.cannotResume(s.middle()) != "" {
		return
	}
	r := s.start(ctx, "resuming from a checkpoint that is not there", ask{until: s.steps, from: s.half, step: s.middle(), lost: true})
	if ctx.Err() != nil {
		return
	}
	const fix = "end with an error when the files in resume cannot be read: a training that quietly starts again wastes its time, and one with fresh weights at a late step has wrong results"
	switch {
	case r.done:
		s.found.add(NoFolder, Fault, fix, "the files in resume are not there, and the program reports done")
	case r.late:
		s.found.add(NoFolder, Fault, fix, "the files in resume are not there, and the program did not end within %s", text.Duration(s.Limit))
	default:
		how, _, _ := strings.Cut(text.FirstLine(r.ended), "; its last output")
		s.found.ok(NoFolder, "files of resume that are missing end the program: %s", how)
	}
}

// nonsense is a value that no parameter has.
const nonsense = "tailsweep-check-no-such-value"

// checkBadValue trains with a value that no parameter has.
func (s *suite) checkBadValue(ctx context.Context) {
	if len(s.Params) == 0 {
		s.found.none(BadValue, "no parameter is given: --param NAME=VALUE")
		return
	}
	var accepted []string
	for _, name := range slices.Sorted(maps.Keys(s.Params)) {
		params := maps.Clone(s.Params)
		params[name] = sweep.Word(nonsense)
		r := s.start(ctx, "training with a bad value of "+name, ask{until: s.every(), params: params})
		if ctx.Err() != nil {
			return
		}
		if r.done {
			accepted = append(accepted, name)
		}
	}
	if len(accepted) > 0 {
		s.found.add(BadValue, Warning, "end with an error (class bad_data) for a value that the program does not know: a typing error in a spec would train with something else",
			"a word that is no value of it is accepted, and the program reports done: %s", some(accepted))
		return
	}
	s.found.ok(BadValue, "a word that is no value of a parameter ends the program")
}

// without returns values except those of the given names.
func without[V any](values map[string]V, names []string) map[string]V {
	kept := maps.Clone(values)
	for _, name := range names {
		delete(kept, name)
	}
	return kept
}
