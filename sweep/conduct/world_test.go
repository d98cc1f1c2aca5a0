package conduct

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"

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

	lateStart bool // a bug in a start was delivered while the end was being stored

	decided int // trials whose start was issued

	suggesting map[int]*sweep.Spec // in force when a Suggest was issued, by its ID
	changed    map[int]string      // specs that accepted commands made, by the number of the command's entry
	versions   map[int]string      // those that are stored

	saved      []byte        // the last snapshot
	entries    int           // stored
	idle       time.Duration // as State.Idle
	endedAt    *time.Time
	safe       map[int]bool // trials that were pinned before their checkpoint was scheduled for removal
	everPinned map[int]bool // trials that were pinned once
	asked      map[int]bool // requests that were accepted, by number
	dropped    map[int]bool // those of them that an edit has dropped
	since      int          // trials of the ledger when a command last continued the sweep
	ran        int          // trials, after the last event
	lowered    bool         // max_concurrent_trials was set below what ran
	orphans    bool         // a history that was cut off continued the sweep after all trials had been looked for
	edited     bool
	cut        bool // the workflow was ended from outside, and nothing has continued the sweep
	unsure     bool // a reset or the end of a workflow may have lost requests
}

// width is that of each parameter's range. The suggestion for a trial is its number, modulo width,
// above the least value.
const width = 20

// heavyMark is in the description of a spec whose world is heavy: a few commands and results
// do not fit into one payload.
const heavyMark = "heavy"

func (w *world) heavy() bool { return strings.HasPrefix(w.spec.Description, heavyMark) }

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
	own := *spec
	spec = &own
	spec.Parameters = sweep.Space{{Name: "infonce.weight", Distribution: sweep.DistUniform, Max: width}}
	if spec.Description == heavyMark {
		spec.Description += strings.Repeat("x", 48<<10)
	}
	w := &world{
		suggesting: map[int]*sweep.Spec{}, changed: map[int]string{}, versions: map[int]string{},
		spec: spec, points: points, now: time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC),
		results: map[int]sweep.Trial{}, stored: map[string]bool{}, last: map[string]Event{},
		phase: PhaseRunning, verdicts: map[[2]int]stopping.Verdict{}, asked: map[int]bool{}, dropped: map[int]bool{}, everPinned: map[int]bool{}, safe: map[int]bool{},
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
	before, entries := w.m.Spec(), w.m.Entries
	actions := w.m.Step(w.now, e)
	if w.m.Spec() != before {
		w.changed[entries+1] = asJSON(w.m.Spec())
	}
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
		if w.unstarted() {
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
