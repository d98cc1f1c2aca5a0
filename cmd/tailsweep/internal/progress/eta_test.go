package progress

import (
	"bufio"
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// recorded is a view of a sweep as testdata/eta.jsonl has it.
type recorded struct {
	At       float64      // seconds since the start of the sweep
	Planned  int          // trials
	Finished [][2]float64 // seconds of training and of evaluation
	Running  []struct {
		N, Step, Steps int
		Stage          string
		Trained        bool
		Speed          float64
	}
}

func (r recorded) view() View {
	began := time.Unix(1_000_000, 0)
	v := View{Now: began.Add(conduct.Seconds(r.At)), Live: map[int]LiveTrial{}, Spec: &sweep.Spec{Train: sweep.Train{Steps: 300}}}
	v.Progress = conduct.Progress{Phase: conduct.PhaseRunning, StartedAt: began, Planned: r.Planned, Finished: len(r.Finished)}
	for _, f := range r.Finished {
		v.Finished = append(v.Finished, sweep.Trial{Status: sweep.StatusCompleted, TrainTime: f[0], EvalTime: f[1]})
	}
	for _, t := range r.Running {
		v.Progress.Running = append(v.Progress.Running, conduct.Running{Assignment: sweep.Assignment{Number: t.N}})
		v.Live[t.N] = LiveTrial{Stage: t.Stage, Trained: t.Trained, Step: t.Step, Steps: t.Steps, StepsPerSecond: t.Speed}
	}
	return v
}

// testdata/eta.jsonl is what watch saw, every 5 s, of a sweep of 6 trials on one slot of a machine
// with other work, where the reported speed varied from 0.9 to 7.5 steps per second. The end that
// it estimates neither jumps nor is far off.
func TestETAOfARecordedSweep(t *testing.T) {
	f, err := os.Open("testdata/eta.jsonl")
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	var s speeds
	var at, ends []float64
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var r recorded
		require.NoError(t, json.Unmarshal(lines.Bytes(), &r))
		at = append(at, r.At)
		v := r.view()
		v.Speed = s.add(v.Live)
		if left, ok := v.ETA(); ok {
			ends = append(ends, r.At+left.Seconds())
		} else {
			ends = append(ends, math.NaN())
		}
	}
	require.NoError(t, lines.Err())
	total := at[len(at)-1]
	var jumps, errors []float64
	for i := range ends {
		if at[i] < 0.1*total || math.IsNaN(ends[i]) {
			continue
		}
		errors = append(errors, math.Abs(ends[i]-total)/total)
		if i > 0 && !math.IsNaN(ends[i-1]) {
			jumps = append(jumps, math.Abs(ends[i]-ends[i-1])/total)
		}
	}
	slices.Sort(errors)
	slices.Sort(jumps)
	t.Logf("%d views of %.0f s: error median %.2f, most %.2f; jump most %.2f", len(errors), total, errors[len(errors)/2], errors[len(errors)-1], jumps[len(jumps)-1])
	require.Less(t, errors[len(errors)/2], 0.1)
	require.Less(t, errors[len(errors)-1], 0.3)
	require.Less(t, jumps[len(jumps)-1], 0.1)
}

// A speed that was reported once does not count twice, and old ones are forgotten.
func TestSpeeds(t *testing.T) {
	var s speeds
	require.Zero(t, s.add(nil))
	at := func(step int, speed float64) map[int]LiveTrial {
		return map[int]LiveTrial{3: {Stage: StageTraining, Step: step, StepsPerSecond: speed}, 4: {Stage: stageQueued, StepsPerSecond: 100}}
	}
	require.InDelta(t, 10, s.add(at(20, 10)), 0)
	for range 5 {
		require.InDelta(t, 10, s.add(at(20, 10)), 0)
	}
	s.add(at(40, 1))
	require.InDelta(t, 8, s.add(at(60, 8)), 0)
	for i := range maxSpeeds {
		s.add(at(80+20*i, 5))
	}
	require.Len(t, s.list, maxSpeeds)
	require.InDelta(t, 5, s.add(nil), 0)
}
