package workflows

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
)

// TestStateStaysSmall runs 3,000 trials, 16 at a time, that end in any order.
func TestStateStaysSmall(t *testing.T) {
	spec := gridSpec(1)
	spec.Checkpoints.SaveSweepBest = 3
	random := rand.New(rand.NewPCG(1, 2))
	st := newState(time.Now())
	evicted := map[string]bool{}
	const trials = 3000
	for st.finished() < trials {
		for len(st.Running) < 16 && st.Next < trials {
			st.start(sweep.Assignment{
				Number: st.Next, Kind: sweep.KindSearch, Params: sweep.Params{"infonce.weight": sweep.Number(random.Float64())},
				Reason: sweep.Reason{Sampler: "bayes", Note: "long", Hyper: map[string]float64{"x": 1}},
			}, time.Now())
		}
		running := st.Running[random.IntN(len(st.Running))]
		trial := completed(running.Number, sweep.StatusCompleted)
		trial.Metrics = map[string]float64{"fid.tail": random.Float64()}
		require.Len(t, st.fresh([]sweep.Trial{trial, trial}), 1)
		keys, _ := finish(st, &spec, []sweep.Trial{trial})
		require.Empty(t, st.fresh([]sweep.Trial{trial}), "a duplicate is taken")
		for _, key := range keys {
			require.False(t, evicted[key], "evicted twice")
			evicted[key] = true
		}
		data, err := json.Marshal(st)
		require.NoError(t, err)
		require.Less(t, len(data), 12<<10, "the state grows with finished trials")
	}
	require.Equal(t, trials, st.Watermark)
	require.Empty(t, st.Ahead)
	require.Len(t, st.Leaders, 3)
	require.Len(t, evicted, trials-3)
	require.Equal(t, trials*time.Hour, st.SlotTime)
	require.Equal(t, trials, st.Segments)
}

// finish is State.finish for a spec without constraints and repeats.
func finish(st *State, spec *sweep.Spec, segment []sweep.Trial) (evicted []string, curate bool) {
	return st.finish(spec, segment, analysis.ByMetrics(spec, st.contenders(segment)))
}

func TestStateLeaders(t *testing.T) {
	trial := func(number int, tail float64) sweep.Trial {
		t := completed(number, sweep.StatusCompleted)
		t.Metrics = map[string]float64{"fid.tail": tail}
		return t
	}
	gated := func(number int, tail float64) sweep.Trial {
		t := trial(number, tail)
		t.Gates = []string{"a gate"}
		return t
	}
	key := func(number int) string { return completed(number, sweep.StatusCompleted).Checkpoint }
	tests := []struct {
		name    string
		keep    int
		leaders []sweep.Trial
		gated   []sweep.Trial
		segment []sweep.Trial
		want    []int
		held    []int // Gated
		evicted []string
		curate  bool
	}{
		{name: "the first leads", keep: 2, segment: []sweep.Trial{trial(0, 5)}, want: []int{0}, curate: true},
		{
			name: "the worst is overtaken", keep: 2, leaders: []sweep.Trial{trial(0, 5), trial(1, 6)},
			segment: []sweep.Trial{trial(2, 4)}, want: []int{2, 0}, evicted: []string{key(1)}, curate: true,
		},
		{
			name: "a worse one does not stay", keep: 1, leaders: []sweep.Trial{trial(0, 5)},
			segment: []sweep.Trial{trial(2, 7)}, want: []int{0}, evicted: []string{key(2)}, curate: true,
		},
		{
			name: "what failed a gate takes a free place, best first", keep: 2,
			leaders: []sweep.Trial{trial(0, 5)}, gated: []sweep.Trial{gated(1, 3)},
			segment: []sweep.Trial{gated(2, 2)}, want: []int{0}, held: []int{2}, evicted: []string{key(1)}, curate: true,
		},
		{
			name: "and leaves it to one that passes", keep: 2,
			leaders: []sweep.Trial{trial(0, 5)}, gated: []sweep.Trial{gated(1, 3)},
			segment: []sweep.Trial{trial(2, 6)}, want: []int{0, 2}, evicted: []string{key(1)}, curate: true,
		},
		{
			name: "and has none where all are taken", keep: 1, leaders: []sweep.Trial{trial(0, 5)},
			segment: []sweep.Trial{gated(1, 3)}, want: []int{0}, evicted: []string{key(1)}, curate: true,
		},
		{
			name: "Curate is due for it, as ever", keep: 1,
			segment: []sweep.Trial{gated(1, 3)}, want: []int{}, held: []int{1}, curate: true,
		},
		{
			name: "and not for what was kept before", keep: 1, gated: []sweep.Trial{gated(0, 3)},
			segment: []sweep.Trial{{Assignment: sweep.Assignment{Number: 1}, Status: sweep.StatusFailed}}, want: []int{}, held: []int{0},
		},
		{
			name: "a failed one keeps its checkpoint", keep: 1, leaders: []sweep.Trial{trial(0, 5)},
			segment: []sweep.Trial{{Assignment: sweep.Assignment{Number: 1}, Status: sweep.StatusFailed, Checkpoint: "k"}}, want: []int{0},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			spec := gridSpec(1)
			spec.Checkpoints.SaveSweepBest = test.keep
			st := newState(time.Now())
			st.Leaders, st.Gated = test.leaders, test.gated
			evicted, curate := finish(st, &spec, test.segment)
			require.Equal(t, test.want, numbers(st.Leaders))
			require.ElementsMatch(t, test.held, numbers(st.Gated))
			require.Equal(t, test.evicted, evicted)
			require.Equal(t, test.curate, curate)
		})
	}
}

func TestStateForgetsOldCommands(t *testing.T) {
	st := newState(time.Now())
	for range auditLimit {
		require.NoError(t, st.obey(UpdatePause, Command{By: "a"}, time.Now()))
		require.NoError(t, st.obey(UpdateResume, Command{By: "last"}, time.Now()))
	}
	require.Len(t, st.Audit, auditLimit)
	require.Equal(t, "last", st.Audit[auditLimit-1].By)
	require.Empty(t, st.Message)
}
