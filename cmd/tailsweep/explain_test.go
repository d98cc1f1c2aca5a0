package main

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/sampler"
	"github.com/tailsweep/tailsweep/sweep/space"
	"github.com/tailsweep/tailsweep/sweep/specfile"
)

// explained is a store with a finished search of 11 trials, three of them at a
// time, after two baseline trials. change alters a trial before it is stored.
func explained(t *testing.T, method sweep.Method, change func(*sweep.Trial)) store.Store {
	t.Helper()
	text, err := specfile.Init("thought", method)
	require.NoError(t, err)
	spec, err := specfile.Parse("thought", []byte(text))
	require.NoError(t, err)
	objects := store.NewMemory()
	arc := archive.New(objects)
	_, err = arc.Reserve(t.Context(), spec, []byte(text))
	require.NoError(t, err)

	var ledger []sweep.Trial
	var pending []sweep.Assignment
	finish := func(at int) {
		a := pending[at]
		pending = append(pending[:at:at], pending[at+1:]...)
		value := 50.0
		for name, v := range a.Params {
			value += math.Abs(v.Float()-0.2) * float64(len(name))
		}
		trial := sweep.Trial{Assignment: a, Status: sweep.StatusCompleted, Attempts: 1, Steps: spec.Train.Steps,
			Metrics: map[string]float64{"fid.tail": value, "fid.head": 60 - value/3}}
		if change != nil {
			change(&trial)
		}
		require.NoError(t, arc.AppendSegment(t.Context(), "thought", len(ledger), []sweep.Trial{trial}))
		ledger = append(ledger, trial)
	}
	baselines := space.Baselines(spec)
	pending = append(pending, baselines...)
	for number := len(baselines); number < len(baselines)+11; number++ {
		for len(pending) >= 3 {
			finish(len(pending) / 2)
		}
		a, err := sampler.Next(sampler.Request{Spec: spec, Ledger: ledger, Pending: pending, Number: number, Index: number - len(baselines)})
		require.NoError(t, err)
		seen := len(ledger)
		a.Reason.Seen = &seen
		pending = append(pending, a)
	}
	for len(pending) > 0 {
		finish(0)
	}
	return objects
}

func TestExplain(t *testing.T) {
	objects := explained(t, sweep.MethodBayes, nil)
	spec, trials := loaded(t, objects)
	modelled := 0
	for number := len(space.Baselines(spec)); number < len(trials); number++ {
		r := cli(t, objects, "", "explain", "thought", fmt.Sprint(number), "--replay", "-o", "json")
		require.Equal(t, exitOK, r.code, "%s%s", r.out, r.err)
		var e explanation
		require.NoError(t, json.Unmarshal([]byte(r.out), &e))
		require.Equal(t, replay{Possible: true, Equal: true, Params: e.Params}, *e.Replay)
		require.Len(t, e.Pending, number-*e.Reason.Seen, "what was neither finished nor to come")
		for _, x := range e.Expected {
			modelled++
			require.InDelta(t, trials[number].Metrics[x.Metric], *x.Value, 0)
			require.Equal(t, trials[number].Reason.Posterior[x.Metric], x.Estimate)
		}
	}
	require.NotZero(t, modelled)

	text := cli(t, objects, "", "explain", "thought", fmt.Sprint(len(trials)-1), "--replay")
	require.Equal(t, exitOK, text.code, text.err)
	for _, part := range []string{"(search, seed 1): completed", "method       bayes", "pending: ", "acquisition", "METRIC", "fid.tail", " sd", "MODEL", "replay       the same parameters"} {
		require.Contains(t, text.out, part)
	}
}

func TestExplainOfNoNumber(t *testing.T) {
	objects := explained(t, sweep.MethodRandom, nil)
	_, trials := loaded(t, objects)
	r := cli(t, objects, "", "explain", "thought", "seven")
	require.Equal(t, exitUsage, r.code)
	require.Contains(t, r.err, fmt.Sprintf(`"seven" is no trial number (valid: 0 to %d)`, len(trials)-1))
}

