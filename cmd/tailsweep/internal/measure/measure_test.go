package measure

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/specfile/specfiletest"
	"github.com/tailsweep/tailsweep/sweep/spectest"
	"github.com/tailsweep/tailsweep/trainer/backend"
)

// The estimate of an evaluation includes the features of a published network.
func TestSpeedCountsThePublishedNetwork(t *testing.T) {
	spec := specfiletest.Parse(t, spectest.With())
	perSample := func(network, backendName string) float64 {
		spec.Evaluate.Features = &sweep.Features{Network: network}
		speed, err := SpeedOf(spec, 100, backendName)
		require.NoError(t, err)
		require.InDelta(t, 100, speed.StepsPerSecond, 0)
		return 1 / speed.SamplesPerSecond
	}
	for backendName, seconds := range map[string]float64{backend.Go: 0.0123, backend.XLACPU: 0.0011, backend.XLACUDA: 0, "": 0} {
		require.InDelta(t, seconds, perSample(sweep.EfficientNetLite0, backendName)-perSample("", backendName), 1e-9, backendName)
	}
	speed, err := SpeedOf(spec, 0, backend.Go)
	require.NoError(t, err)
	require.Zero(t, speed, "nothing was measured")
}

// A probe says how long it takes yet, which depends on how long compiling took.
func TestProbeSaysHowLongItTakes(t *testing.T) {
	for name, c := range map[string]struct {
		first, step time.Duration
		steps       int // until it ends
		rate        float64
		said        []string
	}{
		"fast":            {2 * time.Second, time.Second, probeSteps, 1, []string{"  first step after 2s; up to 11 more, for 18s at most ...", "  6 of 12 steps after 7s", "  11 of 12 steps after 12s"}},
		"slow to train":   {2 * time.Second, 9 * time.Second, 3, 1.0 / 9, []string{"  first step after 2s; up to 11 more, for 18s at most ...", "  2 of 12 steps after 11s"}},
		"slow to compile": {49 * time.Second, 4 * time.Second, 2, 0.25, []string{"  first step after 49s; one more ..."}},
	} {
		t.Run(name, func(t *testing.T) {
			var now time.Time
			var said []string
			p := &probe{now: func() time.Time { return now }, log: func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }, began: now}
			now = now.Add(c.first)
			require.NoError(t, p.step(1))
			n, err := 1, error(nil)
			for err == nil && n < probeSteps {
				now = now.Add(c.step)
				n++
				err = p.step(n)
			}
			require.Equal(t, c.steps, n)
			require.InDelta(t, c.rate, p.rate, 1e-9)
			require.Equal(t, c.said, said)
		})
	}
}
