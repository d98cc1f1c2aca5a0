package samplertest

import (
	"encoding/json"
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/sampler"
)

// Run checks the contract for a method.
func Run(t *testing.T, method sweep.Method) {
	s, err := sampler.New(method)
	require.NoError(t, err)
	for name, spec := range Specs(method) {
		t.Run(name, func(t *testing.T) {
			t.Run("legal and new", func(t *testing.T) { legalAndNew(t, s, spec) })
			t.Run("pure", func(t *testing.T) { pure(t, s, spec) })
			t.Run("pending", func(t *testing.T) { pending(t, s, spec) })
			t.Run("seeded", func(t *testing.T) { seeded(t, s, spec) })
			t.Run("permuted", func(t *testing.T) { permuted(t, s, spec) })
			t.Run("concurrent", func(t *testing.T) { concurrent(t, s, spec) })
			t.Run("ledgers", func(t *testing.T) { ledgers(t, s, spec) })
			t.Run("priors", func(t *testing.T) { priors(t, s, spec) })
		})
	}
	t.Run("exhausted", func(t *testing.T) { exhausted(t, s, method) })
}

// Specs returns spaces that have every kind of parameter.
func Specs(method sweep.Method) map[string]*sweep.Spec {
	spec := func(parameters ...sweep.Parameter) *sweep.Spec {
		return &sweep.Spec{
			Name: "contract", Method: method, Seed: 5, Train: sweep.Train{Seed: 1}, Parameters: parameters,
			Metrics: []sweep.Objective{{Name: "fid.tail", Goal: sweep.Minimize}},
			Budget:  sweep.Budget{RunCap: 24},
		}
	}
	half := sweep.Number(0.5)
	return map[string]*sweep.Spec{
		"weights": spec(
			sweep.Parameter{Name: "alignment.weight", Distribution: sweep.DistLogUniform, Min: 1e-3, Max: 3, Zero: 0.2, Count: 5},
			sweep.Parameter{Name: "alignment.window", Distribution: sweep.DistUniform, Max: 0.8, Count: 3,
				When: &sweep.Condition{Param: "alignment.weight", Op: ">", Value: sweep.Number(0)}},
			sweep.Parameter{Name: "infonce.pass", Distribution: sweep.DistCategorical, Values: []sweep.Value{sweep.Word("cond"), sweep.Word("uncond")}},
			sweep.Parameter{Name: "infonce.temperature", Distribution: sweep.DistConstant, Value: &half},
		),
		"steps": spec(
			sweep.Parameter{Name: "batch", Distribution: sweep.DistIntUniform, Min: 30, Max: 35},
			sweep.Parameter{Name: "infonce.window", Distribution: sweep.DistQUniform, Min: 0.1, Max: 0.75, Q: 0.1},
		),
		"wide": spec(
			sweep.Parameter{Name: "alignment.exponent", Distribution: sweep.DistOrdinal, Values: []sweep.Value{sweep.Number(0), sweep.Number(1), sweep.Number(4)}},
			sweep.Parameter{Name: "alignment.weight", Distribution: sweep.DistLogNormal, Mu: -1, Sigma: 1, Min: 0.01, Max: 3, Zero: 0.2, Count: 3},
			sweep.Parameter{Name: "batch", Distribution: sweep.DistQLogUniform, Min: 16, Max: 200, Q: 8, Count: 4},
			sweep.Parameter{Name: "infonce.pass", Distribution: sweep.DistOrdinal, Values: []sweep.Value{sweep.Word("uncond"), sweep.Word("cond")}},
			sweep.Parameter{Name: "infonce.window", Distribution: sweep.DistNormal, Mu: 0.5, Sigma: 0.2, Max: 0.95, Count: 3,
				When: &sweep.Condition{Param: "infonce.pass", Op: "==", Value: sweep.Word("uncond")}},
		),
	}
}

// play asks for n trials, width at a time, and finishes the older half of those
// pending whenever width are: the value is a smooth function of the parameters.
func play(t *testing.T, s sampler.Sampler, spec *sweep.Spec, n, width int) []sweep.Trial {
	t.Helper()
	r := sampler.Request{Spec: spec}
	for r.Number = range n {
		r.Index = r.Number
		params, reason, err := s.Suggest(r)
		require.NoError(t, err)
		r.Pending = append(r.Pending, sweep.Assignment{Number: r.Number, Kind: sweep.KindSearch, Params: params, Seed: spec.Train.Seed, Reason: reason})
		for len(r.Pending) >= width {
			r.Ledger = append(r.Ledger, finish(r.Pending[0]))
			r.Pending = r.Pending[1:]
		}
	}
	for _, a := range r.Pending {
		r.Ledger = append(r.Ledger, finish(a))
	}
	return r.Ledger
}