// loaded are the spec and the trials by number.
func loaded(t *testing.T, objects store.Store) (*sweep.Spec, map[int]sweep.Trial) {
	arc := archive.New(objects)
	spec, _, err := arc.LoadSpec(t.Context(), "thought")
	require.NoError(t, err)
	ledger, err := arc.Trials(t.Context(), "thought")
	require.NoError(t, err)
	trials := make(map[int]sweep.Trial)
	for _, trial := range ledger {
		trials[trial.Number] = trial
	}
	return spec, trials
}

func TestExplainWhatWasNotSuggested(t *testing.T) {
	objects := explained(t, sweep.MethodRandom, func(trial *sweep.Trial) {
		switch trial.Number {
		case 5:
			trial.Params["infonce.weight"] = sweep.Number(0.5)
		case 6:
			trial.Reason.Seen = nil
		case 7:
			many := 1000
			trial.Reason.Seen = &many
		}
	})
	for number, c := range map[string]struct {
		code int
		says string
	}{
		"0": {exitOK, "It is a baseline trial: its parameters and its seed are the spec's"},
		"4": {exitOK, "method       random"},
		"6": {exitOK, "how many results it came from was not recorded"},
	} {
		r := cli(t, objects, "", "explain", "thought", number)
		require.Equal(t, c.code, r.code, r.err)
		require.Contains(t, r.out, c.says)
	}
	require.Equal(t, exitOK, cli(t, objects, "", "explain", "thought", "0", "--replay").code, "there is nothing to suggest again")
	for number, says := range map[string]string{
		"5": "this version of tailsweep suggests other parameters: ",
		"6": "not possible: how many results",
		"7": "not possible: it came from 1000 results, and the ledger has",
	} {
		r := cli(t, objects, "", "explain", "thought", number, "--replay", "-o", "json")
		require.Equal(t, exitFailure, r.code)
		require.Empty(t, r.err, "it is said in what is printed")
		r = cli(t, objects, "", "explain", "thought", number, "--replay")
		require.Contains(t, r.out, says)
	}
	for arguments, code := range map[[2]string]int{{"thought", "99"}: exitNotFound, {"none", "0"}: exitNotFound, {"thought", "x"}: exitUsage, {"thought", "-1"}: exitUsage} {
		r := cli(t, objects, "", "explain", arguments[0], "--", arguments[1])
		require.Equal(t, code, r.code, r.err)
	}
}

// A constraint is told with what it came to.
func TestExplainConstraints(t *testing.T) {
	limit, err := sweep.ParseConstraint("fid.head <= baseline.fid.head * 1.1")
	require.NoError(t, err)
	spec := &sweep.Spec{Method: sweep.MethodRandom, Constraints: []sweep.Constraint{limit}}
	trial := func(kind sweep.Kind, number int, head float64) sweep.Trial {
		return sweep.Trial{Assignment: sweep.Assignment{Kind: kind, Number: number}, Status: sweep.StatusCompleted, Metrics: map[string]float64{"fid.head": head}}
	}
	ledger := []sweep.Trial{trial(sweep.KindBaseline, 0, 20), trial(sweep.KindSearch, 1, 22.5), trial(sweep.KindSearch, 2, 21)}
	chance := 0.75
	ledger[1].Reason.Feasible = &chance
	e := explain(spec, ledger, ledger[1])
	require.InDelta(t, 22, *e.Constraints[0].Limit, 1e-9)
	require.False(t, *e.Constraints[0].Holds)
	require.True(t, *explain(spec, ledger, ledger[2]).Constraints[0].Holds)
	require.Contains(t, explanationText(e), "  feasible     with probability 0.75")
	require.Contains(t, explanationText(e), "  fid.head <= baseline.fid.head * 1.1     22      22.5  no")
	ledger[1].Rungs = []sweep.Rung{{Step: 300, Reason: "place 1 of 4"}}
	require.Contains(t, explanationText(explain(spec, ledger, ledger[1])), "  rung         step 300: place 1 of 4")
	require.Nil(t, explain(spec, ledger[1:], ledger[1]).Constraints[0].Limit, "no baseline yet")
}
