package conduct

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/stopping"
)

var start = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)

func testSpec() *sweep.Spec {
	return &sweep.Spec{
		Name: "s", Method: sweep.MethodRandom, Train: sweep.Train{Steps: 300, Seed: 1},
		Metrics:             []sweep.Objective{{Name: "fid.tail", Goal: sweep.Minimize}, {Name: "fid.head", Goal: sweep.Minimize}},
		MaxConcurrentTrials: 2, Checkpoints: sweep.Checkpoints{EverySteps: 100, SaveSweepBest: 1}, Budget: sweep.Budget{RunCap: 5000},
	}
}

func machineOf(spec *sweep.Spec, st State) *Machine {
	st.StartedAt = start
	if st.Counts == nil {
		st.Counts = map[sweep.Status]int{}
	}
	return New(spec, &st, LogicNow, start)
}

func assignment(number int) sweep.Assignment {
	return sweep.Assignment{Number: number, Kind: sweep.KindSearch, Seed: 1, Params: sweep.Params{"infonce.weight": sweep.Number(float64(number))}}
}

func TestCommandsByPhase(t *testing.T) {
	all := []Phase{PhaseRunning, PhasePaused, PhaseStopping, PhaseCancelling, PhaseCompleted, PhaseStopped, PhaseCancelled, PhaseFailed, PhaseTerminated}
	for i, phase := range all {
		require.Equal(t, i >= 4, phase.Final(), phase)
		for _, v := range CommandTypes() {
			if !plain(v.Name) {
				continue
			}
			e := Commanded{v.Name, Command{By: "ann"}}
			m := machineOf(testSpec(), State{Phase: phase, EndedAt: &start})
			err := m.Check(e)
			m.applyCommand(e)
			if next, ok := after(phase, v.Name); ok {
				require.NoError(t, err)
				require.Equal(t, next, m.Phase)
				require.Len(t, m.CommandLog, 1)
				continue
			}
			require.ErrorContains(t, err, "cannot "+v.Name+" a sweep that is "+string(phase))
			require.Equal(t, phase, m.Phase)
			require.Empty(t, m.CommandLog)
		}
	}
	require.EqualError(t, machineOf(testSpec(), State{Phase: PhaseRunning}).Check(Commanded{Name: CommandPause}), `cannot pause sweep "s": by is empty; say who asks`)
	long := Command{By: strings.Repeat("x", NameLimit+1)}
	require.EqualError(t, machineOf(testSpec(), State{Phase: PhaseRunning}).Check(Commanded{Name: CommandPause, Command: long}),
		`cannot pause sweep "s": by has 257 bytes and id 0 (valid: up to 256)`)
	long = Command{By: "ann", ID: strings.Repeat("x", NameLimit+1)}
	require.EqualError(t, machineOf(testSpec(), State{Phase: PhaseRunning}).Check(Commanded{Name: CommandPause, Command: long}),
		`cannot pause sweep "s": by has 3 bytes and id 257 (valid: up to 256)`)
}

// What enqueue asks for is a configuration of the search space.
func TestEnqueueChecksItsConfigurations(t *testing.T) {
	spec := testSpec()
	spec.Parameters = sweep.Space{{Name: "infonce.weight", Distribution: sweep.DistUniform, Max: 1}}
	m := machineOf(spec, State{Phase: PhaseRunning})
	enqueue := func(points ...sweep.Params) error {
		return m.Check(Commanded{CommandEnqueue, Command{By: "ann", Points: points}})
	}
	legal := sweep.Params{"infonce.weight": sweep.Number(0.5)}
	require.NoError(t, enqueue(legal))
	require.ErrorContains(t, enqueue(legal, sweep.Params{"infonce.weight": sweep.Number(2)}),
		"configuration 2: infonce.weight: is not a value of parameters.infonce.weight (2; valid: a number in [0, 1])")
	require.ErrorContains(t, enqueue(sweep.Params{"lr": sweep.Number(0.1)}),
		"configuration 1: lr: is not in parameters (valid: infonce.weight); infonce.weight: is missing (valid: a number in [0, 1])")

	bad := slices.Repeat([]sweep.Params{{"infonce.weight": sweep.Number(7)}}, 12)
	err := enqueue(append([]sweep.Params{legal}, bad...)...)
	require.ErrorContains(t, err, "configuration 2: ")
	require.ErrorContains(t, err, "configuration 11: ", "all faults are reported at once")
	require.ErrorContains(t, err, "\nand 2 more")
	require.NotContains(t, err.Error(), "configuration 12: ")
	require.ErrorContains(t, enqueue(slices.Repeat([]sweep.Params{legal}, 1001)...), "1001 trials: at most 1000 can wait to be started, and 0 do already")
}

