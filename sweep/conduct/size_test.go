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

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/stopping"
)

// heavy is a completed trial of about that many bytes.
func heavy(number, bytes int) sweep.Trial {
	t := sweep.Trial{Assignment: assignment(number), Status: sweep.StatusCompleted, StartedAt: start}
	t.Metrics = map[string]float64{"fid.tail": 1, "fid.head": 1}
	t.Reason.Note = strings.Repeat("x", bytes)
	return t
}

func TestBoundedTrial(t *testing.T) {
	small := heavy(1, 30_000)
	require.Equal(t, small, Bounded(small))

	for _, trial := range []sweep.Trial{
		heavy(1, 3*TrialLimit),
		{Assignment: assignment(1), Status: sweep.StatusFailed, Error: &sweep.Failure{Class: sweep.FailLost, Message: strings.Repeat("é", 3*TrialLimit)}},
	} {
		got := Bounded(trial)
		require.LessOrEqual(t, SizeOf(got), TrialLimit)
		require.Equal(t, trial.Status, got.Status, "its texts are shortened")
		require.Equal(t, trial.Metrics, got.Metrics)
	}

	rungs := heavy(1, 0)
	for step := range 40 {
		r := sweep.Rung{Step: step, Metrics: map[string]float64{}}
		for i := range 200 {
			r.Metrics[fmt.Sprintf("metric.%d", i)] = 1.25
		}
		rungs.Rungs = append(rungs.Rungs, r)
	}
	require.Greater(t, SizeOf(rungs), TrialLimit)
	got := Bounded(rungs)
	require.Equal(t, sweep.FailBadData, got.Error.Class)
	require.Contains(t, got.Error.Message, "a result can have 65536: evaluate fewer metrics or rungs")
	require.NotEmpty(t, got.Params)
}

// Results that arrive together make several segments, none of which is too large for a payload.
func TestSegmentsFitIntoPayloads(t *testing.T) {
	const trials = 20
	spec := testSpec()
	spec.MaxConcurrentTrials = trials
	m := machineOf(spec, State{Phase: PhaseRunning, Next: trials})
	var results []sweep.Trial
	for i := range trials {
		m.Running = append(m.Running, Running{Assignment: assignment(i), StartedAt: start})
		results = append(results, heavy(i, 50_000))
	}
	appended := 0
	queue := m.Step(start, Results{results})
	for appended < trials {
		require.NotEmpty(t, queue)
		action := queue[0]
		queue = queue[1:]
		switch a := action.(type) {
		case Append:
			require.LessOrEqual(t, SizeOf(a.Trials), PayloadLimit+len(a.Trials)+2)
			require.Greater(t, len(a.Trials), 1, "several fit")
			appended += len(a.Trials)
			require.Less(t, SizeOf(m.Carry().Arrived), 256<<10)
			queue = append(queue, m.Step(start, Appended{ID: a.ID})...)
		case Look: // finds what Carry has dropped
			found := Looked{ID: a.ID}
			for _, s := range a.Silent {
				found.Ended = append(found.Ended, heavy(s.Assignment.Number, 50_000))
			}
			queue = append(queue, m.Step(start, found)...)
		}
	}
}

// Leaders with the largest results are small enough to be carried and stored.
func TestLeadersFitIntoPayloads(t *testing.T) {
	const trials = 200
	spec := testSpec()
	spec.Metrics[0].Name = sweep.FIDClass + "3"
	spec.Checkpoints.SaveSweepBest = trials
	m := machineOf(spec, State{Phase: PhaseRunning})
	var segment []sweep.Trial
	for i := range trials {
		h := heavy(i, 1000)
		h.Rungs = []sweep.Rung{{Step: 1, Reason: strings.Repeat("x", 20_000)}}
		h.Builds, h.Floor, h.StandardError = []string{"build"}, map[string]float64{"fid.tail": 1}, map[string]float64{"kid.tail": 1}
		for class := range 1000 {
			h.Metrics[fmt.Sprint(sweep.FIDClass, class)] = 1.25
		}
		segment = append(segment, h)
	}
	m.appended(segment, Appended{})
	require.Len(t, m.Leaders, trials)
	require.Equal(t, map[string]float64{"fid.tail": 1, "fid.head": 1, sweep.FIDClass + "3": 1.25}, m.Leaders[0].Metrics)
	require.Less(t, SizeOf(m.Carry()), 512<<10)
	require.Len(t, segment[0].Metrics, 1002, "the result itself is not changed")
	require.NotEmpty(t, segment[0].Rungs)

	for _, n := range []int{3, 14} {
		some := machineOf(spec, State{Phase: PhaseRunning})
		some.appended(segment[:n], Appended{})
		some.addEntry(CommandEntry{Command: CommandPause, By: "ann"})
		some.planSave()
		save := some.out[len(some.out)-1].(Save)
		require.NotNil(t, save.State, "%d leaders: it fits", n)
		require.Less(t, SizeOf(save), saveLimit)
	}

	few := machineOf(spec, State{Phase: PhaseRunning})
	few.appended(segment[:2], Appended{})
	require.Len(t, few.Leaders[0].Metrics, 1002)
	require.Empty(t, few.Leaders[0].Rungs)
}

