package main

import (
	"encoding/json"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/trainer/backend"
)

func TestReportComparesLeastAndMedian(t *testing.T) {
	jax := measured{parameters: 7, flops: 2e9, steps: series{{3, 6}, {2, 4}, {4, 8}}, sampling: series{{1, 2}}, memory: 2e6}
	own := measured{parameters: 7, steps: series{{1, 2}, {8, 3}, {2, 4}}, sampling: series{{2, 1}}, memory: 3e6, evaluate: 5}
	r := &results{
		plan:   plan{backends: []string{backend.XLACPU}, rounds: 3, goRounds: 1, ddim: 10},
		cases:  []result{{arch: "dit", jax: jax, own: []measured{own}}},
		saving: []saving{{backend.XLACPU, ownSaving{Normal: 0.1, After: 0.3, Named: 0.5}}},
	}
	text := r.text()
	require.Contains(t, text, "| dit, plain | 7 = 7 | 2.0 | xla:cpu | 1.000 | 2.000 | 2.00 (1.50) | 2.000 | 3.000 | 2.00 (2.00) | 3 |")
	require.Contains(t, text, "| dit | xla:cpu | 10.00 | 0.50 | 20.00 | 2.00 | 5.0 | 1005 |", "50 steps take five times as long as 10")
	require.Contains(t, text, "| xla:cpu: its process takes no more memory | 1.50 of JAX's | **not met** |")
	require.Contains(t, text, "| xla:cpu | 0.100 | 0.300 | 0.200 | 0.1000 % | 200 | 0.50 |")
	require.NoError(t, r.unequal())
	r.cases[0].own[0].parameters = 8
	require.ErrorContains(t, r.unequal(), "dit, plain: 8 parameters on xla:cpu, 7 in JAX")
}

// Our measured process trains a step on request, and only then.
func TestOwnTakesAStepAtATime(t *testing.T) {
	in, requests := io.Pipe()
	answers, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- serve(`{"arch": "dit", "backend": "go"}`, in, out) }()
	lines := json.NewDecoder(answers)
	var a answer
	require.NoError(t, lines.Decode(&a))
	require.Equal(t, 1_259_024, a.Parameters)
	for _, line := range []string{"step", "host", "jump"} {
		_, err := io.WriteString(requests, line+"\n")
		require.NoError(t, err)
		a = answer{}
		require.NoError(t, lines.Decode(&a))
		if line == "jump" {
			require.Contains(t, a.Error, "jump")
			continue
		}
		require.Empty(t, a.Error)
		require.Positive(t, a.Wall)
		require.Positive(t, a.Processor)
	}
	require.NoError(t, requests.Close())
	require.NoError(t, <-ended)
}