// A trial has one retry at a time.
func TestASecondRetryIsRefused(t *testing.T) {
	spec := testSpec()
	spec.MaxConcurrentTrials = 2
	m := machineOf(spec, State{Phase: PhaseRunning, Next: 8, Watermark: 8, LookAt: start.Add(time.Hour)})
	retry := func(numbers ...int) Commanded {
		e := Commanded{CommandRetry, Command{By: "ann"}}
		for _, n := range numbers {
			e.Retry = append(e.Retry, assignment(n))
		}
		return e
	}
	require.ErrorContains(t, m.Check(retry(6, 6)), `cannot retry sweep "s": trial 6 is named twice`)
	other := retry(6)
	other.Retry[0].Number = 5
	other.Retry = append(other.Retry, assignment(6))
	require.ErrorContains(t, m.Check(other), "trials 5 and 6 have the same parameters and seed: retry one of them")
	require.NoError(t, m.Check(retry(5, 6, 7)))

	m.Step(start, retry(5, 6, 7))
	require.Equal(t, []int{8, 9}, []int{m.Running[0].Number, m.Running[1].Number})
	require.Len(t, m.Queue, 1)
	require.ErrorContains(t, m.Check(retry(6)), `cannot retry sweep "s": trial 6 is being retried as trial 9: wait until that has ended; if it fails, retry trial 9`)
	require.ErrorContains(t, m.Check(retry(7)), "trial 7 is to be retried already: that retry waits to be started (`tailsweep describe s`)")
	for _, phase := range []Phase{PhasePaused, PhaseStopped, PhaseFailed, PhaseTerminated} {
		waits := *m.State
		waits.Phase = phase
		require.ErrorContains(t, machineOf(m.Spec(), waits).Check(retry(7)),
			fmt.Sprintf("trial 7 is to be retried already: the sweep is %s, and `tailsweep resume s` starts that retry", phase))
	}
	require.NoError(t, m.Check(retry(4)))
	otherSeed := retry(6)
	otherSeed.Retry[0].Seed = 9
	require.NoError(t, m.Check(otherSeed))

	m.account([]sweep.Trial{{Assignment: m.Running[1].Assignment, Status: sweep.StatusFailed, Error: &sweep.Failure{Class: sweep.FailLost}}})
	require.NoError(t, m.Check(retry(6)), "its retry has ended")
}

// A suggestion of the spec before an edit starts no trial.
func TestAnEditAsksForOtherSuggestions(t *testing.T) {
	spec := testSpec()
	spec.MaxConcurrentTrials = 1
	spec.Parameters = sweep.Space{{Name: "infonce.weight", Distribution: sweep.DistUniform, Max: 9}}
	m := machineOf(spec, State{Phase: PhaseRunning})
	asked := m.Step(start, Tick{})[0].(Suggest)
	edited := *spec
	edited.Parameters = sweep.Space{{Name: "infonce.weight", Distribution: sweep.DistUniform, Min: 10, Max: 19}}
	actions := m.Step(start, Commanded{CommandEdit, Command{By: "ann", Spec: &edited}})
	again := actions[0].(Suggest)
	require.True(t, again.Edited)
	require.Equal(t, asked.Number, again.Number)
	for _, a := range m.Step(start, Suggested{ID: asked.ID, Assignments: []sweep.Assignment{assignment(0)}}) {
		_, starts := a.(Start)
		require.False(t, starts)
	}
	fits := assignment(0)
	fits.Params = sweep.Params{"infonce.weight": sweep.Number(12)}
	require.Equal(t, fits, m.Step(start, Suggested{ID: again.ID, Assignments: []sweep.Assignment{fits}})[0].(Start).Assignment)
}

// A retry is a further trial.
func TestRetriesAreExpected(t *testing.T) {
	spec := testSpec()
	spec.Budget.RunCap = 6
	m := machineOf(spec, State{Phase: PhasePaused, Next: 2, Watermark: 2, Counts: map[sweep.Status]int{sweep.StatusFailed: 2}})
	planned := m.Progress("").Planned
	retry := func(number int) {
		m.Step(start, Commanded{CommandRetry, Command{By: "ann", Retry: []sweep.Assignment{assignment(number)}}})
	}
	retry(0)
	require.Equal(t, planned+1, m.Progress("").Planned)
	m.Step(start, Commanded{CommandResume, Command{By: "ann"}})
	require.Equal(t, 1, m.Retried)
	retry(1)
	require.Equal(t, planned+2, m.Progress("").Planned)
}

