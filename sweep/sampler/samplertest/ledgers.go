package samplertest

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/sampler"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// Illegal reports why params are not a configuration of the spec's space; nil when they are.
func Illegal(spec *sweep.Spec, params sweep.Params) error {
	set := 0
	for _, p := range space.Ordered(spec) {
		v, has := params[p.Name]
		if active := space.Active(p, params); has != active {
			return fmt.Errorf("%s is set: %t, is active: %t, in %s", p.Name, has, active, params.Key())
		}
		if !has {
			continue
		}
		set++
		if err := space.Legal(p, v); err != nil {
			return err
		}
	}
	if set != len(params) {
		return fmt.Errorf("%s sets parameters that the space does not have", params.Key())
	}
	return nil
}

// permuted asks with the ledger in other orders: that of failed trials among the
// rest never matters, and no order does to a method that ignores results.
func permuted(t *testing.T, s sampler.Sampler, spec *sweep.Spec) {
	r := request(t, s, spec)
	for i := range 4 {
		failed := r.Ledger[i]
		failed.Status, failed.Number, failed.Metrics = sweep.StatusFailed, 50+i, nil
		if i%2 == 1 {
			failed.Status = sweep.StatusCancelled
		}
		r.Ledger = append(r.Ledger, failed)
	}
	params, reason, err := s.Suggest(r)
	require.NoError(t, err)
	failed := func(t sweep.Trial) bool { return t.Status == sweep.StatusFailed || t.Status == sweep.StatusCancelled }
	first := slices.DeleteFunc(slices.Clone(r.Ledger), func(t sweep.Trial) bool { return !failed(t) })
	slices.Reverse(first)
	r.Ledger = slices.Concat(first, slices.DeleteFunc(slices.Clone(r.Ledger), failed))
	again, because, err := s.Suggest(r)
	require.NoError(t, err)
	require.Equal(t, params, again, "the order of failed trials matters")
	require.Equal(t, reason, because)
	if !spec.Method.Learns() {
		r.Ledger = slices.Clone(r.Ledger)
		slices.Reverse(r.Ledger)
		slices.Reverse(r.Pending)
		again, _, err := s.Suggest(r)
		require.NoError(t, err)
		require.Equal(t, params, again, "the order of completion matters")
	}
}

// seeded asks twice under the same seed, and for a first trial under others.
func seeded(t *testing.T, s sampler.Sampler, spec *sweep.Spec) {
	r := request(t, s, spec)
	first, _, err := s.Suggest(r)
	require.NoError(t, err)
	again, _, err := s.Suggest(r)
	require.NoError(t, err)
	require.Equal(t, first, again, "two answers to one request")
	if spec.Method == sweep.MethodGrid {
		return
	}
	points := make(map[string]bool)
	for seed := range int64(6) {
		other := *spec
		other.Seed = seed
		params, _, err := s.Suggest(sampler.Request{Spec: &other})
		require.NoError(t, err)
		points[params.Key()] = true
	}
	require.Greater(t, len(points), 1, "the seed does not matter")
}

// concurrent asks the same from many goroutines; the race detector watches.
func concurrent(t *testing.T, s sampler.Sampler, spec *sweep.Spec) {
	r := request(t, s, spec)
	want, _, err := s.Suggest(r)
	require.NoError(t, err)
	got := make([]sweep.Params, 8)
	var group sync.WaitGroup
	for i := range got {
		group.Go(func() { got[i], _, _ = s.Suggest(r) })
	}
	group.Wait()
	for _, params := range got {
		require.Equal(t, want, params)
	}
}

