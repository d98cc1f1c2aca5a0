package lifecycle

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/stopping"
)

var (
	simulated = flag.Int("trials", 20_000, "number of trials that TestSimulation runs")
	firstSeed = flag.Uint64("seed", 1, "seed of the first of them")
)

// TestSimulation runs trials whose attempts, verdicts, waits and publications end in random
// ways, and that are cancelled at random times. It checks the invariants of doc.go.
func TestSimulation(t *testing.T) {
	ends := map[sweep.Status]int{}
	for seed := *firstSeed; seed < *firstSeed+uint64(*simulated); seed++ {
		w := newWorld(seed)
		if err := w.run(); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, strings.Join(w.log, "\n"))
		}
		ends[w.trial.Result.Status]++
	}
	for _, status := range sweep.StatusList() {
		require.Positive(t, ends[status], "no trial ended as %s", status)
	}
	t.Logf("%v", ends)
}

// world is what happens to one trial, and what its invariants need.
type world struct {
	rng    *rand.Rand
	spec   *sweep.Spec
	trial  *Trial
	now    time.Time
	log    []string
	action Action // in flight
	ended  bool

	succeeds float64              // share of the attempts at training
	refuses  float64              // share of the failures that are the store's
	away     float64              // share of the tries to publish that fail
	moves    float64              // share of the attempts that store a checkpoint
	stride   int                  // most steps between two checkpoints
	cancels  float64              // chance of a cancellation at each event
	class    []sweep.FailureClass // of the failures

	cancelled    bool
	giveUps      int
	giveUpAt     time.Time
	trainSeconds float64
	evalSeconds  float64
	attempts     int // that were not blocked
	blocked      int
	counted      int          // restarts that count
	fruitless    int          // lost or preempted attempts in a row without a step forward
	shown        block.Reason // that the sweep shows
	reached      int          // step of the last Trained that was done
	evaluated    []int
	began        time.Time
	metrics      map[string]float64
	reported     map[string]float64 // by the program
	failed       *sweep.Failure     // the last attempt
	last         *sweep.Failure     // the same, kept
	steps        int                // of the failed attempt before
}

func newWorld(seed uint64) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 7)), now: time.Unix(0, 0).UTC()}
	w.spec = &sweep.Spec{
		Name: "world", Train: sweep.Train{Steps: 900, Seed: 1}, MaxRestarts: w.rng.IntN(4),
		Metrics: []sweep.Objective{{Name: "fid.tail", Goal: sweep.Minimize}},
	}
	switch p := w.rng.Float64(); { // a program of the user
	case p < 0.2:
		w.spec.Trainer = &sweep.Trainer{}
	case p < 0.4:
		w.spec.Trainer, w.spec.Dataset.Name = &sweep.Trainer{}, sweep.FashionMNIST
	}
	if w.chance(0.5) {
		w.spec.EarlyTerminate = &sweep.EarlyTerminate{Type: sweep.StopASHA, MinIter: 100, Eta: 3}
	}
	if w.chance(0.3) {
		w.spec.MaxTrialTime = sweep.Duration(time.Duration(1+w.rng.IntN(60)) * time.Minute)
	}
	w.succeeds, w.refuses, w.away, w.moves, w.class = 0.5, 0.3, 0.1, 0.4, sweep.FailureList()
	w.stride, w.cancels = w.spec.Train.Steps, []float64{0, 0.04}[w.rng.IntN(2)]
	switch p := w.rng.Float64(); {
	case p < 0.1: // only loses
		w.succeeds, w.refuses, w.class = 0.02, 0.05, []sweep.FailureClass{sweep.FailLost, sweep.FailPreempted}[w.rng.IntN(2):]
		w.moves, w.stride = []float64{0, 0.1, 1}[w.rng.IntN(3)], 5
	case p < 0.102: // has no store
		w.succeeds, w.refuses, w.away = 0.5, 1, 1
	}
	w.trial = New(w.spec, sweep.Assignment{Number: w.rng.IntN(9), Kind: sweep.KindSearch, Seed: 1}, w.now)
	return w
}