// Requests beyond run_cap are expected, too: never "12 of 11 trials".
func TestRequestsBeyondTheCapAreExpected(t *testing.T) {
	spec := testSpec()
	spec.Parameters = sweep.Space{{Name: "infonce.weight", Distribution: sweep.DistUniform, Max: 1}}
	spec.Budget.RunCap = 3
	m := machineOf(spec, State{Phase: PhaseCompleted, Next: 3, Watermark: 3, Counts: map[sweep.Status]int{sweep.StatusCompleted: 3}})
	require.Equal(t, 3, m.Progress("").Planned)
	m.Step(start, Commanded{CommandEnqueue, Command{By: "ann", Points: slices.Repeat([]sweep.Params{{"infonce.weight": sweep.Number(0.5)}}, 2)}})
	require.Equal(t, 5, m.Progress("").Planned)
}

// A client that has no answer sends its command again, by another way.
func TestACommandIsObeyedOnce(t *testing.T) {
	spec := testSpec()
	spec.Budget.RunCap = 6
	m := machineOf(spec, State{Phase: PhaseRunning})
	extend := Commanded{CommandExtend, Command{ID: "x", By: "ann", Extend: &Extension{RunCap: &Amount{Value: 4, Add: true}}}}
	for range 2 {
		require.NoError(t, m.Check(extend))
		m.applyCommand(extend)
		require.Equal(t, 10, m.Spec().Budget.RunCap)
		require.Len(t, m.CommandLog, 1)
	}
	extend.ID = "y"
	m.applyCommand(extend)
	require.Equal(t, 14, m.Spec().Budget.RunCap)
}

// Nobody waits for the answer to a signal: the refusal is stored, also by a sweep that a
// refused command has started again.
func TestARefusedCommandIsStored(t *testing.T) {
	for _, phase := range []Phase{PhasePaused, PhaseCompleted} {
		m := machineOf(testSpec(), State{Phase: phase, EndedAt: &start, Closed: phase.Final()})
		actions := m.Step(start, Commanded{CommandPause, Command{ID: "x", By: "ann"}})
		require.Equal(t, phase, m.Phase)
		require.Len(t, m.CommandLog, 1)
		require.Contains(t, m.CommandLog[0].Refused, "cannot pause a sweep that is "+string(phase))
		var save Save
		for _, a := range actions {
			if s, ok := a.(Save); ok {
				save = s
			}
		}
		require.Len(t, save.Entries, 1, phase)
		m.Step(start, Saved{ID: save.ID})
		require.Equal(t, phase.Final(), m.Closed)
	}
}

func TestOldCommandsAreForgotten(t *testing.T) {
	m := machineOf(testSpec(), State{Phase: PhaseRunning})
	for range CommandLogLimit {
		m.applyCommand(Commanded{CommandPause, Command{By: "a"}})
		m.applyCommand(Commanded{CommandResume, Command{By: "last"}})
	}
	require.Len(t, m.CommandLog, CommandLogLimit)
	require.Equal(t, "last", m.CommandLog[CommandLogLimit-1].By)
	require.Empty(t, m.Message)
}

func TestEnding(t *testing.T) {
	spec := testSpec()
	spec.Budget.RunCap = 3
	tests := []struct {
		name      string
		state     State
		baselines []int64
		phase     Phase
		starts    bool
	}{
		{name: "at the beginning", state: State{Phase: PhaseRunning}, starts: true},
		{name: "while paused", state: State{Phase: PhasePaused}},
		{name: "run_cap reached", state: State{Phase: PhaseRunning, Next: 3, Counts: map[sweep.Status]int{"completed": 3}}, phase: PhaseCompleted},
		{name: "run_cap does not count baselines", state: State{Phase: PhaseRunning, Next: 3}, baselines: []int64{1}, starts: true},
		{name: "baselines run even when the budget is spent", state: State{Phase: PhaseRunning, Next: 1, Exhausted: true}, baselines: []int64{1, 2}, starts: true},
		{name: "paused, and nothing would follow", state: State{Phase: PhasePaused, Exhausted: true, Watermark: 1}, phase: PhaseCompleted},
		{name: "stopping", state: State{Phase: PhaseStopping}, phase: PhaseStopped},
		{name: "cancelling", state: State{Phase: PhaseCancelling}, phase: PhaseCancelled},
		{name: "cancelling after a failure", state: State{Phase: PhaseCancelling, FailReason: "f"}, phase: PhaseFailed},
		{name: "every trial failed", state: State{Phase: PhaseRunning, Exhausted: true, Watermark: 2, Counts: map[sweep.Status]int{"failed": 2}}, phase: PhaseFailed},
		{name: "one of them did not", state: State{Phase: PhaseRunning, Exhausted: true, Watermark: 3, Counts: map[sweep.Status]int{"failed": 2, "diverged": 1}}, phase: PhaseCompleted},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := *spec
			if test.baselines != nil {
				s.Baseline = &sweep.Baseline{Seeds: test.baselines}
			}
			m := machineOf(&s, test.state)
			require.Equal(t, test.starts, m.mayStart())
			phase, _, ok := m.ending()
			require.Equal(t, test.phase, phase)
			require.Equal(t, test.phase != "", ok)
		})
	}
}

