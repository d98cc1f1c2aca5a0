package sampler

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// batches are requests that take each way through bayes.
func batches() map[string]Request {
	wave := func(u []float64) float64 { return math.Sin(5*u[0]) + u[1]*u[1] + 0.5*math.Cos(3*u[0]*u[2]) }
	one := func(u []float64) []float64 { return []float64{wave(u)} }
	requests := map[string]Request{
		"first points":            surveyed(3, 2, 1, 0, one),
		"one objective":           surveyed(3, 30, 4, 0, one),
		"noise":                   surveyed(3, 30, 2, 0, func(u []float64) []float64 { return []float64{wave(u) + 0.3*math.Sin(1e5*u[1])} }),
		"three, and a constraint": surveyed(3, 20, 2, 1, func(u []float64) []float64 { return []float64{wave(u), 1 - u[0], u[2] - u[1], u[0] - 0.7} }),
		"five objectives":         surveyed(3, 20, 2, 0, func(u []float64) []float64 { return []float64{wave(u), u[0], u[1], u[2], 1 - u[0]} }),
	}
	for _, same := range []bool{false, true} {
		r := surveyed(3, 6, 1, 0, one)
		earlier := surveyed(3, 25, 0, 0, func(u []float64) []float64 { return []float64{2 * wave(u)} })
		r.Prior = []Source{{Sweep: "earlier", Same: same, Trials: earlier.Ledger}}
		requests[map[bool]string{false: "earlier sweep", true: "earlier sweep of the same training"}[same]] = r
	}
	edited := surveyed(3, 30, 4, 0, one)
	edited.Edited = true
	edited.Spec.Parameters[0].Max = 0.5
	requests["edited"] = edited
	repeated := surveyed(3, 30, 4, 0, func(u []float64) []float64 { return []float64{wave(u) + 0.3*math.Sin(1e5*u[1])} })
	repeated.Spec.Repeats = &sweep.Repeats{Seeds: []int64{2, 3}, Share: 0.5}
	requests["repeats"] = repeated
	return requests
}

// The suggestions of a batch share what they learn from the ledger. They must be those
// that are made one at a time, each with the ones before it as pending.
func TestABatchEqualsOneAtATime(t *testing.T) {
	for name, r := range batches() {
		t.Run(name, func(t *testing.T) {
			const count = 5
			b, err := Several(r, count)
			require.NoError(t, err)
			require.Len(t, b.Assignments, count)
			for _, got := range b.Assignments {
				want, err := Next(r)
				require.NoError(t, err)
				require.Equal(t, want.Assignment, got)
				r.Pending = append(r.Pending, got)
				r.Number++
				r.Index++
			}
		})
	}
}