func (w *world) chance(p float64) bool { return w.rng.Float64() < p }

func (w *world) run() error {
	if err := w.step(Begun{}); err != nil {
		return err
	}
	for range 2*MaxBlocked + 10*MaxAttempts {
		if w.ended {
			return w.checkEnd()
		}
		if !w.cancelled && w.chance(w.cancels) {
			w.cancelled = true
			if err := w.step(Cancelled{}); err != nil {
				return err
			}
		}
		if err := w.foreign(); err != nil {
			return err
		}
		if err := w.step(w.complete()); err != nil {
			return err
		}
	}
	return fmt.Errorf("the trial does not end")
}

// foreign feeds an event that completes another action than the one in flight.
func (w *world) foreign() error {
	if !w.chance(0.05) {
		return nil
	}
	var e Event = Waited{}
	switch w.action.(type) {
	case Wait:
		e = Published{}
	case Ask:
		e = Verdict{conduct.RungVerdict{Step: w.trial.lastRung().Step + 1, Verdict: stopping.Verdict{Decision: stopping.Stop}}}
	}
	before := w.trial.Result
	if actions := w.trial.Step(w.now, e); len(actions) > 0 {
		return fmt.Errorf("%T while %T is in flight gives %v", e, w.action, actions)
	}
	if before.Status != w.trial.Result.Status {
		return fmt.Errorf("%T while %T is in flight sets the status", e, w.action)
	}
	return nil
}

// step feeds an event, and checks the actions.
func (w *world) step(e Event) error {
	w.log = append(w.log, fmt.Sprintf("%v %T %+v", w.now.Unix(), e, e))
	actions := w.trial.Step(w.now, e)
	if _, ok := e.(Cancelled); !ok {
		w.action = nil
	}
	for i, action := range actions {
		w.log = append(w.log, fmt.Sprintf("  -> %T %+v", action, action))
		switch a := action.(type) {
		case ReportBlock:
			w.shown = ""
			if a.Cause != nil {
				w.shown = a.Cause.Reason
			}
			continue
		case GiveUpIn:
			w.giveUps++
			w.giveUpAt = w.now.Add(a.After)
			continue
		}
		if w.action != nil || w.ended || i < len(actions)-1 {
			return fmt.Errorf("%T is not the only action in flight, and the last", action)
		}
		if err := w.issued(action); err != nil {
			return err
		}
	}
	switch e.(type) {
	case Trained, Evaluated:
		if w.shown != "" {
			return fmt.Errorf("the trial is shown as blocked (%s) after %T", w.shown, e)
		}
	}
	if w.action == nil && !w.ended {
		return fmt.Errorf("nothing follows %T", e)
	}
	return nil
}

// checkShown checks what an attempt knows of what the sweep shows.
func (w *world) checkShown(shown block.Reason) error {
	if shown != w.shown {
		return fmt.Errorf("an attempt has %q as the reason that the sweep shows, which is %q", shown, w.shown)
	}
	return nil
}

