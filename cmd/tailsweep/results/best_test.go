package results

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trialview"
	"github.com/tailsweep/tailsweep/sweep"
)

// best shows how many images a metric was measured on, and its floor.
func TestBestShowsSamplesAndFloor(t *testing.T) {
	best := BestTrial{Trial: trialview.Trial{Trial: sweep.Trial{
		Evaluation: sweep.Evaluation{Metrics: map[string]float64{"fid.tail": 58.912, "memorised_ratio.medium": 0.01}, Floor: map[string]float64{"fid.tail": 4.25}, Samples: 50, Real: 1},
	}}}
	lines := bestText(best)
	require.Contains(t, lines, "  fid.tail               58.91     floor 4.25")
	require.Contains(t, lines, "  memorised_ratio.medium 0.01")
	require.Contains(t, lines, "  measured on            50 samples and 1 real image of each class")
}
