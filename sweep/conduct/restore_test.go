package conduct

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/stopping"
)

// A sweep that is restored from its ledger compares further trials with those of the ledger
// at the rungs, as it would have without its end. Found by make chaos.
func TestARestoredSweepKnowsTheRungsOfItsLedger(t *testing.T) {
	spec := &sweep.Spec{
		Name: "s", Method: sweep.MethodRandom, Train: sweep.Train{Steps: 400}, MaxConcurrentTrials: 1,
		Metrics:        []sweep.Objective{{Name: "fid.tail", Goal: sweep.Minimize}},
		EarlyTerminate: &sweep.EarlyTerminate{Type: sweep.StopASHA, MinIter: 100, Eta: 2},
		Budget:         sweep.Budget{RunCap: 9},
	}
	var ledger []sweep.Trial
	for n := range 2 {
		ledger = append(ledger, sweep.Trial{
			Assignment: sweep.Assignment{Number: n, Kind: sweep.KindSearch}, Status: sweep.StatusStopped, FinishedAt: time.Unix(int64(n+2), 0),
			Rungs: []sweep.Rung{{Step: 100, Metrics: map[string]float64{"fid.tail": 5, "loss": 1}}},
		})
	}
	snapshot := New(spec, nil, LogicNow, time.Unix(1, 0)).State
	snapshot.Rungs = []stopping.RungResult{{Trial: 0, Kind: sweep.KindSearch, Step: 100, Metrics: map[string]float64{"fid.tail": 5}}}

	st := Restore(spec, time.Unix(1, 0), snapshot, ledger, 2, func(string) bool { return true })
	require.Equal(t, []stopping.RungResult{
		{Trial: 0, Kind: sweep.KindSearch, Step: 100, Metrics: map[string]float64{"fid.tail": 5}},
		{Trial: 1, Kind: sweep.KindSearch, Step: 100, Metrics: map[string]float64{"fid.tail": 5}},
	}, []stopping.RungResult(st.Rungs))
}