func TestSearchEndAtItsLimits(t *testing.T) {
	tests := []struct {
		name   string
		budget sweep.Budget
		state  State
		after  time.Duration
		ends   bool
	}{
		{"no budget", sweep.Budget{}, State{Next: 1e6, SlotTime: 1e6 * time.Hour}, 1e6 * time.Hour, false},
		{"hours left", sweep.Budget{GPUHours: 2}, State{SlotTime: 2*time.Hour - 1}, 0, false},
		{"hours spent", sweep.Budget{GPUHours: 2}, State{SlotTime: 2 * time.Hour}, 0, true},
		{"time left", sweep.Budget{WallClock: sweep.Duration(time.Hour)}, State{}, time.Hour - 1, false},
		{"time over", sweep.Budget{WallClock: sweep.Duration(time.Hour)}, State{}, time.Hour, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			spec := testSpec()
			spec.Budget = test.budget
			m := machineOf(spec, test.state)
			m.now = start.Add(test.after)
			require.Equal(t, test.ends, m.searchEnd() != "")
		})
	}
}

func TestStreak(t *testing.T) {
	fails := func(number int, class sweep.FailureClass, message string) sweep.Trial {
		return sweep.Trial{Assignment: sweep.Assignment{Number: number}, Status: sweep.StatusFailed, Error: &sweep.Failure{Class: class, Message: message}}
	}
	ends := func(status sweep.Status) sweep.Trial { return sweep.Trial{Status: status} }
	tests := []struct {
		name   string
		trials []sweep.Trial
		want   int
	}{
		{"none", nil, 0},
		{"equal but for numbers and what follows the first line", []sweep.Trial{
			fails(0, sweep.FailBug, "trial 0 at step 12: no such file\nlog a"), fails(1, sweep.FailBug, "trial 1 at step 3: no such file\nlog b"),
		}, 2},
		{"another message", []sweep.Trial{fails(0, sweep.FailBug, "a"), fails(1, sweep.FailBug, "b")}, 1},
		{"another class", []sweep.Trial{fails(0, sweep.FailBug, "a"), fails(1, sweep.FailLost, "a")}, 1},
		{"a completed one between", []sweep.Trial{fails(0, sweep.FailBug, "a"), ends(sweep.StatusCompleted)}, 0},
		{"a diverged one between", []sweep.Trial{fails(0, sweep.FailBug, "a"), ends(sweep.StatusDiverged)}, 0},
		{"a cancelled one does not count", []sweep.Trial{fails(0, sweep.FailBug, "a"), ends(sweep.StatusCancelled), fails(2, sweep.FailBug, "a")}, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var s Streak
			for _, trial := range test.trials {
				s = s.after(trial)
			}
			require.Equal(t, test.want, s.Count)
			require.Empty(t, s.failReason("x"))
		})
	}
}

func completed(number int, tail float64) sweep.Trial {
	return sweep.Trial{
		Assignment: assignment(number), Status: sweep.StatusCompleted, Evaluation: sweep.Evaluation{Metrics: map[string]float64{"fid.tail": tail, "fid.head": 20}},
		Checkpoint: key(number), TrainTime: 1800, EvalTime: 1800,
	}
}

func key(number int) string { return "trial-" + string(rune('a'+number)) }

