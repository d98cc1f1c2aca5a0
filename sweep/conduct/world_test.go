package conduct

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/stopping"
)

// world is everything around a state machine: the trials, the store, the clock, and the
// actions in flight. It is deterministic: the moves that it is given are the only
// source of order, delay, loss and failure.
type world struct {
	spec   *sweep.Spec
	points int // configurations that the search has
	now    time.Time
	m      *Machine
	began  bool

	trials   []*player // by number, started ones only
	segments [][]sweep.Trial
	results  map[int]sweep.Trial
	stored   map[string]bool // checkpoints
	best     []int

	flight   []Action
	last     map[string]Event // the last completion of each kind, to deliver twice
	marks    []mark
	ended    bool
	resets   int
	bugs     []string // what was being done when a bug was delivered
	phase    Phase    // by the commands that were accepted
	verdicts map[[2]int]stopping.Verdict
	decided  int // trials whose start was issued

	saved      []byte        // the last snapshot
	entries    int           // stored
	idle       time.Duration // as State.Idle
	endedAt    *time.Time
	safe       map[int]bool // trials that were pinned before their checkpoint was scheduled for removal
	everPinned map[int]bool // trials that were pinned once
	asked      map[int]bool // requests that were accepted, by number
	since      int          // trials of the ledger when a command last continued the sweep
	ran        int          // trials, after the last event
	lowered    bool         // max_concurrent_trials was set below what ran
	orphans    bool         // a history that was cut off continued the sweep after all trials had been looked for
	edited     bool
	cut        bool // the workflow was ended from outside, and nothing has continued the sweep
	unsure     bool // a reset or the end of a workflow may have lost requests
}

// mark is a moment that the sweep can be reset to.
type mark struct {
	state    []byte
	flight   []Action
	phase    Phase
	bugs     []string
	verdicts map[[2]int]stopping.Verdict
	decided  int
	since    int
	cut      bool
}

// player is a trial as its workflow plays it.
type player struct {
	a          sweep.Assignment
	spec       *sweep.Spec // in force when it started
	startedAt  time.Time
	closed     bool
	unborn     bool  // it has not started, as trials with higher numbers have
	child      bool  // the current run started it, and sees its end
	rungs      []int // still ahead
	waits      bool  // at the first of rungs
	shown      []sweep.Rung
	verdict    *RungVerdict // on it
	cancel     bool         // it was asked to end
	stuck      bool         // it has said that it is blocked
	suspected  bool         // the state machine has received its end and has not acted on it
	lastSignal Event        // to the sweep
}

// violation is a broken invariant.
type violation string

func newWorld(spec *sweep.Spec, points int) *world {
	spec.Parameters = sweep.Space{{Name: "infonce.weight", Distribution: sweep.DistUniform, Max: 1}}
	w := &world{
		spec: spec, points: points, now: time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC),
		results: map[int]sweep.Trial{}, stored: map[string]bool{}, last: map[string]Event{},
		phase: PhaseRunning, verdicts: map[[2]int]stopping.Verdict{}, asked: map[int]bool{}, everPinned: map[int]bool{}, safe: map[int]bool{},
	}
	for i := range spec.Points {
		w.asked[i+1] = true
	}
	w.m = New(spec, nil, LogicNow, w.now)
	return w
}

func (w *world) fail(format string, args ...any) { panic(violation(fmt.Sprintf(format, args...))) }

// step gives the state machine an event, and takes its actions.
func (w *world) step(e Event) {
	if _, command := e.(Commanded); w.ended && !command {
		return
	}
	actions := w.m.Step(w.now, e)
	w.ended = w.m.Closed
	w.idles()
	for _, a := range actions {
		w.issued(a)
		if _, end := a.(End); end {
			continue
		}
		w.flight = append(w.flight, a)
	}
	w.check()
	if w.ended {
		w.checkEnd()
	}
}

// idles counts the time between an end and the command that continues the sweep.
func (w *world) idles() {
	switch final := w.m.Phase.Final(); {
	case final && w.endedAt == nil:
		now := w.now
		w.endedAt = &now
	case !final && w.endedAt != nil:
		w.idle += w.now.Sub(*w.endedAt)
		w.endedAt = nil
	}
}

