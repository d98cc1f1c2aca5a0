package main

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/clitest"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/results"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/internal/store/storetest"
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
	objects := storetest.NewMemory()
	arc := archive.New(objects)
	clitest.Begin(t, arc, spec, []byte(text))

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
			Evaluation: sweep.Evaluation{Metrics: map[string]float64{"fid.tail": value, "fid.head": 60 - value/3}}}
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
		next, err := sampler.Next(sampler.Request{Spec: spec, Ledger: ledger, Pending: pending, Number: number, Index: number - len(baselines)})
		require.NoError(t, err)
		pending = append(pending, next.Assignment)
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
		r := cmdline(t, objects, "", "explain", "thought", fmt.Sprint(number), "--replay", "-o", "json")
		require.Equal(t, cli.ExitOK, r.Code, "%s%s", r.out, r.Err)
		var e results.Explanation
		require.NoError(t, json.Unmarshal([]byte(r.out), &e))
		require.Equal(t, results.Replay{Possible: true, Equal: true, Params: e.Params}, *e.Replay)
		require.Len(t, e.Pending, number-*e.Reason.Seen, "trials that had started and not finished")
		for _, x := range e.Expected {
			modelled++
			require.InDelta(t, trials[number].Metrics[x.Metric], *x.Value, 0)
			require.Equal(t, trials[number].Reason.Posterior[x.Metric], x.Estimate)
		}
	}
	require.NotZero(t, modelled)

	text := cmdline(t, objects, "", "explain", "thought", fmt.Sprint(len(trials)-1), "--replay")
	require.Equal(t, cli.ExitOK, text.Code, text.Err)
	for _, part := range []string{"(search, seed 1): completed", "method       bayes", "pending: ", "acquisition", "METRIC", "fid.tail", " sd", "MODEL", "replay       the same parameters"} {
		require.Contains(t, text.out, part)
	}
}

func TestExplainRefusesAWordForANumber(t *testing.T) {
	objects := explained(t, sweep.MethodRandom, nil)
	r := cmdline(t, objects, "", "explain", "thought", "seven")
	require.Equal(t, cli.ExitUsage, r.Code)
	require.Contains(t, r.Err, `"seven" is not a trial number (valid: 0 or more`)
}

// loaded returns the spec and the trials by number.
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

func TestExplainOfTrialsThatCannotBeReplayed(t *testing.T) {
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
		want string
	}{
		"0": {cli.ExitOK, "A baseline trial: its parameters and its seed come from the spec"},
		"4": {cli.ExitOK, "method       random"},
		"6": {cli.ExitOK, "the number of results it was suggested from was not recorded"},
	} {
		r := cmdline(t, objects, "", "explain", "thought", number)
		require.Equal(t, c.code, r.Code, r.Err)
		require.Contains(t, r.out, c.want)
	}
	require.Equal(t, cli.ExitOK, cmdline(t, objects, "", "explain", "thought", "0", "--replay").Code, "a baseline trial was not suggested")
	for number, want := range map[string]string{
		"5": "this version of tailsweep suggests other parameters: ",
		"6": "not possible: the number of results",
		"7": "not possible: it was suggested from 1000 results, and the ledger has",
	} {
		r := cmdline(t, objects, "", "explain", "thought", number, "--replay", "-o", "json")
		require.Equal(t, cli.ExitFailure, r.Code)
		require.Empty(t, r.Err, "the output has the reason")
		r = cmdline(t, objects, "", "explain", "thought", number, "--replay")
		require.Contains(t, r.out, want)
	}
	for arguments, code := range map[[2]string]int{{"thought", "99"}: cli.ExitNotFound, {"none", "0"}: cli.ExitNotFound, {"thought", "x"}: cli.ExitUsage, {"thought", "-1"}: cli.ExitUsage} {
		r := cmdline(t, objects, "", "explain", arguments[0], "--", arguments[1])
		require.Equal(t, code, r.Code, r.Err)
	}
}