func TestLeaders(t *testing.T) {
	gated := func(number int, tail float64) sweep.Trial {
		trial := completed(number, tail)
		trial.Gates = []string{"a gate"}
		return trial
	}
	ended := func(number int, status sweep.Status, limit string) sweep.Trial {
		return sweep.Trial{Assignment: assignment(number), Status: status, Limit: limit, Checkpoint: key(number)}
	}
	tests := []struct {
		name    string
		keep    int
		leaders []sweep.Trial
		gated   []sweep.Trial
		segment []sweep.Trial
		want    []int
		held    []int // Gated
		evicted []string
		stale   bool
	}{
		{name: "the first leads", keep: 2, segment: []sweep.Trial{completed(0, 5)}, want: []int{0}, stale: true},
		{
			name: "the worst is overtaken", keep: 2, leaders: []sweep.Trial{completed(0, 5), completed(1, 6)},
			segment: []sweep.Trial{completed(2, 4)}, want: []int{2, 0}, evicted: []string{key(1)}, stale: true,
		},
		{
			name: "a worse one does not stay", keep: 1, leaders: []sweep.Trial{completed(0, 5)},
			segment: []sweep.Trial{completed(2, 7)}, want: []int{0}, evicted: []string{key(2)},
		},
		{
			name: "what failed a gate takes a free place, best first", keep: 2,
			leaders: []sweep.Trial{completed(0, 5)}, gated: []sweep.Trial{gated(1, 3)},
			segment: []sweep.Trial{gated(2, 2)}, want: []int{0}, held: []int{2}, evicted: []string{key(1)},
		},
		{
			name: "and leaves it to one that passes", keep: 2,
			leaders: []sweep.Trial{completed(0, 5)}, gated: []sweep.Trial{gated(1, 3)},
			segment: []sweep.Trial{completed(2, 6)}, want: []int{0, 2}, evicted: []string{key(1)}, stale: true,
		},
		{
			name: "and has none where all are taken", keep: 1, leaders: []sweep.Trial{completed(0, 5)},
			segment: []sweep.Trial{gated(1, 3)}, want: []int{0}, evicted: []string{key(1)},
		},
		{name: "a stopped one keeps none", keep: 1, segment: []sweep.Trial{ended(1, sweep.StatusStopped, "")}, want: []int{}, evicted: []string{key(1)}},
		{name: "a failed one keeps its checkpoint", keep: 1, segment: []sweep.Trial{ended(1, sweep.StatusFailed, "")}, want: []int{}},
		{name: "and so does one without time", keep: 1, segment: []sweep.Trial{ended(1, sweep.StatusStopped, "max_trial_time")}, want: []int{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			spec := testSpec()
			spec.Checkpoints.SaveSweepBest = test.keep
			m := machineOf(spec, State{Phase: PhaseRunning, Leaders: test.leaders, Gated: test.gated})
			m.appended(test.segment, Appended{})
			require.Equal(t, test.want, numbers(m.Leaders))
			require.ElementsMatch(t, test.held, numbers(m.Gated))
			require.Equal(t, test.evicted, m.Removals)
			require.Equal(t, test.stale, m.PointerOutdated)
		})
	}
}

// The gates of a result are those of the spec in force, whether it was edited or not.
func TestArriveSetsTheGates(t *testing.T) {
	spec := testSpec()
	most := 0.5
	spec.Gates = &sweep.Gates{MaxMemorisedRatio: &most}
	m := New(spec, nil, LogicNow, start)
	a := interpret(m, start, Resumed{})[0]
	trial := completed(a.Number, 5)
	trial.Kind, trial.Metrics["memorised_ratio.all"] = a.Kind, 0.6
	m.Main = &Task{Kind: KindAppend, ID: 1e6} // so that the result waits
	m.Step(start, Results{[]sweep.Trial{trial}})
	require.Len(t, m.Arrived, 1)
	require.Equal(t, spec.Gates.Failures(trial.Metrics), m.Arrived[0].Gates)
	require.NotEmpty(t, m.Arrived[0].Gates)
}

// interpret carries out all actions at once, and returns the trials that started.
func interpret(m *Machine, now time.Time, e Event) (started []sweep.Assignment) {
	for _, a := range m.Step(now, e) {
		var next Event
		switch a := a.(type) {
		case Suggest:
			next = Suggested{ID: a.ID, Assignments: []sweep.Assignment{assignment(a.Number)}}
		case Start:
			started = append(started, a.Assignment)
			next = Started{a.ID}
		case Append:
			next = Appended{ID: a.ID}
		case Curate:
			next = Curated{a.ID}
		case Look:
			next = Looked{ID: a.ID}
		default:
			continue
		}
		started = append(started, interpret(m, now, next)...)
	}
	return started
}