// reload has the state pass through JSON.
func (w *world) reload(state []byte) {
	var st State
	if err := json.Unmarshal(state, &st); err != nil {
		w.fail("state does not come back from JSON: %v", err)
	}
	w.m = New(w.spec, &st, LogicNow, w.now)
}

func (w *world) save() []byte {
	data, err := json.Marshal(w.m.Carry())
	if err != nil {
		w.fail("state has no JSON: %v", err)
	}
	return data
}

// move carries out one move; what does not fit the moment does nothing.
func (w *world) move(text string) {
	if w.ended && !strings.HasPrefix(text, "command") && text != "restore" {
		return
	}
	if !w.began {
		w.began = true
		w.step(Resumed{})
	}
	f := strings.Fields(text)
	arg := func(i int) string {
		if i < len(f) {
			return f[i]
		}
		return ""
	}
	number := func(i int) int {
		n, err := strconv.Atoi(arg(i))
		if err != nil {
			return -1
		}
		return n
	}
	switch f[0] {
	case "tick":
		d, _ := time.ParseDuration(arg(1))
		w.now = w.now.Add(d)
		w.step(Tick{})
	case "command":
		w.command(arg(1), number(2))
	case "restore":
		w.restore()
	case "outside":
		if next, ok := after(w.phase, CommandCancel); ok && !w.m.Phase.Final() {
			w.phase = next
		}
		w.step(CancelledOutside{})
	case "json":
		w.reload(w.save())
	case "continue": // the completions of what is in flight are lost
		w.reload(w.save())
		w.flight = nil
		for _, p := range w.trials {
			p.child = false
		}
		w.step(Resumed{})
	case "mark":
		verdicts := map[[2]int]stopping.Verdict{}
		for k, v := range w.verdicts {
			verdicts[k] = v
		}
		w.marks = append(w.marks, mark{w.save(), slices.Clone(w.flight), w.phase, slices.Clone(w.bugs), verdicts, w.decided, w.since, w.cut})
	case "reset":
		n := number(1)
		if slices.Contains(w.bugs, "start") {
			return // the ledger may have a trial that never started
		}
		if n >= 0 && n < len(w.marks) {
			k := w.marks[n]
			w.marks = w.marks[:n+1]
			w.reload(k.state)
			w.flight, w.phase, w.bugs, w.verdicts = slices.Clone(k.flight), k.phase, slices.Clone(k.bugs), map[[2]int]stopping.Verdict{}
			for at, v := range k.verdicts {
				w.verdicts[at] = v
			}
			w.last, w.decided, w.since, w.cut = map[string]Event{}, k.decided, k.since, k.cut
			w.resets++
			w.orphans = w.orphans || w.m.LookedAhead && len(w.trials) > w.m.Next
			for _, p := range w.trials {
				r := w.m.running(p.a.Number)
				p.child, p.suspected, p.stuck = false, false, !p.unborn && r != nil && r.Blocked != nil
			}
		}
	case "forge":
		n := number(1)
		w.step(Results{[]sweep.Trial{{Assignment: sweep.Assignment{Number: n, Kind: "other"}, Status: sweep.StatusCompleted}}})
		w.step(Results{[]sweep.Trial{{Assignment: sweep.Assignment{Number: w.m.Next + n, Kind: sweep.KindSearch}, Status: sweep.StatusCompleted}}})
		w.step(Reported{RungReport{Trial: w.m.Next + n, Step: 100}})
	case "trial":
		if n := number(1); n >= 0 && n < len(w.trials) {
			w.play(w.trials[n], arg(2), arg(3), arg(4))
		}
	case "answer", "cancel":
		w.request(f[0], number(1), arg(2) == "lost")
	default:
		w.task(f[0], arg(1), arg(2))
	}
}

// after is the phase that follows a command, by the documentation.
func after(p Phase, command string) (Phase, bool) {
	next, ok := map[string]map[Phase]Phase{
		CommandPause:  {PhaseRunning: PhasePaused},
		CommandResume: {PhasePaused: PhaseRunning, PhaseStopped: PhaseRunning, PhaseCancelled: PhaseRunning, PhaseFailed: PhaseRunning},
		CommandStop:   {PhaseRunning: PhaseStopping, PhasePaused: PhaseStopping},
		CommandCancel: {PhaseRunning: PhaseCancelling, PhasePaused: PhaseCancelling, PhaseStopping: PhaseCancelling},
	}[command][p]
	return next, ok
}

