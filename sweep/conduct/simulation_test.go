package conduct

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/sweep"
)

var (
	sweeps    = flag.Int("sweeps", 10_000, "sweeps that TestSimulation plays")
	firstSeed = flag.Uint64("seed", 1, "seed of the first one; the others follow")
)

// TestSimulation plays random sweeps: random specs, and random order, delay,
// duplication, loss and failure of events, commands, continue-as-new and resets. A
// sweep that breaks an invariant is shrunk to the moves that matter, and printed as a
// test to paste below.
func TestSimulation(t *testing.T) {
	for i := range *sweeps {
		seed := *firstSeed + uint64(i)
		c := newCase(seed)
		if broken := c.run(); broken != "" {
			short := c.shrink()
			t.Fatalf("seed %d, sweep %d: %s\n\nThe same as a test, for %s to fail:\n\n%s", seed, i+1, broken, short.run(), short.test())
		}
	}
}

// scenario is a spec and the moves of a world.
type scenario struct {
	Spec   sweep.Spec
	Points int
	moves  []string
}

// run plays the moves, then lets the sweep end; it returns the invariant that breaks.
func (c scenario) run() (broken string) {
	defer recovered(&broken)
	w := newWorld(&c.Spec, c.Points)
	for _, move := range c.moves {
		w.move(move)
	}
	w.settle()
	return ""
}

// recovered makes the text of a panic.
func recovered(broken *string) {
	switch r := recover().(type) {
	case nil:
	case violation:
		*broken = string(r)
	default:
		*broken = fmt.Sprintf("panic: %v\n%s", r, debug.Stack())
	}
}

// newCase draws a spec, then plays it with random moves.
func newCase(seed uint64) (c scenario) {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 0))}
	g.failing, g.faulty, g.eager = pick(g, 0, 10, 20, 20, 70), pick(g, 10, 30, 70), pick(g, 30, 45, 60)
	c.Spec, c.Points = g.spec(), 1+g.IntN(16)
	var broken string
	defer recovered(&broken) // run finds the same
	w := newWorld(&c.Spec, c.Points)
	for range g.IntN(250) {
		move := g.move(w)
		c.moves = append(c.moves, move)
		w.move(move)
	}
	return c
}

// shrink removes the moves without which an invariant still breaks.
func (c scenario) shrink() scenario {
	for size := len(c.moves); size > 0; {
		shorter := false
		for at := 0; at+size <= len(c.moves); {
			try := c
			try.moves = slices.Delete(slices.Clone(c.moves), at, at+size)
			if try.run() == "" {
				at += size
				continue
			}
			c, shorter = try, true
		}
		if !shorter || size > 1 {
			size /= 2
		}
	}
	return c
}

// test is the scenario as Go.
func (c scenario) test() string {
	var b strings.Builder
	fmt.Fprintf(&b, "func TestNAME(t *testing.T) {\n\treplay(t, `%s`,\n", asJSON(c))
	for _, move := range c.moves {
		fmt.Fprintf(&b, "\t\t%q,\n", move)
	}
	return b.String() + "\t)\n}\n"
}

// replay plays a scenario that once broke an invariant.
func replay(t *testing.T, spec string, moves ...string) {
	t.Helper()
	c := scenario{moves: moves}
	require.NoError(t, json.Unmarshal([]byte(spec), &c))
	require.Empty(t, c.run())
}

// generator draws specs and moves.
type generator struct {
	*rand.Rand
	failing int // percent of the tasks that fail
	faulty  int // percent of the trials that do not complete
	eager   int // percent of the moves that complete what is in flight
}

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

func pick[T any](g *generator, list ...T) T { return list[g.IntN(len(list))] }

func (g *generator) spec() sweep.Spec {
	s := sweep.Spec{
		Name: "sim", Method: sweep.MethodRandom, Seed: int64(g.IntN(100)),
		Train:               sweep.Train{Steps: 400, Seed: 1},
		Metrics:             []sweep.Objective{{Name: "fid.tail", Goal: sweep.Minimize}},
		MaxConcurrentTrials: 1 + g.IntN(4),
		Checkpoints:         sweep.Checkpoints{EverySteps: 100, SaveSweepBest: 1 + g.IntN(2)},
	}
	if g.chance(30) {
		s.Metrics = append(s.Metrics, sweep.Objective{Name: "fid.head", Goal: sweep.Minimize})
	}
	if g.chance(60) {
		s.Baseline = &sweep.Baseline{Params: sweep.Params{"infonce.weight": sweep.Number(-1)}, Seeds: []int64{1, 2, 3}[:1+g.IntN(3)]}
		if g.chance(40) {
			s.Constraints = []sweep.Constraint{{Metric: "fid.head", Op: "<=", Baseline: "fid.head", Factor: 1.02}}
		}
	}
	if s.Constraints == nil && g.chance(30) {
		limit, err := sweep.ParseConstraint("fid.head <= 40")
		if err != nil {
			panic(err)
		}
		s.Constraints = []sweep.Constraint{limit}
	}
	if g.chance(20) {
		s.Points = []sweep.Params{{"infonce.weight": sweep.Number(0.5)}, {"infonce.weight": sweep.Number(0.75)}}
	}
	if g.chance(30) {
		s.Repeats = &sweep.Repeats{Seeds: []int64{2, 3}, Share: 0.5}
	}
	if g.chance(50) {
		s.EarlyTerminate = &sweep.EarlyTerminate{Type: pick(g, sweep.StopASHA, sweep.StopMedian, sweep.StopHyperband), MinIter: 100, Eta: 2, MinTrials: 1, Brackets: 2}
	}
	if g.chance(20) {
		most := 0.5
		s.Gates = &sweep.Gates{MaxMemorisedRatio: &most}
	}
	if g.chance(60) {
		s.Budget.RunCap = 1 + g.IntN(8)
	}
	if g.chance(30) {
		s.Budget.GPUHours = 0.5 + 2*g.Float64()
	}
	if g.chance(30) {
		s.Budget.WallClock = sweep.Duration(time.Duration(1+g.IntN(120)) * time.Minute)
	}
	if g.chance(15) { // rivals at rungs that turn out to be infeasible
		s.Baseline = &sweep.Baseline{Params: sweep.Params{"infonce.weight": sweep.Number(-1)}, Seeds: []int64{1, 2}}
		s.Constraints = []sweep.Constraint{{Metric: "fid.head", Op: "<=", Baseline: "fid.head", Factor: 1.02}}
		s.EarlyTerminate = &sweep.EarlyTerminate{Type: sweep.StopASHA, MinIter: 200, Eta: 2}
		s.MaxConcurrentTrials, s.Budget, s.Gates = 3, sweep.Budget{}, nil
	}
	if g.IntN(300) == 0 {
		s.Description, s.Checkpoints.SaveSweepBest = heavyMark, 3
	}
	return s
}