// TestStateStaysSmall runs 3,000 trials, 16 at a time, that end in any order.
func TestStateStaysSmall(t *testing.T) {
	spec := testSpec()
	spec.Checkpoints.SaveSweepBest, spec.MaxConcurrentTrials = 3, 16
	const trials = 3000
	spec.Budget.RunCap = trials
	random := rand.New(rand.NewPCG(1, 2))
	m := New(spec, nil, LogicNow, start)
	running := interpret(m, start, Resumed{})
	most := 0
	for len(running) > 0 {
		require.LessOrEqual(t, len(running), 16)
		i := random.IntN(len(running))
		trial := completed(running[i].Number, random.Float64())
		running = slices.Delete(running, i, i+1)
		for range 2 { // a duplicate changes nothing
			running = append(running, interpret(m, start, Results{[]sweep.Trial{trial}})...)
		}
		data, err := json.Marshal(m.Carry())
		require.NoError(t, err)
		most = max(most, len(data))
	}
	require.Less(t, most, 12<<10, "the state grows with finished trials")
	require.Equal(t, PhaseCompleted, m.Phase)
	require.Equal(t, trials, m.Watermark)
	require.Empty(t, m.Ahead)
	require.Len(t, m.Leaders, 3)
	require.Equal(t, trials*time.Hour, m.SlotTime)
	require.Equal(t, trials, m.Segments)
}

// A result that does not fit into State is found again by looking for its trial.
func TestCarryLeavesResultsBehind(t *testing.T) {
	spec := testSpec()
	spec.MaxConcurrentTrials = 2 * carryLimit
	m := New(spec, nil, LogicNow, start)
	running := interpret(m, start, Resumed{})
	require.Len(t, running, 2*carryLimit)
	m.Main = &Task{Kind: KindAppend, ID: 1e6} // so that the results wait
	for _, a := range running {
		m.Step(start, Results{[]sweep.Trial{completed(a.Number, 1)}})
	}
	require.Len(t, m.Arrived, 2*carryLimit)
	st := m.Carry()
	require.Len(t, st.Arrived, carryLimit)
	require.Len(t, st.Silent, carryLimit)
	require.Len(t, st.Running, 2*carryLimit)
}

// With many slots fewer results fit.
func TestCarryFitsIntoAPayload(t *testing.T) {
	spec := testSpec()
	spec.MaxConcurrentTrials = 1000
	m := New(spec, nil, LogicNow, start)
	all := interpret(m, start, Resumed{})
	require.Len(t, all, 1000)
	m.Main = &Task{Kind: KindAppend, ID: 1e6}
	for _, a := range all[:carryLimit] {
		result := completed(a.Number, 1)
		result.Reason.Note = strings.Repeat("n", 3000)
		m.Step(start, Results{[]sweep.Trial{result}})
	}
	require.Greater(t, SizeOf(m.State), carryBytes)
	st := m.Carry()
	require.LessOrEqual(t, SizeOf(st), carryBytes)
	require.Greater(t, SizeOf(st), carryBytes-4000, "as many as fit")
	require.Len(t, st.Silent, carryLimit-len(st.Arrived))
}

// A worker whose clock is wrong may get all tries of one round; another worker gets one
// of the next.
func TestWhatAnotherWorkerCanDoIsTriedAgainSoon(t *testing.T) {
	m := New(testSpec(), nil, LogicNow, start)
	at, actions := start, m.Step(start, Resumed{})
	for _, want := range []time.Duration{5, 10, 10, 10} {
		m.Step(at, Failed{actions[0].(Suggest).ID, BlockCause{Reason: block.Clock, Message: "the clock is wrong"}})
		next, ok := m.Wake()
		require.True(t, ok)
		require.Equal(t, want*time.Second, next.Sub(at))
		at, actions = next, m.Step(next, Tick{})
	}
}

func TestRetriesGrowToTheirLimit(t *testing.T) {
	m := New(testSpec(), nil, LogicNow, start)
	at, actions := start, m.Step(start, Resumed{})
	var waits []time.Duration
	for range 8 {
		ask := actions[0].(Suggest)
		m.Step(at, Failed{ask.ID, BlockCause{Reason: block.NoBucket, Message: "no bucket"}})
		next, ok := m.Wake()
		require.True(t, ok)
		waits = append(waits, next.Sub(at))
		require.Empty(t, m.Step(next.Add(-1), Tick{}))
		at, actions = next, m.Step(next, Tick{})
	}
	second := time.Second
	require.Equal(t, []time.Duration{5 * second, 10 * second, 20 * second, 40 * second, 80 * second, 160 * second, 300 * second, 300 * second}, waits)
	b := m.Progress("").Blocked[0]
	require.Equal(t, start, b.Since)
	require.Equal(t, 8, b.Failures)
	require.Equal(t, "cannot suggest trials 0 to 1 (no_bucket): no bucket", b.Text())
	m.Step(at, Suggested{ID: actions[0].(Suggest).ID, Assignments: []sweep.Assignment{assignment(0)}})
	require.Empty(t, m.Progress("").Blocked)
}

