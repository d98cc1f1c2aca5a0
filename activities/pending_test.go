package activities_test

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/sweep"
)

func TestPendingReadsBackWithoutReasons(t *testing.T) {
	p := activities.Pending{
		{Number: 0, Kind: sweep.KindBaseline, Params: sweep.Params{}, Seed: -7},
		{Number: 3, Kind: sweep.KindSearch, Params: sweep.Params{"lr": sweep.Number(0.1 + 0.2), "arch": sweep.Word("null")}, Seed: 1},
		{Number: 4, Kind: sweep.KindSearch, Params: sweep.Params{"lr": sweep.Number(1e-300)}, Seed: 1, Request: 2},
	}
	want := append(activities.Pending{}, p...)
	p[1].Reason = sweep.Reason{Sampler: "bayes", Note: "a note"}
	for _, list := range []activities.Pending{p, {}} {
		data, err := json.Marshal(list)
		require.NoError(t, err)
		var got activities.Pending
		require.NoError(t, json.Unmarshal(data, &got))
		require.Equal(t, want[:len(list)], got)
	}
	var p2 activities.Pending
	require.ErrorContains(t, json.Unmarshal([]byte(`{"params":["a"],"rows":[[1,1]]}`), &p2), "row 0 has 2 fields, want 3")
}

// Temporal refuses a payload of more than 2 MB, and warns above 256 KiB.
func TestPendingOfManySlotsIsSmall(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var p activities.Pending
	for n := range 1000 {
		params := sweep.Params{}
		for _, name := range []string{"infonce.weight", "alignment.weight", "lr"} {
			params[name] = sweep.Number(rng.Float64())
		}
		p = append(p, sweep.Assignment{Number: 99_000 + n, Kind: sweep.KindSearch, Params: params, Seed: 1, Reason: sweep.Reason{Sampler: "bayes"}})
	}
	data, err := json.Marshal(p)
	require.NoError(t, err)
	require.Less(t, len(data), 75_000)
}
