package conduct

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

func TestAssignmentsReadBackWithoutReasons(t *testing.T) {
	p := Assignments{
		{Number: 0, Kind: sweep.KindBaseline, Params: sweep.Params{}, Seed: -7},
		{Number: 3, Kind: sweep.KindSearch, Params: sweep.Params{"lr": sweep.Number(0.1 + 0.2), "arch": sweep.Word("null")}, Seed: 1},
		{Number: 4, Kind: sweep.KindSearch, Params: sweep.Params{"lr": sweep.Number(1e-300)}, Seed: 1, Request: 2},
	}
	want := append(Assignments{}, p...)
	p[1].Reason = sweep.Reason{Sampler: "bayes", Note: "a note"}
	for _, list := range []Assignments{p, {}} {
		data, err := json.Marshal(list)
		require.NoError(t, err)
		var got Assignments
		require.NoError(t, json.Unmarshal(data, &got))
		require.Equal(t, want[:len(list)], got)
	}
	var p2 Assignments
	require.ErrorContains(t, json.Unmarshal([]byte(`{"params":["a"],"rows":[[1,1]]}`), &p2), "row 0 has 2 fields, want 3")
}

// Temporal refuses a payload of more than 2 MB, and warns above 256 KiB.
func TestAssignmentsOfManySlotsAreSmall(t *testing.T) {
	for parameters, limit := range map[int]int{3: 75_000, 12: 160 << 10} {
		rng := rand.New(rand.NewPCG(1, 2))
		var p Assignments
		for n := range sweep.MostConcurrent {
			params := sweep.Params{}
			for _, info := range sweep.ParameterList()[:parameters] {
				params[info.Name] = sweep.Number(rng.Float64() / 100)
			}
			p = append(p, sweep.Assignment{Number: 99_000 + n, Kind: sweep.KindSearch, Params: params, Seed: 1})
		}
		data, err := json.Marshal(p)
		require.NoError(t, err)
		t.Logf("%d parameters: %d bytes", parameters, len(data))
		require.Less(t, len(data), limit)
		var back Assignments
		require.NoError(t, json.Unmarshal(data, &back))
		require.Equal(t, p, back)
	}
}