func TestCommandsAreStoredInPayloads(t *testing.T) {
	m := machineOf(testSpec(), State{Phase: PhaseRunning})
	edit := func() Commanded {
		spec := *m.Spec()
		spec.Description = strings.Repeat("x", 10_000) + fmt.Sprint(len(m.Unsaved))
		return Commanded{Name: CommandEdit, Command: Command{By: "ann", Spec: &spec}}
	}
	for m.Check(edit()) == nil {
		m.applyCommand(edit())
	}
	require.ErrorContains(t, m.Check(edit()), "commands wait to be stored; is the object store reachable?")
	require.LessOrEqual(t, SizeOf(m.Unsaved), unsavedBytes)
	commands, stored := len(m.Unsaved), 0
	require.Greater(t, commands, 10)
	for stored < commands {
		actions := m.Step(start, Tick{})
		require.NotEmpty(t, actions)
		save := actions[len(actions)-1].(Save)
		require.Less(t, SizeOf(save.Entries), PayloadLimit+1000)
		stored += len(save.Entries)
		require.Equal(t, stored == commands, save.State != nil, "a state is stored only with all entries up to it")
		m.apply(save.ID)
	}
	require.Equal(t, commands, stored)
}

// Where the state does not fit next to the entries it is stored after them, and the sweep does
// not end before.
func TestAStateThatDoesNotFitIsStoredAlone(t *testing.T) {
	m := machineOf(testSpec(), State{Phase: PhasePaused, LookedAhead: true})
	for i := range 3 {
		h := heavy(i, 0)
		for class := range 2500 {
			h.Metrics[fmt.Sprint(sweep.FIDClass, class)] = 1.25
		}
		m.Leaders = append(m.Leaders, h)
	}
	for range 3 {
		spec := *m.Spec()
		spec.Description = strings.Repeat("x", 45_000) + fmt.Sprint(m.Entries)
		m.applyCommand(Commanded{Name: CommandEdit, Command: Command{By: "ann", Spec: &spec}})
	}
	require.Len(t, m.Unsaved, 3)
	var saves []Save
	for e := Event(Commanded{Name: CommandStop, Command: Command{By: "ann"}}); !m.Closed; {
		actions := m.Step(start, e)
		require.Len(t, actions, 1)
		if save, ok := actions[0].(Save); ok {
			require.LessOrEqual(t, SizeOf(save.Entries)+len(save.State), saveLimit)
			saves, e = append(saves, save), Saved{ID: save.ID}
		}
	}
	last := saves[len(saves)-1]
	require.Empty(t, last.Entries)
	var stored State
	require.NoError(t, json.Unmarshal(last.State, &stored))
	require.Equal(t, PhaseStopped, stored.Phase)
	require.False(t, stored.StateBehind)
	require.Equal(t, 5, stored.Entries, "three edits, stop and the end")
	for _, s := range saves[:len(saves)-1] {
		require.Nil(t, s.State)
	}
}

// A Save of the state alone that is lost is planned again with what has come since: for the old
// entries alone, a state may be left out, and the Save would have nothing.
func TestASaveIsPlannedAgainAfterAResume(t *testing.T) {
	m := machineOf(testSpec(), State{Phase: PhasePaused, LookedAhead: true, StateBehind: true})
	actions := m.Step(start, Tick{})
	require.Len(t, actions, 1)
	require.Empty(t, actions[0].(Save).Entries)

	m.addEntry(CommandEntry{Command: CommandResume, By: "ann"})
	actions = m.Step(start, Resumed{})
	require.Len(t, actions, 1)
	save := actions[0].(Save)
	require.Len(t, save.Entries, len(m.Unsaved))
	require.NotNil(t, save.State)
}

func TestALargeCommandIsRefused(t *testing.T) {
	m := machineOf(testSpec(), State{Phase: PhaseRunning})
	spec := *m.Spec()
	spec.Description = strings.Repeat("x", PayloadLimit+512)
	require.ErrorContains(t, m.Check(Commanded{Name: CommandEdit, Command: Command{By: "ann", Spec: &spec}}), "the command has 161 KiB (valid: up to 160 KiB)")
}