func (w *world) command(name string, n int) {
	for range 3 { // what time alone changes
		w.step(Tick{})
	}
	e, ok := w.commanded(name, n)
	if !ok || w.m.Phase.Final() && slices.Contains(w.bugs, "start") { // the ledger may have a trial that never started
		return
	}
	phase := w.phase
	if w.m.FailReason != "" && !w.m.Phase.Final() {
		phase = PhaseCancelling
	}
	if w.m.Phase.Final() {
		phase = w.m.Phase
	}
	err := w.m.Check(e)
	if next, ok := after(phase, name); plain(name) {
		if (err == nil) != ok {
			w.fail("command %s while %s: accepted %v, want %v", name, phase, err == nil, ok)
		}
		if ok {
			w.phase = next
		}
	}
	if err != nil {
		before := asJSON(w.m.State)
		if w.step(e); asJSON(w.m.State) != before {
			w.fail("command %s is refused, and changes the state", name)
		}
		return
	}
	for i := range len(e.Points) + len(e.Retry) {
		w.asked[w.m.Requests+1+i] = true
	}
	if e.Set != nil && *e.Set.Concurrency < len(w.m.Running) {
		w.lowered = true
	}
	if w.m.Phase.Final() && (opens(name) || name == CommandEdit && w.m.Phase == PhaseCompleted) {
		w.phase, w.bugs, w.cut, w.since = PhaseRunning, nil, false, len(w.ledger())
	}
	if name == CommandPin {
		i := slices.IndexFunc(w.ledger(), func(t sweep.Trial) bool { return t.Number == e.Trials[0] })
		if i < 0 || !slices.Contains(w.m.Removals, w.ledger()[i].Checkpoint) {
			w.safe[e.Trials[0]] = true
		}
	}
	w.step(e)
	if w.m.Closed && len(w.m.Unsaved) > 0 {
		w.fail("command %s is accepted and will not be stored", name)
	}
}

// opens reports whether a command continues a sweep that has ended.
func opens(name string) bool {
	return slices.Contains([]string{CommandResume, CommandExtend, CommandEnqueue, CommandRetry}, name)
}

// plain reports whether the phase alone says whether a command is accepted.
func plain(name string) bool {
	return slices.Contains([]string{CommandPause, CommandResume, CommandStop, CommandCancel}, name)
}

// commanded is a command with its fields, which n chooses.
func (w *world) commanded(name string, n int) (e Commanded, ok bool) {
	n = max(n, 0)
	e = Commanded{Name: name, Command: Command{By: "ann"}}
	ledger := w.ledger()
	switch name {
	case CommandExtend:
		e.Extend = &Extension{}
		if n%2 == 0 {
			e.Extend.RunCap = &Amount{Value: float64(1 + n%3), Add: true}
		}
		if n%3 == 0 {
			e.Extend.GPUHours = &Amount{Value: 0.5, Add: true}
		}
		if n%5 == 0 {
			e.Extend.WallClock = &Amount{Value: w.m.elapsed().Seconds() + 1800}
		}
	case CommandSet:
		concurrency := 1 + n%4
		e.Set = &Changes{Concurrency: &concurrency}
	case CommandEnqueue:
		for i := range 1 + n%2 {
			e.Points = append(e.Points, sweep.Params{"infonce.weight": sweep.Number(float64(n%7+i) / 8)})
		}
	case CommandRetry:
		if len(ledger) == 0 {
			return e, false
		}
		e.Retry = []sweep.Assignment{ledger[n%len(ledger)].Assignment}
	case CommandPin:
		e.Trials = []int{n % max(w.m.Next, 1)}
		w.everPinned[e.Trials[0]] = true
	case CommandUnpin:
		if len(w.m.Pinned) == 0 {
			return e, false
		}
		e.Trials = w.m.Pinned[:1:1]
	case CommandEdit:
		spec := *w.m.Spec()
		switch n % 7 {
		case 0:
			spec.Metrics = []sweep.Objective{{Name: "fid.head", Goal: sweep.Minimize}}
		case 1:
			limit, err := sweep.ParseConstraint("fid.head <= 40")
			if err != nil {
				panic(err)
			}
			spec.Constraints = []sweep.Constraint{limit}
		case 2:
			spec.Constraints = nil
		case 3:
			most := 0.3
			spec.Gates = &sweep.Gates{MaxMemorisedRatio: &most}
		case 4:
			spec.Gates, spec.EarlyTerminate = nil, nil
		case 5:
			spec.Checkpoints.SaveSweepBest = 1 + n%3
		case 6:
			spec.Budget = sweep.Budget{RunCap: 1 + n%12}
		}
		e.Spec = &spec
		w.edited = true
	}
	return e, true
}