func TestATrialWithoutItsObjectivesHasNotCompleted(t *testing.T) {
	trial := completed(0, 1)
	require.Equal(t, trial, Checked(testSpec(), trial))
	delete(trial.Metrics, "fid.head")
	checked := Checked(testSpec(), trial)
	require.Equal(t, sweep.StatusFailed, checked.Status)
	require.Equal(t, "the evaluation found no finite value of fid.head, which the spec's metrics ask for", checked.Error.Message)
}

// rungSpec has rungs at steps 100 and 200 of 300, and eta 2.
func rungSpec() *sweep.Spec {
	spec := testSpec()
	spec.Metrics = spec.Metrics[:1]
	spec.EarlyTerminate = &sweep.EarlyTerminate{Type: sweep.StopASHA, MinIter: 100, Eta: 2}
	return spec
}

func running(numbers ...int) (list []Running) {
	for _, n := range numbers {
		list = append(list, Running{Assignment: assignment(n)})
	}
	return list
}

func verdict(step int, d stopping.Decision, reason string) RungVerdict {
	return RungVerdict{Step: step, Verdict: stopping.Verdict{Decision: d, Reason: reason}}
}

// asked is the answer to a report; the zero verdict for none.
func asked(m *Machine, trial, step int, tail float64) RungVerdict {
	for _, a := range m.Step(start, Reported{RungReport{Trial: trial, Step: step, Metrics: map[string]float64{"fid.tail": tail, "fid.all": 1}}}) {
		if answer, ok := a.(SendVerdict); ok {
			return answer.Verdict
		}
	}
	return RungVerdict{}
}

func TestVerdicts(t *testing.T) {
	list := running(0, 1, 2, 3)
	list[3].Kind = sweep.KindBaseline
	m := machineOf(rungSpec(), State{Phase: PhasePaused, Next: 4, LookAt: start.Add(time.Hour), Running: list})
	m.appended([]sweep.Trial{{Assignment: assignment(0), Status: sweep.StatusDiverged}}, Appended{})
	require.Equal(t, "baseline trials are never stopped", asked(m, 3, 100, 1).Reason)
	require.Equal(t, []stopping.RungResult{{Trial: 0, Kind: sweep.KindSearch, Step: 100}}, []stopping.RungResult(m.Rungs))
	first := asked(m, 1, 100, 9)
	require.Equal(t, verdict(100, stopping.Continue, "place 1 of 2 at step 100: the best 1 continue"), first, "what diverged counts as the worst")
	require.Equal(t, map[string]float64{"fid.tail": 9}, m.Rungs[1].Metrics, "no more than the spec's metrics")
	require.Equal(t, verdict(100, stopping.Continue, "the sweep has this trial's result already"), asked(m, 0, 100, 1))
	require.Zero(t, asked(m, 4, 100, 1), "it has not started")
	require.Equal(t, verdict(300, stopping.Continue, "step 300 is not a rung of this trial"), asked(m, 2, 300, 1))

	// A trial that was reset comes to a rung for a second time, when the answer would be another.
	require.NotZero(t, asked(m, 1, 200, 8))
	m.markInfeasible([]int{1})
	require.Equal(t, first, asked(m, 1, 100, 9))
	require.Equal(t, 200, m.running(1).Verdict.Step, "the last one is that of the highest step")
	require.Len(t, m.Rungs, 3)
}

// Once rivals have ended beyond a limit, a trial that is worse than they were at the
// rung continues.
func TestInfeasibleRivalsComeLast(t *testing.T) {
	m := machineOf(rungSpec(), State{Phase: PhasePaused, Next: 5, LookAt: start.Add(time.Hour), Running: running(0, 1, 2, 3, 4)})
	for number, tail := range []float64{40, 41, 42, 60} {
		asked(m, number, 100, tail)
	}
	m.markInfeasible([]int{0, 1, 2})
	require.Equal(t, stopping.Continue, asked(m, 4, 100, 59).Decision)
	m.markInfeasible(nil)
	require.False(t, m.Rungs[0].Infeasible, "a later baseline may make it feasible again")
}

