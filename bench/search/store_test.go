package main

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStoreKeepsResults(t *testing.T) {
	folder, e := filepath.Join(t.TempDir(), "new"), engine{Name: "e", Version: "2"}
	s, err := load(folder, []engine{e})
	require.NoError(t, err)
	at := func(version string, seed uint64, losses ...float64) result {
		return result{key: key{Engine: "e", Version: version, Problem: "p", Fingerprint: "f", Budget: 100, Parallel: 8, Seed: seed}, AskMillis: 1.5, Losses: losses}
	}
	for _, r := range []result{at("1", 1, 0.9), at("2", 10, 1, 0.25), at("2", 9, 1, 0.5)} {
		require.NoError(t, s.add(r))
	}
	again, err := load(folder, []engine{e})
	require.NoError(t, err)
	require.Len(t, s.results, 3)
	delete(s.results, at("1", 1).key)
	require.Equal(t, s.results, again.results)
	data, err := os.ReadFile(filepath.Join(folder, "e.csv"))
	require.NoError(t, err)
	require.Equal(t, strings.Join([]string{
		"version,problem,fingerprint,budget,parallel,seed,ask_ms,losses",
		"2,p,f,100,8,9,1.5,1 0.5",
		"2,p,f,100,8,10,1.5,1 0.25", ""}, "\n"), string(data), "in order of seeds, another version's left out")

	require.NoError(t, os.WriteFile(filepath.Join(folder, "e.csv"), []byte("version,problem,fingerprint,budget,parallel,seed,ask_ms,losses\n2,p,f,many,8,9,1.5,1\n"), 0o644))
	_, err = load(folder, []engine{e})
	require.ErrorContains(t, err, `e.csv:2`)
}

func TestSummary(t *testing.T) {
	at := func(engine, problem string, seed uint64, loss float64) result {
		return result{key: key{Engine: engine, Problem: problem, Seed: seed}, Losses: []float64{1, loss}}
	}
	s := summarise([]string{"p", "q", "r"}, []engine{{Name: "a"}, {Name: "b"}}, []result{
		at("a", "p", 1, 0.1), at("a", "p", 2, 0.3), at("b", "p", 1, 0.4), at("b", "p", 2, 0.2),
		at("a", "q", 1, 0), at("b", "q", 1, 0),
		at("a", "r", 1, 0.5),
	})
	require.InDelta(t, 0.2, s.medians[0][0], 1e-15)
	require.InDelta(t, 0.3, s.medians[0][1], 1e-15)
	require.True(t, math.IsNaN(s.medians[2][1]))
	require.InDelta(t, math.Sqrt(0.2*floor), s.mean(0, 1, 1), 1e-12, "the problem without a run of b is left out, 0 counts as the floor")
	require.InDelta(t, math.Cbrt(0.2*floor*0.5), s.mean(0, 0, 1), 1e-12)
	require.Equal(t, 2.5, s.won(0), "a tie is shared")
	require.Equal(t, 0.5, s.won(1))
	wins, of := s.duel("a", "b", 1)
	require.Equal(t, []int{2, 2}, []int{wins, of}, "both have found the optimum")
	_, of = s.duel("a", "b", 2)
	require.Equal(t, 1, of, "b has one run of q")
	require.InDelta(t, (1+0+0.5)/3, s.pairs("a", "b"), 1e-15)
}

// An engine that does not know its budget runs once for all budgets, and kept runs are
// not repeated.
func TestMissing(t *testing.T) {
	folder := t.TempDir()
	e := engine{Name: "random", Version: "1", Method: "random"}
	p := plan{problems: []string{"branin"}, engines: []engine{e}, budgets: []int{100, 20}, parallels: []int{2}, seeds: 2, first: 5}
	s, err := load(folder, p.engines)
	require.NoError(t, err)
	require.NoError(t, p.play(s, 2))
	require.Len(t, s.results, 4)
	short, long := p.chosen(s, 20, 2), p.chosen(s, 100, 2)
	require.Len(t, short, 2)
	require.Len(t, short[0].Losses, 2)
	require.Len(t, long[0].Losses, 10)
	again, err := load(folder, p.engines)
	require.NoError(t, err)
	p.engines[0].Method = "unknown" // a run would fail
	require.NoError(t, p.play(again, 2))

	apart := p
	apart.engines = []engine{{Name: "random", Version: "1", Method: "random", Budget: true}}
	empty, err := load("", nil)
	require.NoError(t, err)
	require.NoError(t, apart.play(empty, 2))
	for i, r := range apart.chosen(empty, 20, 2) {
		require.InDeltaSlice(t, r.Losses, short[i].Losses, 1e-3, "random search gives the same both ways")
	}
}