// finish makes a trial of a: every seventh diverges, every eleventh fails.
func finish(a sweep.Assignment) sweep.Trial {
	trial := sweep.Trial{Assignment: a, Status: sweep.StatusCompleted}
	switch {
	case a.Number%7 == 6:
		trial.Status = sweep.StatusDiverged
		return trial
	case a.Number%11 == 10:
		trial.Status = sweep.StatusFailed
		return trial
	}
	value := 3.0
	for _, v := range a.Params {
		value += math.Pow(v.Float()-0.3, 2) / 10
	}
	trial.Metrics = map[string]float64{"fid.tail": value}
	return trial
}

func legalAndNew(t *testing.T, s sampler.Sampler, spec *sweep.Spec) {
	zeros := 0
	seen := make(map[string]bool)
	trials := play(t, s, spec, 24, 4)
	for _, trial := range trials {
		require.Falsef(t, seen[trial.Params.Key()], "%s came twice", trial.Params.Key())
		seen[trial.Params.Key()] = true
		require.NoError(t, Illegal(spec, trial.Params))
		if p := spec.Parameters[0]; p.Zero > 0 && trial.Params[p.Name] == sweep.Number(0) {
			zeros++
		}
	}
	if spec.Parameters[0].Zero > 0 {
		require.NotZero(t, zeros, "an exact zero of probability 0.2 never came in 24 trials")
		require.Less(t, zeros, len(trials))
	}
}

// request has a ledger, with a baseline trial, and something pending.
func request(t *testing.T, s sampler.Sampler, spec *sweep.Spec) sampler.Request {
	trials := play(t, s, spec, 12, 3)
	r := sampler.Request{Spec: spec, Ledger: trials[:9], Number: 12, Index: 12}
	for _, trial := range trials[9:] {
		r.Pending = append(r.Pending, trial.Assignment)
	}
	baseline := sweep.Trial{Status: sweep.StatusCompleted, Evaluation: sweep.Evaluation{Metrics: map[string]float64{"fid.tail": 4}}}
	baseline.Kind, baseline.Number, baseline.Params, baseline.Seed = sweep.KindBaseline, 100, sweep.Params{"alignment.weight": sweep.Number(0)}, 9
	r.Ledger = append(r.Ledger, baseline)
	return r
}

func pure(t *testing.T, s sampler.Sampler, spec *sweep.Spec) {
	_, reason := suggestTwice(t, s, request(t, s, spec))
	require.Equal(t, string(spec.Method), reason.Sampler)
}

// suggestTwice checks that a request and a copy of it through JSON have the same answer, and that
// the request does not change.
func suggestTwice(t *testing.T, s sampler.Sampler, r sampler.Request) (sweep.Params, sweep.Reason) {
	before, err := json.Marshal(r)
	require.NoError(t, err)
	params, reason, err := s.Suggest(r)
	require.NoError(t, err)
	after, err := json.Marshal(r)
	require.NoError(t, err)
	require.Equal(t, string(before), string(after), "Suggest changed its request")

	var copied sampler.Request
	require.NoError(t, json.Unmarshal(before, &copied))
	again, because, err := s.Suggest(copied)
	require.NoError(t, err)
	require.Equal(t, params, again, "another suggestion after a JSON round trip")
	require.Equal(t, reason, because)
	return params, reason
}

func pending(t *testing.T, s sampler.Sampler, spec *sweep.Spec) {
	r := request(t, s, spec)
	for i := range 4 {
		params, _, err := s.Suggest(r)
		require.NoError(t, err)
		for _, a := range r.Pending {
			require.NotEqual(t, a.Params, params, "suggested while it is pending")
		}
		r.Pending = append(r.Pending, sweep.Assignment{Number: r.Number, Params: params, Seed: spec.Train.Seed})
		r.Number, r.Index = 13+i, 13+i
	}
}

func exhausted(t *testing.T, s sampler.Sampler, method sweep.Method) {
	spec := Specs(method)["steps"]
	spec.Parameters = []sweep.Parameter{
		{Name: "batch", Distribution: sweep.DistIntUniform, Min: 30, Max: 32},
		{Name: "infonce.pass", Distribution: sweep.DistCategorical, Values: []sweep.Value{sweep.Word("cond"), sweep.Word("uncond")}},
	}
	trials := play(t, s, spec, 6, 2)
	require.Len(t, trials, 6)
	_, _, err := s.Suggest(sampler.Request{Spec: spec, Ledger: trials, Number: 6, Index: 6})
	require.Truef(t, errors.Is(err, sampler.ErrExhausted), "got %v", err)
}