// issued checks an action that is in flight from now on.
func (w *world) issued(action Action) error {
	w.action = action
	switch a := action.(type) {
	case Train:
		limit := time.Duration(w.spec.MaxTrialTime)
		switch {
		case limit > 0 && w.began.IsZero() && (a.Limit != limit || !a.Deadline.IsZero()):
			return fmt.Errorf("a limit of %v and a deadline of %v before the first attempt", a.Limit, a.Deadline)
		case limit > 0 && !w.began.IsZero() && (a.Limit != 0 || !a.Deadline.Equal(w.began.Add(limit)) || !a.Deadline.After(w.now)):
			return fmt.Errorf("a limit of %v and a deadline of %v, %v after the start", a.Limit, a.Deadline, w.now.Sub(w.began))
		case limit == 0 && (a.Limit != 0 || !a.Deadline.IsZero()):
			return fmt.Errorf("a limit of %v and a deadline of %v without max_trial_time", a.Limit, a.Deadline)
		}
		if err := w.checkShown(a.Shown); err != nil {
			return err
		}
		return w.again(a.After)
	case Evaluate:
		if !w.spec.Evaluates() {
			return fmt.Errorf("an evaluation of what the program measures itself")
		}
		until := a.Rung
		if until == 0 {
			until = w.spec.Train.Steps
		}
		if w.reached != until {
			return fmt.Errorf("evaluated for step %d after training to %d", until, w.reached)
		}
		if err := w.checkShown(a.Shown); err != nil {
			return err
		}
		return w.again(a.After)
	case Wait:
		switch p := a.Failure.Class.Policy(); {
		case a.For <= 0 || a.For > p.MaxWait:
			return fmt.Errorf("a wait of %v", a.For)
		case w.blocked >= MaxBlocked:
			return fmt.Errorf("a wait after %d blocked tries", w.blocked)
		case w.trial.publishing && w.giveUps > 0 && !w.now.Before(w.giveUpAt):
			return fmt.Errorf("a wait to publish after PublishGrace")
		}
	case Publish:
		if a.Blocked != (w.blocked > 0) {
			return fmt.Errorf("Blocked is %t after %d blocked tries", a.Blocked, w.blocked)
		}
	case End:
		w.ended, w.action = true, nil
	}
	return nil
}

// again checks that one more attempt is allowed.
func (w *world) again(after sweep.FailureClass) error {
	f := w.failed
	w.failed, w.last = nil, nil
	switch {
	case w.cancelled:
		return fmt.Errorf("an attempt after a cancellation")
	case f == nil:
		return nil
	case w.attempts >= MaxAttempts:
		return fmt.Errorf("an attempt after %d", w.attempts)
	case after != f.Class:
		return fmt.Errorf("an attempt after %q, not %q", after, f.Class)
	}
	if why := w.hopeless(*f); why != "" {
		return fmt.Errorf("another attempt although %s", why)
	}
	if f.Class.Policy().Counts && f.Message != "blocked" {
		w.counted++
	}
	return nil
}

// hopeless reports why no attempt follows a failure; "" if one does.
func (w *world) hopeless(f sweep.Failure) string {
	switch p := f.Class.Policy(); {
	case w.attempts >= MaxAttempts:
		return fmt.Sprintf("there were %d", w.attempts)
	case w.blocked >= MaxBlocked:
		return fmt.Sprintf("%d were blocked", w.blocked)
	case f.Message == "blocked":
		return ""
	case !p.Retried:
		return fmt.Sprintf("class %s is not tried again", f.Class)
	case p.Counts && w.counted >= w.spec.MaxRestarts:
		return fmt.Sprintf("%d restarts are used up", w.counted)
	case p.InARow > 0 && w.fruitless >= w.spec.MaxRestarts+p.InARow:
		return fmt.Sprintf("%d in a row made no step", w.fruitless)
	}
	return ""
}

// complete draws how the action in flight ends.
func (w *world) complete() Event {
	switch a := w.action.(type) {
	case Train:
		return w.completeTrain(a)
	case Evaluate:
		return w.completeEvaluate(a)
	case Ask:
		w.now = w.now.Add(a.Wait)
		step := w.trial.lastRung().Step
		switch p := w.rng.Float64(); {
		case p < 0.1:
			return Unanswered{}
		case p < 0.12:
			return SweepGone{}
		case p < 0.3:
			return Verdict{conduct.RungVerdict{Step: step, Verdict: stopping.Verdict{Decision: stopping.Stop, Reason: "worst"}}}
		default:
			return Verdict{conduct.RungVerdict{Step: step, Verdict: stopping.Verdict{Decision: stopping.Continue, Reason: "best"}}}
		}
	case Wait:
		w.now = w.now.Add(a.For)
		w.giveUp()
		return Waited{}
	default:
		return w.completePublish()
	}
}

