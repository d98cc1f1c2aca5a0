package analysis

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// A trial counts as itself, or where the spec asks for repeats as the mean over the seeds
// of its configuration.
func TestStandings(t *testing.T) {
	spec := &sweep.Spec{Metrics: headAndTail.Metrics}
	gated := seeded(3, 1, 3, 90, 90)
	gated.Gates = []string{"label accuracy"}
	trials := []sweep.Trial{seeded(0, 0, 1, 10, 1), seeded(1, 1, 1, 20, 4), seeded(2, 1, 2, 40, 6), gated}
	trials[2].Metrics["coverage.tail"] = 0.5
	own := Standings(spec, trials, "")
	require.Equal(t, Standing{map[string]float64{"fid.tail": 20, "fid.head": 4}, 1}, own[1])
	require.NotContains(t, own, 3)

	spec.Repeats = &sweep.Repeats{}
	means := Standings(spec, trials, "")
	require.Equal(t, Standing{map[string]float64{"fid.tail": 10, "fid.head": 1}, 1}, means[0])
	require.Equal(t, Standing{map[string]float64{"fid.tail": 30, "fid.head": 5, "coverage.tail": 0.5}, 2}, means[1])
	require.Equal(t, means[1], means[2])
	require.NotContains(t, means, 3)
}