// restore is the end of the workflow from outside, or long after its own end: what
// follows continues from the store.
func (w *world) restore() {
	if slices.Contains(w.bugs, "start") { // the ledger may have a trial that never started
		return
	}
	var snapshot *State
	if w.saved != nil {
		if err := json.Unmarshal(w.saved, &snapshot); err != nil {
			w.fail("the snapshot does not come back from JSON: %v", err)
		}
	}
	w.unsure = w.unsure || !w.m.Closed
	w.cut = true
	st := Restore(w.spec, w.m.StartedAt, snapshot, slices.Concat(w.segments...), len(w.segments), func(key string) bool { return w.stored[key] })
	data := asJSON(st)
	w.reload([]byte(data))
	if w.m.Segments != len(w.segments) {
		w.fail("%d of %d segments are restored", w.m.Segments, len(w.segments))
	}
	w.flight, w.last, w.marks, w.bugs = nil, map[string]Event{}, nil, nil
	w.verdicts = map[[2]int]stopping.Verdict{}
	w.ended, w.phase = true, w.m.Phase
	w.resets += 1
	for _, p := range w.trials {
		p.child, p.suspected, p.stuck = false, false, false
	}
	if actions := w.m.Step(w.now, Resumed{}); len(actions) > 0 {
		w.fail("a sweep that has ended acts: %s", asJSON(actions))
	}
	w.checkCheckpoints(w.ledger())
}

// kindOf names an action in moves.
func kindOf(a Action) (kind string, id int) {
	switch a := a.(type) {
	case Suggest:
		return "suggest", a.ID
	case Start:
		return "start", a.ID
	case Append:
		return "append", a.ID
	case Rank:
		return "rank", a.ID
	case Curate:
		return "curate", a.ID
	case Look:
		return "look", a.ID
	case Save:
		return "save", a.ID
	case SendVerdict:
		return "answer", a.Trial
	case CancelTrial:
		return "cancel", a.Trial
	}
	return "end", 0
}

func (w *world) find(kind string, id int) int {
	return slices.IndexFunc(w.flight, func(a Action) bool {
		k, n := kindOf(a)
		return k == kind && (id < 0 || n == id)
	})
}

// task completes the action of a kind: ok; half, its effect happens and it fails;
// fail, it has no effect; effect, it happens and its completion is on its way; dup,
// the last completion comes again.
func (w *world) task(kind, how, reason string) {
	if how == "dup" {
		if e, ok := w.last[kind]; ok {
			w.step(e)
		}
		return
	}
	i := w.find(kind, -1)
	if i < 0 {
		return
	}
	a := w.flight[i]
	_, id := kindOf(a)
	var done Event
	if how != "fail" {
		done = w.effect(a)
	}
	if how == "effect" {
		return
	}
	w.flight = slices.Delete(w.flight, i, i+1)
	if how == "half" || how == "fail" {
		done = Failed{id, BlockCause{Reason: block.Reason(reason), Message: "on purpose", Permanent: reason == "bug"}}
		_, starts := w.starting(id)
		if reason == "bug" && (starts || w.m.Main != nil && w.m.Main.ID == id) { // else it is late, or does not matter
			w.bugs = append(w.bugs, kind)
		}
	}
	w.last[kind] = done
	if r, ok := done.(StartRefused); ok {
		if n, ok := w.starting(r.ID); ok {
			w.trials[n].suspected = true
		}
	}
	w.step(done)
}

