package samplertest

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/sampler"
)

// priors asks with earlier sweeps, of the same training and of another: suggestions are
// legal, new and pure, and a source without trials changes nothing.
func priors(t *testing.T, s sampler.Sampler, spec *sweep.Spec) {
	earlier := play(t, s, spec, 12, 3)
	other := *spec
	other.Seed++
	own := slices.Clone(play(t, s, &other, 3, 1))
	for _, sources := range [][]sampler.Source{
		{{Sweep: "same", Same: true, Trials: earlier}},
		{{Sweep: "other", Trials: earlier}},
		{{Sweep: "same", Same: true, Trials: earlier[:5]}, {Sweep: "other", Trials: earlier}, {Sweep: "more", Trials: earlier[3:]}},
	} {
		r := sampler.Request{Spec: &other, Prior: sources, Ledger: own[:0:0]}
		for r.Number = range 8 {
			r.Index = r.Number
			params, _ := suggestTwice(t, s, r)
			require.NoError(t, Illegal(&other, params))
			for _, source := range sources {
				for _, old := range source.Trials {
					require.False(t, source.Same && old.Params.Key() == params.Key(), "trained before, with the same seed")
				}
			}
			for _, trial := range r.Ledger {
				require.NotEqual(t, trial.Params.Key(), params.Key(), "tried before")
			}
			r.Ledger = append(r.Ledger, finish(sweep.Assignment{Number: r.Number, Kind: sweep.KindSearch, Params: params, Seed: spec.Train.Seed}))
		}
	}
	plain := sampler.Request{Spec: &other, Ledger: own, Number: 3, Index: 3}
	want, because, err := s.Suggest(plain)
	require.NoError(t, err)
	plain.Prior = []sampler.Source{{Sweep: "empty"}, {Sweep: "empty too", Same: true}}
	got, reason, err := s.Suggest(plain)
	require.NoError(t, err)
	require.Equal(t, want, got, "a source without trials matters")
	require.Equal(t, because, reason)
}