// Checkpoints are removed in batches, at once where many wait.
func TestRemovalsAreBounded(t *testing.T) {
	m := machineOf(testSpec(), State{Phase: PhasePaused})
	for i := range 2*removalsBatch + 1 {
		m.Removals = append(m.Removals, fmt.Sprintf("sweeps/s/trials/%06d/checkpoints/a", i))
	}
	var sizes []int
	for e := Event(Tick{}); e != nil; {
		actions := m.Step(start.Add(time.Hour), e)
		e = nil
		for _, a := range actions {
			if a, ok := a.(Curate); ok {
				sizes = append(sizes, len(a.Remove))
				e = Curated{a.ID}
			}
		}
	}
	require.Equal(t, []int{removalsBatch, removalsBatch}, sizes)
	require.Len(t, m.Removals, 1, "one waits for others")
}

// However many trials users ask for, the State stays small: each command stores it.
func TestRequestsAreBounded(t *testing.T) {
	spec := testSpec()
	spec.Parameters = nil
	point := sweep.Params{}
	for _, p := range sweep.ParameterList() {
		if value := sweep.Number(1.0 / 3); p.Accepts(value) {
			spec.Parameters = append(spec.Parameters, sweep.Parameter{Name: p.Name, Distribution: sweep.DistUniform, Max: 1})
			point[p.Name] = value
		}
	}
	m := machineOf(spec, State{Phase: PhasePaused})
	enqueue := Commanded{CommandEnqueue, Command{By: "ann", Points: slices.Repeat([]sweep.Params{point}, 10)}}
	for m.Check(enqueue) == nil {
		m.Step(start, enqueue)
		m.Step(start, Saved{ID: m.LastID})
	}
	waiting := len(m.Queue)
	require.Greater(t, waiting, 50)
	require.LessOrEqual(t, SizeOf(m.Queue), queueBytes)
	require.ErrorContains(t, m.Check(enqueue), fmt.Sprintf("10 trials: with the %d that wait to be started already they take 1", waiting))
	require.ErrorContains(t, m.Check(enqueue), "at most 128 KiB can wait: ask for fewer, or wait until some have started")
	require.Less(t, SizeOf(m.Carry()), carryBytes)

	m.Watermark = 10
	retry := Commanded{CommandRetry, Command{By: "ann"}}
	for i := range 10 {
		retry.Retry = append(retry.Retry, sweep.Assignment{Number: i, Kind: sweep.KindSearch, Params: point, Seed: int64(i)})
	}
	require.ErrorContains(t, m.Check(retry), "at most 128 KiB can wait")
	edited := *spec
	edited.Points = slices.Repeat([]sweep.Params{point}, 10)
	require.ErrorContains(t, m.Check(Commanded{CommandEdit, Command{By: "ann", Spec: &edited}}), "at most 128 KiB can wait")
}

// apply completes a Save without its actions.
func (m *Machine) apply(id int) { Saved{ID: id}.apply(m) }

func TestLooksAreBounded(t *testing.T) {
	spec := testSpec()
	spec.MaxConcurrentTrials = 250
	m := machineOf(spec, State{Phase: PhaseRunning, Next: 250, LookAt: start.Add(1)})
	for i := range 250 {
		m.Running = append(m.Running, Running{Assignment: assignment(i), StartedAt: start})
	}
	look := func(e Event) (l Look) {
		for _, a := range m.Step(start.Add(1), e) {
			if a, ok := a.(Look); ok {
				l = a
			}
		}
		return l
	}
	first := look(Tick{})
	require.Len(t, first.Silent, 100)
	second := look(Looked{ID: first.ID, Left: []int{99}})
	require.Len(t, second.Silent, 100)
	require.Equal(t, 99, second.Silent[0].Assignment.Number, "it was left")
	third := look(Looked{ID: second.ID})
	require.Len(t, third.Silent, 51)
	require.Empty(t, look(Looked{ID: third.ID}).Silent)
}