// move draws what happens next: usually something that is in flight.
func (g *generator) move(w *world) string {
	if w.ended {
		return pick(g, "restore", "command "+CommandResume, fmt.Sprintf("command %s %d", pick(g, CommandExtend, CommandExtend, CommandEnqueue, CommandRetry, CommandEdit, CommandSet, CommandPin), g.IntN(90)))
	}
	if w.heavy() && g.chance(25) {
		return fmt.Sprintf("command %s %d", pick(g, CommandExtend, CommandSet, CommandEdit), g.IntN(90))
	}
	switch n := g.IntN(100); {
	case n < g.eager && len(w.flight) > 0:
		return g.completion(pick(g, w.flight...))
	case n < 80 && len(w.trials) > 0:
		return g.trial(w)
	case n < 86:
		return "tick " + pick(g, "1s", "10s", "1m", "5m", "20m", "1h")
	case n < 89:
		if g.chance(20) {
			return "command " + pick(g, CommandStop, CommandCancel)
		}
		if g.chance(50) {
			return "command " + pick(g, CommandPause, CommandResume, CommandResume)
		}
		return fmt.Sprintf("command %s %d", pick(g, CommandExtend, CommandExtend, CommandSet, CommandEdit, CommandEdit, CommandEnqueue, CommandEnqueue, CommandRetry, CommandPin, CommandUnpin), g.IntN(90))
	case n < 90 && g.chance(30):
		return "restore"
	case n < 91:
		return "json"
	case n < 94:
		return "continue"
	case n < 96:
		return "mark"
	case n < 97 && len(w.marks) > 0:
		return fmt.Sprintf("reset %d", g.IntN(len(w.marks)))
	case n < 98:
		return fmt.Sprintf("forge %d", g.IntN(3))
	case n < 99:
		return pick(g, "suggest", "start", "append", "rank", "curate", "look", "save") + " dup"
	case g.chance(5):
		return "outside"
	}
	return "tick 0s"
}

func (g *generator) completion(a Action) string {
	kind, id := kindOf(a)
	if kind == "answer" || kind == "cancel" {
		return fmt.Sprintf("%s %d %s", kind, id, pick(g, "ok", "ok", "lost"))
	}
	if !g.chance(g.failing) {
		return kind + pick(g, " ok", " ok", " ok", " ok", " ok", " effect")
	}
	reason := string(pick(g, block.Reasons()...))
	if g.chance(3) {
		reason = "bug"
	}
	return fmt.Sprintf("%s %s %s", kind, pick(g, "half", "fail"), reason)
}

func (g *generator) trial(w *world) string {
	n := g.IntN(len(w.trials))
	if g.chance(80) { // rather one that runs
		var alive []int
		for i, p := range w.trials {
			if !p.closed {
				alive = append(alive, i)
			}
		}
		if len(alive) > 0 {
			n = pick(g, alive...)
		}
	}
	if len(w.trials[n].shown) > 0 && g.chance(15) {
		return fmt.Sprintf("trial %d %s", n, pick(g, "again", "rewind"))
	}
	what := pick(g, "step", "step", "step", "end", "end", "end", "end", "again", "closed", pick(g, "stuck", "free"))
	switch ends := what == "end"; {
	case ends && g.chance(g.faulty):
		what += " " + pick(g, "cancelled", "diverged", "limit", "valueless",
			string(sweep.FailBug), string(sweep.FailBug), string(sweep.FailLost), string(sweep.FailOutOfMemory))
	case ends && w.m.Phase == PhaseCancelling:
		what += " cancelled"
	case ends && len(w.trials[n].rungs) > 0:
		what = "step"
	case ends:
		what += " completed"
	case g.chance(2):
		what = "vanish"
	}
	if strings.HasPrefix(what, "end") && g.chance(10) {
		what += " silent"
	}
	return fmt.Sprintf("trial %d %s", n, what)
}