// TestStateWithRungsStaysSmall has 520 trials of two objectives pass two rungs.
func TestStateWithRungsStaysSmall(t *testing.T) {
	spec := rungSpec()
	spec.Metrics = testSpec().Metrics
	spec.EarlyTerminate = &sweep.EarlyTerminate{Type: sweep.StopASHA, MinIter: 75, Eta: 2}
	random := rand.New(rand.NewPCG(1, 2))
	m := machineOf(spec, State{Phase: PhasePaused})
	for number := range 520 {
		m.Running, m.Next, m.LookAt = running(number), number+1, start.Add(time.Hour)
		for _, step := range spec.Rungs() {
			m.report(RungReport{Trial: number, Step: step, Metrics: map[string]float64{
				"fid.tail": random.Float64(), "fid.head": random.Float64(), "fid.all": 1,
			}})
		}
		m.appended([]sweep.Trial{{Assignment: assignment(number), Status: sweep.StatusStopped}}, Appended{})
	}
	require.Len(t, m.Rungs, 2*rungLimit)
	require.Equal(t, 519, m.Rungs[len(m.Rungs)-1].Trial)
	data, err := json.Marshal(m.State)
	require.NoError(t, err)
	require.Less(t, len(data), 2*rungLimit*130, "bytes")
}

// A cancelled sweep that cannot remove checkpoints names their keys.
func TestCheckpointsThatRemainAreNamed(t *testing.T) {
	m := machineOf(testSpec(), State{Phase: PhaseRunning, LookedAhead: true, Removals: []string{"sweeps/s/trials/000003/checkpoints/a"}})
	var curate Curate
	for _, a := range m.Step(start, Commanded{CommandCancel, Command{By: "ann"}}) {
		if c, ok := a.(Curate); ok {
			curate = c
		}
	}
	m.Step(start, Failed{curate.ID, BlockCause{Reason: block.Other, Message: "denied", Permanent: true}})
	require.Equal(t, PhaseCancelled, m.Phase)
	require.Equal(t, "cancel by ann; given up: point at the best trials and remove checkpoints of others: denied "+
		"(1 checkpoints remain in the object store; remove them by hand: sweeps/s/trials/000003/checkpoints/a)", m.Message)
}

// Removals alone wait for others, for a while; a new best trial and the end do not wait.
func TestRemovalsWaitForOthers(t *testing.T) {
	spec := testSpec()
	spec.Checkpoints.SaveSweepBest, spec.MaxConcurrentTrials, spec.Budget.RunCap = 1, 100, 200
	m := machineOf(spec, State{Phase: PhaseRunning, Next: 100, Watermark: 10, LookAt: start.Add(time.Hour)})
	m.WaitAt = &m.Segments // suggest nothing
	for n := 10; n < 100; n++ {
		m.Running = append(m.Running, running(n)...)
	}
	next := 10
	end := func(at time.Time, tail float64) (removed int, curates bool) {
		m.Exhausted = next == 99
		for _, a := range m.Step(at, Results{[]sweep.Trial{completed(next, tail)}}) {
			if a, ok := a.(Append); ok {
				for _, b := range m.Step(at, Appended{ID: a.ID}) {
					if b, ok := b.(Curate); ok {
						m.Step(at, Curated{b.ID})
						removed, curates = removed+len(b.Remove), true
					}
				}
			}
		}
		next++
		return removed, curates
	}
	removed, curates := end(start, 50)
	require.True(t, curates, "the first leads")
	require.Zero(t, removed)
	_, curates = end(start.Add(time.Second), 60)
	require.False(t, curates, "one removal waits")
	wake, ok := m.Wake()
	require.True(t, ok)
	require.Equal(t, start.Add(curateEvery), wake)
	removed, _ = end(start.Add(2*time.Second), 40)
	require.Equal(t, 2, removed, "the pointer moves at once, and what waits goes with it")
	later := start.Add(time.Minute)
	removed, _ = end(later, 60)
	require.Equal(t, 1, removed, "nothing was removed lately")
	for range removalsLimit - 1 {
		_, curates = end(later, 60)
		require.False(t, curates)
	}
	removed, _ = end(later, 60)
	require.Equal(t, removalsLimit, removed)
	for next < 99 {
		_, curates = end(later, 60)
		require.False(t, curates)
	}
	waiting := len(m.Removals)
	require.Positive(t, waiting)
	removed, _ = end(later, 60)
	require.Equal(t, waiting+1, removed, "the end does not wait")
}
