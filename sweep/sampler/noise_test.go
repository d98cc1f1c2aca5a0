package sampler

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// The search (what it learns from, who gets a repeat), `best` and feasibility have one
// model of the noise between seeds: equal standard deviations, means and standard
// errors of everything that two of them use, for any ledger.
func TestNoiseIsOneModel(t *testing.T) {
	for name, c := range map[string]struct {
		baseline int             // seeds
		seeds    func(x int) int // of configuration x
		effect   float64         // standard deviation of the seeds' effects
		goal     sweep.Goal
		bound    string
	}{
		"one seed each":              {1, func(int) int { return 1 }, 1, sweep.Minimize, "fid.head <= baseline.fid.head * 1.02"},
		"the baseline's seeds alone": {3, func(int) int { return 1 }, 1, sweep.Minimize, "fid.head <= baseline.fid.head * 1.02"},
		"two seeds each":             {2, func(int) int { return 2 }, 3, sweep.Minimize, "fid.head <= baseline.fid.head + 1"},
		"one to three seeds":         {3, func(x int) int { return 1 + x%3 }, 3, sweep.Minimize, "fid.head <= baseline.fid.head * 1.02"},
		"no effects of seeds":        {3, func(x int) int { return 1 + x%3 }, 0, sweep.Minimize, "fid.head <= baseline.fid.head * 1.02"},
		"maximised":                  {2, func(x int) int { return 1 + x%2 }, 2, sweep.Maximize, "fid.head >= baseline.fid.head * 0.9 - 1"},
		"a limit by another metric":  {3, func(x int) int { return 1 + x%3 }, 2, sweep.Minimize, "fid.head <= baseline.fid.tail * 0.5"},
		"an absolute limit":          {2, func(x int) int { return 1 + x%3 }, 2, sweep.Minimize, "fid.head <= 21"},
	} {
		t.Run(name, func(t *testing.T) {
			constraint, err := sweep.ParseConstraint(c.bound)
			require.NoError(t, err)
			spec := &sweep.Spec{
				Method: sweep.MethodBayes, Train: sweep.Train{Seed: 1}, Constraints: []sweep.Constraint{constraint},
				Parameters: []sweep.Parameter{{Name: "infonce.weight", Distribution: sweep.DistUniform, Max: 20}},
				Metrics:    []sweep.Objective{{Name: "fid.tail", Goal: c.goal}},
				Repeats:    &sweep.Repeats{Seeds: []int64{2, 3}, Share: 0.5},
			}
			rng := rand.New(rand.NewPCG(1, 9))
			var tail, head [4]float64
			for s := range tail {
				tail[s], head[s] = c.effect*rng.NormFloat64(), c.effect*rng.NormFloat64()
			}
			var ledger []sweep.Trial
			add := func(kind sweep.Kind, x, seeds int) {
				for s := 1; s <= seeds; s++ {
					ledger = append(ledger, sweep.Trial{
						Assignment: sweep.Assignment{Number: len(ledger), Kind: kind, Seed: int64(s), Params: sweep.Params{"infonce.weight": sweep.Number(float64(x))}},
						Status:     sweep.StatusCompleted,
						Evaluation: sweep.Evaluation{Metrics: map[string]float64{
							"fid.tail": 40 + float64(x)/4 + tail[s] + 0.5*rng.NormFloat64(), "fid.head": 21 + 4*math.Sin(float64(x)) + head[s] + 0.5*rng.NormFloat64(),
						}},
					})
				}
			}
			add(sweep.KindBaseline, 0, c.baseline)
			for x := 1; x <= 12; x++ {
				add(sweep.KindSearch, x, c.seeds(x))
			}
			r := Request{Spec: spec, Ledger: ledger, Number: len(ledger), Index: len(ledger) - c.baseline}
			race, limits, feasibilities := newRace(r), analysis.NewLimits(spec, ledger), analysis.Feasibilities(spec, ledger)
			noise, contest := analysis.NewNoise(ledger, "fid.tail"), func() analysis.Contest {
				contest, ok := analysis.NewContest(spec, ledger, "")
				require.True(t, ok)
				return contest
			}()
			f := newComparison(race)

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
			for _, o := range observations(r, space.NewCube(spec)) {
				key := ledger[o.number].Params.Key()
				mean, _ := noise.Mean(key)
				require.InDelta(t, spec.Metrics[0].Cost(mean.Mean), o.values[0], 1e-9, "the search learns from the same mean")
				excess, ok := limits.Excess(0, key)
				require.True(t, ok)
				require.InDelta(t, excess.Mean, o.excess[0], 1e-9)
				f, ok := limits.Feasibility(key)
				require.True(t, ok)
				require.Equal(t, f, feasibilities[o.number])
			}
		})
	}
}