// work is what an attempt did from the trial's last step to one that is not after until.
func (w *world) work(until int) Attempt {
	seconds := float64(w.rng.IntN(600))
	w.now = w.now.Add(conduct.Seconds(seconds))
	from := w.trial.Result.Steps
	a := Attempt{Seconds: seconds, Step: from, Build: fmt.Sprintf("build%d", w.rng.IntN(2))}
	if w.chance(w.moves) {
		a.Step += w.rng.IntN(min(w.stride, until-from) + 1)
	}
	if a.Step > 0 {
		a.Checkpoint = fmt.Sprintf("step-%d", a.Step)
	}
	return a
}

func (w *world) completeTrain(a Train) Event {
	until := a.Until
	if until == 0 {
		until = w.spec.Train.Steps
	}
	w.now = w.now.Add(time.Duration(w.rng.IntN(100)) * time.Second) // waits for a slot
	if !a.Deadline.IsZero() && w.chance(0.05) {
		w.attempts++
		return NoSlot{}
	}
	work := w.work(until)
	trained := Trained{Outcome: sweep.OutcomeDone, Step: until, Attempt: work}
	trained.Shown = w.showsBlock()
	switch p := w.rng.Float64(); {
	case p < w.succeeds:
		w.reached = until
		trained.Attempt.Step, trained.Checkpoint = until, fmt.Sprintf("step-%d", until)
		if w.spec.Trainer != nil {
			w.reported = map[string]float64{"own": w.rng.Float64(), "fid.tail": w.rng.Float64()}
			trained.Evaluation = &sweep.Evaluation{Metrics: w.reported}
		}
		if !w.spec.Evaluates() {
			w.evaluated = append(w.evaluated, a.Until)
			w.metrics = w.reported
		}
	case p > 0.98:
		trained.Outcome = sweep.OutcomeDiverged
	case p > 0.95 && w.spec.MaxTrialTime > 0:
		trained.Outcome = sweep.OutcomeTimeUp
	case p > 0.9:
		trained.Outcome = sweep.OutcomePreempted
		w.fail(sweep.Failure{Class: sweep.FailPreempted}, &work)
	default:
		f := w.failure(&work)
		f.Shown = trained.Shown
		w.addTraining(f.Attempt)
		return f
	}
	w.attempts++
	w.addTraining(&trained.Attempt)
	return trained
}

// showsBlock draws whether an attempt has reported, when it ends, that the trial is blocked, and
// why.
func (w *world) showsBlock() (reason block.Reason) {
	if w.chance(0.1) {
		reason = block.Reasons()[w.rng.IntN(len(block.Reasons()))]
		w.shown = reason
	}
	return reason
}

func (w *world) addTraining(a *Attempt) {
	if a == nil {
		return
	}
	w.trainSeconds += a.Seconds
	if w.began.IsZero() {
		w.began = w.now.Add(-conduct.Seconds(a.Seconds))
	}
}

func (w *world) completeEvaluate(a Evaluate) Event {
	work, shown := w.work(w.trial.Result.Steps), w.showsBlock()
	if !w.chance(max(w.succeeds, 0.2) + 0.2) {
		f := w.failure(&work)
		f.Shown = shown
		if f.Corrupt = f.Class == sweep.FailTransient && f.Blocked == "" && w.chance(0.5); f.Corrupt {
			w.reached = 0
		}
		if f.Attempt != nil {
			w.evalSeconds += f.Attempt.Seconds
		}
		return f
	}
	w.attempts++
	w.evalSeconds += work.Seconds
	w.evaluated = append(w.evaluated, a.Rung)
	w.metrics = map[string]float64{"fid.tail": w.rng.Float64()}
	return Evaluated{Evaluation: sweep.Evaluation{Metrics: w.metrics}, Shown: shown, Attempt: work}
}

// failure draws how an attempt fails.
func (w *world) failure(work *Attempt) Failed {
	f := Failed{Attempt: work}
	if w.chance(0.1) {
		f.Attempt = nil // it never reported
	}
	if w.chance(w.refuses) {
		f.Class, f.Blocked, f.Message = sweep.FailTransient, block.Reasons()[w.rng.IntN(len(block.Reasons()))], "blocked"
		if !w.cancelled {
			w.blocked++
		}
		w.failed, w.last = &f.Failure, &f.Failure
		w.progress(f.Attempt)
		return f
	}
	f.Class = w.class[w.rng.IntN(len(w.class))]
	w.attempts++
	w.fail(f.Failure, f.Attempt)
	return f
}