// starting is the trial whose start has this ID.
func (w *world) starting(id int) (number int, ok bool) {
	i := slices.IndexFunc(w.m.Running, func(r Running) bool { return r.Starting != nil && r.Starting.ID == id })
	if i < 0 {
		return 0, false
	}
	return w.m.Running[i].Number, true
}

// born reports whether a trial has started.
func (w *world) born(number int) bool {
	return number >= 0 && number < len(w.trials) && !w.trials[number].unborn
}

// request completes an answer or a cancellation.
func (w *world) request(kind string, trial int, lost bool) {
	i := w.find(kind, trial)
	if i < 0 {
		return
	}
	a := w.flight[i]
	w.flight = slices.Delete(w.flight, i, i+1)
	if !w.born(trial) { // its start failed
		w.step(CancelAsked{trial, true})
		return
	}
	p := w.trials[trial]
	lost = lost && p.closed // Temporal may accept what is for a closed workflow
	p.suspected = p.suspected || lost
	if answer, ok := a.(SendVerdict); ok {
		if !p.closed && p.waits && p.rungs[0] == answer.Verdict.Step {
			p.verdict = &answer.Verdict
		}
		w.step(VerdictSent{trial, answer.Verdict.Step, lost})
		return
	}
	p.cancel = true
	w.step(CancelAsked{trial, lost})
}

// effect is what an action does to the world, and its completion.
func (w *world) effect(a Action) Event {
	switch a := a.(type) {
	case Suggest:
		return w.suggest(a)
	case Start:
		n := a.Assignment.Number
		if w.born(n) {
			return StartRefused{a.ID}
		}
		for len(w.trials) <= n {
			w.trials = append(w.trials, &player{a: sweep.Assignment{Number: len(w.trials)}, closed: true, unborn: true})
		}
		*w.trials[n] = (player{a: a.Assignment, spec: w.m.Spec(), startedAt: w.now, child: true, rungs: slices.Clone(stopping.TrialRungs(w.m.Spec(), a.Assignment))})
		alive := 0
		for _, p := range w.trials {
			if !p.closed {
				alive++
			}
		}
		if alive > w.m.Spec().MaxConcurrentTrials && !w.lowered && w.resets == 0 {
			w.fail("%d trials are in flight, max_concurrent_trials is %d", alive, w.m.Spec().MaxConcurrentTrials)
		}
		return Started{a.ID}
	case Append:
		return w.append(a)
	case Rank:
		order, infeasible := Order(w.m.Spec(), slices.Concat(w.segments[:a.Segments]...), a.Numbers)
		return Ranked{a.ID, order, infeasible}
	case Curate:
		w.best = a.Leaders
		for _, key := range a.Remove {
			delete(w.stored, key)
		}
		return Curated{a.ID}
	case Look:
		return w.look(a)
	case Save:
		for _, e := range a.Entries {
			if e.Number > w.entries+1 && !w.unsure && w.resets == 0 {
				w.fail("entry %d is stored after %d", e.Number, w.entries)
			}
			w.entries = max(w.entries, e.Number)
		}
		if a.State != nil {
			w.saved = slices.Clone(a.State)
		}
		return Saved{a.ID}
	}
	return nil
}

// suggest is a pure function of its request.
func (w *world) suggest(a Suggest) Event {
	if a.Segments > len(w.segments) {
		w.fail("a suggestion asks for %d segments, the ledger has %d", a.Segments, len(w.segments))
	}
	e := Suggested{ID: a.ID}
	spec := w.m.Spec()
	for i := range a.Count {
		number, index, pending := a.Number+i, a.Index+i, len(a.Pending)+i
		h := hash("suggest", number, a.Segments, pending)
		switch {
		case index >= w.points:
			e.Exhausted = true
			return e
		case spec.Repeats != nil && pending > 0 && h%4 == 0:
			e.Wait = true
			return e
		}
		seed := spec.Train.Seed
		value := float64(number)
		if spec.Repeats != nil && index > 1 && h%4 == 1 {
			seed, value = spec.Repeats.Seeds[0], float64(h%uint64(number))
		}
		e.Assignments = append(e.Assignments, sweep.Assignment{Number: number, Kind: sweep.KindSearch, Seed: seed, Params: sweep.Params{"infonce.weight": sweep.Number(value)}})
	}
	return e
}