// busy is a sweep of early termination whose trials all run, with random values of the given
// number of parameters.
func busy(trials, parameters int) *Machine {
	rng := rand.New(rand.NewPCG(1, 2))
	spec := testSpec()
	spec.EarlyTerminate = &sweep.EarlyTerminate{Type: sweep.StopASHA, MinIter: 10, Eta: 3}
	spec.MaxConcurrentTrials = trials
	names := sweep.ParameterList()[:parameters]
	for _, p := range names {
		spec.Parameters = append(spec.Parameters, sweep.Parameter{Name: p.Name, Distribution: sweep.DistUniform, Max: 1})
	}
	m := machineOf(spec, State{Phase: PhaseRunning, Next: 100_000 + trials, LookAt: start.Add(time.Hour)})
	for i := range trials {
		a := sweep.Assignment{Number: 100_000 + i, Kind: sweep.KindSearch, Seed: 1, Params: sweep.Params{}, Reason: sweep.Reason{Sampler: "bayes"}}
		for _, p := range names {
			switch {
			case p.Choices != nil:
				a.Params[p.Name] = sweep.Word(p.Choices[rng.IntN(len(p.Choices))])
			case p.Integer:
				a.Params[p.Name] = sweep.Number(float64(2 + rng.IntN(500)))
			default:
				a.Params[p.Name] = sweep.Number(rng.Float64() / 100)
			}
		}
		verdict := func(step int) RungVerdict {
			return RungVerdict{Step: step, Verdict: stopping.Verdict{Decision: stopping.Continue,
				Reason: fmt.Sprintf("place %d of %d at step %d: the best %d continue", 1+rng.IntN(100), 300+rng.IntN(200), step, 100+rng.IntN(60))}}
		}
		r := Running{Assignment: a, StartedAt: start.Add(time.Duration(rng.Int64N(1e15))), Rungs: []int{10, 30, 90, 270}, Unconfirmed: []int{30}}
		last := verdict(30)
		r.Earlier, r.Verdict = []RungVerdict{verdict(10)}, &last
		if i >= trials-2*suggestLimit { // it has just been suggested
			r.Starting = &Task{ID: i, Kind: KindStart, Number: a.Number, Assignment: a}
			r.Starting.Assignment.Reason = sweep.Reason{Sampler: "bayes", Note: "by the model of 200 results", Acquisition: rng.Float64(),
				Posterior: map[string]sweep.Estimate{"fid.tail": {Mean: rng.Float64(), StdDev: rng.Float64()}}, Hyper: map[string]float64{"noise": rng.Float64()}}
		}
		m.Running = append(m.Running, r)
	}
	for _, step := range []int{10, 30} {
		for i := range 500 {
			m.Rungs = append(m.Rungs, stopping.RungResult{Trial: 100_000 + i, Kind: sweep.KindSearch, Step: step, Metrics: map[string]float64{"fid.tail": 100 * rng.Float64(), "fid.head": 100 * rng.Float64()}})
		}
	}
	return m
}

// A sweep of 1,000 running trials with 12 parameters fits into a payload, with room for
// leaders and commands.
func TestManyRunningTrialsFitIntoPayloads(t *testing.T) {
	const limit = 224 << 10
	for _, parameters := range []int{16, len(sweep.ParameterList())} {
		most := busy(1, parameters).Spec().MostConcurrent()
		m := busy(most, parameters)
		require.Less(t, SizeOf(m.Carry()), limit, "%d trials with %d parameters", most, parameters)
		require.NoError(t, m.checkSet(Command{Set: &Changes{Concurrency: &most}}))
		most++
		require.EqualError(t, m.checkSet(Command{Set: &Changes{Concurrency: &most}}), fmt.Sprintf("max_concurrent_trials: %d (valid: 1 to %d with %d parameters)", most, most-1, parameters))
		edited := *m.Spec()
		edited.MaxConcurrentTrials = most
		require.ErrorContains(t, m.checkEdit(Command{Spec: &edited}), fmt.Sprintf("max_concurrent_trials: %d (valid: 1 to %d with %d parameters)", most, most-1, parameters))
	}
	m, stored := busy(sweep.MostConcurrent, 12), 0
	require.Equal(t, sweep.MostConcurrent, m.Spec().MostConcurrent())
	require.Less(t, SizeOf(m.Carry()), limit)
	m.applyCommand(Commanded{CommandPause, Command{By: "ann"}})
	for len(m.Unsaved) > 0 || m.StateBehind {
		actions := m.Step(start, Tick{})
		save := actions[len(actions)-1].(Save)
		require.Less(t, SizeOf(save), limit)
		if save.State != nil {
			var back State
			require.NoError(t, json.Unmarshal(save.State, &back))
			require.Equal(t, m.Running, back.Running)
			require.Equal(t, m.Rungs, back.Rungs)
			stored++
		}
		m.apply(save.ID)
	}
	require.Equal(t, 1, stored)

	for _, a := range m.pending() {
		a.Reason = sweep.Reason{Sampler: sweep.SourceUser, Note: "asked for by ann"}
		m.request(a)
	}
	m.Queue = m.Queue[:370]
	answer := m.Answer("digest")
	require.Less(t, SizeOf(answer), limit)
	require.Len(t, answer.Running, sweep.MostConcurrent)
	require.Empty(t, answer.Running[0].Params)
	require.Equal(t, m.Running[999], answer.Running[999])
	require.NotEmpty(t, m.Running[0].Params)
}