// Ledgers returns ledgers whose results are hard to learn from, by name: made of
// trials that have params, number and seed only.
func Ledgers(trials []sweep.Trial) map[string][]sweep.Trial {
	made := func(finish func(i int, t *sweep.Trial)) []sweep.Trial {
		list := slices.Clone(trials)
		for i := range list {
			list[i].Status = sweep.StatusCompleted
			finish(i, &list[i])
		}
		return list
	}
	results := func(value func(i int) float64) []sweep.Trial {
		return made(func(i int, t *sweep.Trial) {
			t.Metrics = map[string]float64{"fid.tail": value(i), "label_accuracy.all": value(i * i), "fid.head": value(i + 1), "fid.all": value(i + 2)}
		})
	}
	ended := func(status sweep.Status) []sweep.Trial {
		return made(func(_ int, t *sweep.Trial) { t.Status, t.Metrics = status, nil })
	}
	return map[string][]sweep.Trial{
		"failed":                ended(sweep.StatusFailed),
		"diverged":              ended(sweep.StatusDiverged),
		"stopped before a rung": ended(sweep.StatusStopped),
		"stopped": made(func(i int, t *sweep.Trial) {
			t.Status, t.Metrics = sweep.StatusStopped, nil
			for step := range 1 + i%3 {
				t.Rungs = append(t.Rungs, sweep.Rung{Step: 1 + step, Metrics: map[string]float64{"fid.tail": float64(i % 5), "label_accuracy.all": 0.1}})
			}
		}),
		"equal":  results(func(int) float64 { return 3 }),
		"spread": results(func(i int) float64 { return math.Sin(float64(i)) }),
		"huge": results(func(i int) float64 {
			return []float64{1e300, -1e300, math.MaxFloat64, -math.MaxFloat64, 0, math.SmallestNonzeroFloat64}[i%6]
		}),
		"one of them":   results(func(i int) float64 { return math.Floor(float64(i%len(trials)) / float64(len(trials)-1)) }),
		"without names": made(func(_ int, t *sweep.Trial) { t.Metrics = map[string]float64{} }),
	}
}

// ledgers asks after each of Ledgers, with one and more metrics and with
// constraints, relative ones with and without a baseline.
func ledgers(t *testing.T, s sampler.Sampler, spec *sweep.Spec) {
	const n = 18
	trials := make([]sweep.Trial, 0, n)
	for _, trial := range play(t, s, spec, n, 3) {
		trials = append(trials, sweep.Trial{Assignment: trial.Assignment})
	}
	constraints := make([]sweep.Constraint, 2)
	for i, text := range []string{"fid.head <= baseline.fid.head * 1.02", "label_accuracy.all >= 0.5"} {
		var err error
		constraints[i], err = sweep.ParseConstraint(text)
		require.NoError(t, err)
	}
	baseline := sweep.Trial{Status: sweep.StatusCompleted, Evaluation: sweep.Evaluation{Metrics: map[string]float64{"fid.head": 0.1, "fid.tail": 5}}}
	baseline.Kind, baseline.Number, baseline.Seed = sweep.KindBaseline, 99, spec.Train.Seed
	for name, ledger := range Ledgers(trials) {
		for _, metrics := range []int{1, 2, 4} {
			for _, constrained := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %d metrics, constraints %t", name, metrics, constrained), func(t *testing.T) {
					asked := *spec
					asked.Metrics = []sweep.Objective{
						{Name: "fid.tail", Goal: sweep.Minimize}, {Name: "label_accuracy.all", Goal: sweep.Maximize},
						{Name: "fid.head", Goal: sweep.Minimize}, {Name: "fid.all", Goal: sweep.Minimize},
					}[:metrics]
					r := sampler.Request{Spec: &asked, Ledger: ledger}
					if constrained {
						asked.Constraints = constraints
					}
					for i := range 2 {
						r.Number, r.Index = n+i, n+i
						params, reason, err := s.Suggest(r)
						require.NoError(t, err)
						require.NoError(t, Illegal(spec, params))
						for _, trial := range ledger {
							require.NotEqual(t, trial.Params.Key(), params.Key(), "tried before")
						}
						_, err = json.Marshal(reason)
						require.NoError(t, err, "a reason with what is no number")
						r.Ledger = append(slices.Clone(ledger), baseline)
					}
				})
			}
		}
	}
}