func (w *world) append(a Append) Event {
	if a.Segment > len(w.segments) {
		w.fail("segment %d leaves a gap after %d", a.Segment, len(w.segments))
	}
	rank := func(e Appended) Event {
		if len(a.Rank) > 0 {
			e.Numbers, e.Infeasible = Order(w.m.Spec(), slices.Concat(w.segments[:a.Segment+1]...), a.Rank)
		}
		return e
	}
	if a.Segment < len(w.segments) {
		if asJSON(w.segments[a.Segment]) == asJSON(a.Trials) {
			return rank(Appended{ID: a.ID})
		}
		return Appended{ID: a.ID, Taken: w.segments[a.Segment]}
	}
	for _, t := range a.Trials {
		if slices.Contains(numbers(slices.Concat(w.segments...)), t.Number) {
			w.fail("trial %d is in the ledger twice", t.Number)
		}
		if !w.born(t.Number) && w.resets == 0 && !slices.Contains(w.bugs, "start") {
			w.fail("trial %d is in the ledger and was never started", t.Number)
		}
	}
	w.segments = append(w.segments, slices.Clone(a.Trials))
	return rank(Appended{ID: a.ID})
}

func (w *world) look(a Look) Event {
	e := Looked{ID: a.ID}
	for _, s := range a.Silent {
		n := s.Assignment.Number
		if w.born(n) {
			w.trials[n].suspected = false
			if !w.trials[n].closed {
				continue
			}
		} else if w.resets == 0 && !slices.Contains(w.bugs, "start") {
			w.fail("trial %d is looked for and was never started", n)
		}
		t, ok := w.results[n]
		if !ok {
			t = sweep.Trial{Assignment: s.Assignment, Status: sweep.StatusFailed, StartedAt: s.StartedAt,
				Error: &sweep.Failure{Class: sweep.FailLost, Message: "no result"}}
		}
		e.Ended = append(e.Ended, t)
	}
	e.Found = a.Next != nil && w.born(a.Next.Assignment.Number)
	return e
}

// play takes a trial on: step, end STATUS [silent], vanish, rewind, again, stuck, free
// or closed.
func (w *world) play(p *player, what, status, silent string) {
	switch what {
	case "again":
		if p.lastSignal != nil {
			w.step(p.lastSignal)
		}
		return
	case "stuck", "free":
		if p.stuck = what == "stuck" && !p.closed && w.m.running(p.a.Number) != nil; p.stuck {
			w.step(Blocked{TrialBlocked{p.a.Number, &BlockCause{Reason: block.NoBucket, Message: "on purpose"}}})
		} else {
			w.step(Blocked{TrialBlocked{Trial: p.a.Number}})
		}
		return
	case "closed":
		if p.closed && p.child {
			p.child, p.suspected = false, true
			w.step(TrialClosed{p.a.Number})
		}
		return
	}
	if p.closed {
		return
	}
	switch what {
	case "vanish":
		p.closed = true
	case "rewind": // somebody resets its workflow to the beginning
		p.rungs, p.shown, p.waits, p.verdict = slices.Clone(stopping.TrialRungs(p.spec, p.a)), nil, false, nil
	case "step":
		w.stepTrial(p)
	case "end":
		w.endTrial(p, status, silent != "")
	}
}

// stepTrial goes to the next rung, or on from it.
func (w *world) stepTrial(p *player) {
	if p.waits && p.verdict != nil {
		p.shown[len(p.shown)-1].Reason = p.verdict.Reason
		if p.verdict.Decision == stopping.Stop {
			w.endTrial(p, "stopped", false)
			return
		}
		p.rungs, p.waits, p.verdict = p.rungs[1:], false, nil
		return
	}
	if len(p.rungs) == 0 {
		return
	}
	if !p.waits {
		p.waits = true
		p.shown = append(p.shown, sweep.Rung{Step: p.rungs[0], Metrics: w.measured(p.a, p.rungs[0])})
	}
	last := p.shown[len(p.shown)-1]
	p.lastSignal = Reported{RungReport{Trial: p.a.Number, Step: p.rungs[0], Metrics: p.spec.Objectives(last.Metrics)}}
	w.step(p.lastSignal)
}

