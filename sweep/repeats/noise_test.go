package repeats

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep/analysis"
	"github.com/tailsweep/tailsweep/sweep/spectest"
)

// Who gets a repeat, `best` and feasibility have one model of the noise between seeds:
// equal standard deviations and standard errors of everything that two of them use, for
// any ledger. The test of the same name in package sampler checks what methods learn from.
func TestNoiseIsOneModel(t *testing.T) {
	for name, c := range spectest.SeededList() {
		t.Run(name, func(t *testing.T) {
			spec, ledger := c.Trials(t)
			feasibilities, noise := analysis.Feasibilities(spec, ledger), analysis.NewNoise(ledger, "fid.tail")
			contest, ok := analysis.NewContest(spec, ledger, "")
			require.True(t, ok)
			f := newComparison(New(spec, ledger, nil, false))

			require.Equal(t, contest.Noise, f.scales[0].noise.StdDev)
			require.Equal(t, contest.Freedom, f.scales[0].noise.DF)
			require.Len(t, f.standings, 12)
			level := make(map[int]bool)
			for _, n := range contest.Level {
				level[n] = true
			}
			best := ledger[contest.Best].Params.Key()
			constrained := 0
			for _, s := range f.standings {
				e := f.estimate(s)
				if s.scale >= f.objective {
					constrained++
					verdict := feasibilities[s.of.first]
					decided := math.Abs(e.Mean) >= analysis.Decisive*e.StdDev
					require.Equal(t, !decided, verdict == analysis.Undecided, "the race and feasibility see one excess")
					require.True(t, !decided || (e.Mean > 0) == (verdict == analysis.Infeasible))
					if f.known && verdict == analysis.Undecided {
						require.Less(t, math.Abs(s.margin), f.quantile*f.deviation(s), "what is undecided may get a seed")
					}
					continue
				}
				want, ok := noise.Difference(s.of.key, s.rival.key)
				require.True(t, ok)
				require.Equal(t, want, e)
			}
			compared := 0
			for _, s := range f.standings {
				if s.of.key != best && feasibilities[s.of.first] == feasibilities[contest.Best] && contest.Freedom > 0 {
					compared++
					d, _ := f.scales[0].noise.Difference(s.of.key, best)
					require.Equal(t, spec.Metrics[0].Cost(d.Mean) <= contest.Critical*d.StdDev, level[s.of.first], "the race and `best` see one difference")
				}
			}
			require.Positive(t, constrained)
			require.True(t, compared > 0 || contest.Freedom == 0)
		})
	}
}