func (w *world) fail(f sweep.Failure, work *Attempt) {
	w.failed, w.last = &f, &f
	if w.fruitless++; w.progress(work) || f.Class.Policy().InARow == 0 {
		w.fruitless = 0
	}
}

// progress reports whether the trial has made a step forward since the attempt before.
func (w *world) progress(work *Attempt) (moved bool) {
	step := w.trial.Result.Steps
	if work != nil {
		step = max(step, work.Step)
	}
	if moved = step > w.steps; moved {
		w.steps, w.fruitless = step, 0
	}
	return moved
}

func (w *world) completePublish() Event {
	if !w.chance(w.away) {
		return Published{Trial: w.trial.Result, Reported: w.chance(0.9)}
	}
	w.now = w.now.Add(time.Duration(w.rng.IntN(200)) * time.Second)
	w.giveUp()
	class := sweep.FailTransient
	if w.away < 1 && w.chance(0.1) {
		class = sweep.FailBug
	}
	w.blocked++
	return Failed{Failure: sweep.Failure{Class: class, Message: "no store"}}
}

// giveUp feeds GivenUp once its time is over.
func (w *world) giveUp() {
	if w.giveUps > 0 && !w.now.Before(w.giveUpAt) {
		w.trial.Step(w.now, GivenUp{})
	}
}

// checkEnd checks a trial that has ended.
func (w *world) checkEnd() error {
	r := w.trial.Result
	var rungs []int
	for _, rung := range r.Rungs {
		rungs = append(rungs, rung.Step)
	}
	atRungs := 0
	for i, rung := range w.evaluated {
		switch {
		case rung > 0 && (i >= len(rungs) || rungs[i] != rung):
			return fmt.Errorf("rungs %v were evaluated, and %v are in the result", w.evaluated, rungs)
		case rung > 0:
			atRungs++
		}
	}
	failed := r.Status == sweep.StatusFailed && !strings.HasPrefix(r.Error.Message, "publish: ")
	switch {
	case failed && (w.last == nil || w.hopeless(*w.last) == ""):
		return fmt.Errorf("failed with %v although another attempt was allowed: %d attempts, %d blocked, %d restarts, %d in a row", r.Error, w.attempts, w.blocked, w.counted, w.fruitless)
	case atRungs != len(rungs):
		return fmt.Errorf("rungs %v were evaluated, and %v are in the result", w.evaluated, rungs)
	case r.TrainTime != w.trainSeconds || r.EvalTime != w.evalSeconds:
		return fmt.Errorf("%v + %v seconds are in the result, not %v + %v", r.TrainTime, r.EvalTime, w.trainSeconds, w.evalSeconds)
	case w.giveUps > 1 || w.cancelled != (w.giveUps == 1):
		return fmt.Errorf("cancelled: %t; GiveUpIn %d times", w.cancelled, w.giveUps)
	case r.Status == sweep.StatusCompleted && r.Metrics["own"] != w.reported["own"]:
		return fmt.Errorf("completed with %v, and the program reported %v", r.Metrics, w.reported)
	case r.Status == sweep.StatusCompleted && (r.Metrics["fid.tail"] != w.metrics["fid.tail"] || r.Steps != w.spec.Train.Steps || r.Error != nil):
		return fmt.Errorf("completed with %v at step %d", r.Metrics, r.Steps)
	case r.Status == sweep.StatusFailed && (r.Error == nil || r.Metrics != nil):
		return fmt.Errorf("failed with %v and %v", r.Error, r.Metrics)
	case r.Status == sweep.StatusStopped && r.StopReason() == "":
		return fmt.Errorf("stopped for no reason")
	case r.Status == sweep.StatusDiverged && r.Checkpoint != "":
		return fmt.Errorf("diverged with checkpoint %s", r.Checkpoint)
	}
	return nil
}