// endTrial ends a trial as its workflow may end now, and has it publish and report.
func (w *world) endTrial(p *player, status string, silent bool) {
	t := sweep.Trial{Assignment: p.a, Status: sweep.Status(status), StartedAt: p.startedAt, FinishedAt: w.now, Rungs: p.shown, Steps: 400}
	h := hash("end", p.a.Number)
	t.Checkpoint = fmt.Sprintf("trial-%d", p.a.Number)
	t.TrainTime = float64(600 + h%3000)
	through := len(p.rungs) == 0
	switch status {
	case "completed":
		if !through {
			return
		}
		t.Metrics = w.measured(p.a, 400)
		t.Gates = p.spec.Gates.Failures(t.Metrics)
	case "valueless":
		if !through {
			return
		}
		t.Status = sweep.StatusCompleted
	case "limit":
		t.Status, t.Limit = sweep.StatusStopped, "max_trial_time"
	case "stopped":
		if p.verdict == nil || p.verdict.Decision != stopping.Stop {
			return
		}
	case "diverged":
		if p.waits {
			return
		}
		t.Checkpoint = ""
	case "cancelled":
		if !p.cancel {
			return
		}
	default: // a failure class
		t.Status, t.Checkpoint = sweep.StatusFailed, ""
		t.Error = &sweep.Failure{Class: sweep.FailureClass(status), Message: fmt.Sprintf("fault %d\nmore", p.a.Number)}
	}
	p.closed = true
	if t.Checkpoint != "" {
		w.stored[t.Checkpoint] = true
	}
	w.results[p.a.Number] = t
	p.lastSignal = Results{[]sweep.Trial{t}}
	if !silent {
		w.step(p.lastSignal)
	}
}

// measured are a trial's metrics. Some configurations break every constraint by far,
// the baseline's does not.
func (w *world) measured(a sweep.Assignment, step int) map[string]float64 {
	h, head := hash(fmt.Sprint("measured", a.Params.Key(), a.Seed), step), 20.0
	if a.Kind == sweep.KindSearch && hash(a.Params.Key())%2 == 0 {
		head = 60
	}
	return map[string]float64{
		"fid.tail": float64(h % 97), "fid.head": head + float64(h/97%5)/10, "memorised_ratio.all": float64(h/1009%100) / 100,
	}
}

func hash(name string, numbers ...int) uint64 {
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, name, numbers) // a hash's Write cannot fail
	return h.Sum64()
}

func asJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}

func numbers(trials []sweep.Trial) []int {
	n := make([]int, len(trials))
	for i, t := range trials {
		n[i] = t.Number
	}
	return n
}

// settle lets everything that is left happen in good order, until the sweep ends.
func (w *world) settle() {
	w.move("tick 0s")
	for range 5000 {
		switch {
		case w.ended:
			return
		case len(w.flight) > 0:
			switch kind, id := kindOf(w.flight[0]); kind {
			case "answer", "cancel":
				w.move(fmt.Sprintf("%s %d ok", kind, id))
			default:
				w.move(kind + " ok")
			}
		case w.settleTrial():
		case w.m.Phase == PhasePaused:
			w.command(CommandResume, 0)
		default:
			w.checkSilent()
			at, ok := w.m.Wake()
			if !ok {
				w.fail("the machine waits for nothing and does not end: %s", asJSON(w.m.State))
			}
			w.now = at
			w.step(Tick{})
		}
	}
	w.fail("the machine does not end: %s", asJSON(w.m.State))
}

// settleTrial advances the first running trial that can continue.
func (w *world) settleTrial() bool {
	for _, p := range w.trials {
		switch r := w.m.running(p.a.Number); {
		case p.closed || r == nil: // nobody waits for it
		case p.cancel:
			w.play(p, "end", "cancelled", "")
			return true
		case w.m.Phase == PhaseCancelling: // it is to be asked
		case p.waits && p.verdict == nil, len(p.rungs) > 0:
			w.play(p, "step", "", "")
			return true
		default:
			w.play(p, "end", "completed", "")
			return true
		}
	}
	return false
}
