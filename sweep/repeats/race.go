package repeats

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

const (
	raceStart = 4 // configurations with a result before the race begins; at least twice the dimensions
	raceLearn = 3 // configurations that get a second seed to determine the noise
	raceDF    = 2 // degrees of freedom from which the noise is known: three configurations of two seeds each have 6 - 3 - 1
)

// Race decides which configuration gets a further train seed, and when.
//
// A configuration's trials have the seeds train.seed, repeats.seeds[0],
// repeats.seeds[1], ... in this order, so that the seeds of any two configurations are
// prefixes of one list and their results are paired. The margin of a configuration
// measures how clearly it is a winner (see comparison), in units of the noise of one
// result. It is undecided when the margin is within t standard errors of 0, t
// the 97.5 % quantile of Student's distribution. Only undecided configurations get
// seeds, as in racing (Birattari, Stützle, Paquete & Varrentrapp, GECCO 2002; irace:
// López-Ibáñez et al., Oper. Res. Perspect. 3, 2016). Among them the next seed goes
// where one more result is expected to improve the choice most: the knowledge gradient
// for a flat prior (Frazier, Powell & Dayanik, SIAM J. Control Optim. 47, 2008),
//
//	gain(p) = s (phi(z) + z Phi(z)),  z = -|margin(p)|/s,  s = 1/sqrt(n (n + 1))
//
// with n the finished and pending results of p; s is how far the next one is expected
// to move their mean. A configuration that is not a winner gets no more seeds than the
// winner nearest to it: the winner gets the seed first.
//
// While neither repeats nor the baseline's seeds determine the noise, the raceLearn
// configurations of the smallest |margin| get their second seed.
type Race struct {
	spec           *sweep.Spec
	ledger         []sweep.Trial
	exact          bool             // seeds do not matter
	seeds          []int64          // of a configuration's trials, in order
	configurations []*configuration // by their first trial
	trials         int              // of the search, started
	repeats        int              // of them, started
	waiting        int              // repeats that are pending
}

// configuration is one that the search has tried, and its trials.
type configuration struct {
	params sweep.Params
	key    string
	first  int     // number of its first trial
	seeds  []int64 // of its trials, finished or pending
	done   int     // completed trials
	n      int     // completed and pending trials
	out    bool    // it diverged with some seed, so it cannot win
}

// New returns the race of a search with these finished and pending trials. exact means
// that seeds do not matter.
func New(spec *sweep.Spec, ledger []sweep.Trial, pending []sweep.Assignment, exact bool) *Race {
	c := &Race{spec: spec, ledger: ledger, exact: exact}
	if spec.Repeats == nil {
		return c // every trial is new
	}
	c.seeds = append([]int64{spec.Train.Seed}, spec.Repeats.Seeds...)
	byKey := make(map[string]*configuration)
	add := func(a sweep.Assignment, status sweep.Status) {
		if a.Kind == sweep.KindBaseline {
			return
		}
		key := a.Params.Key()
		p := byKey[key]
		if p == nil {
			p = &configuration{params: a.Params, key: key, first: a.Number}
			byKey[key] = p
			c.configurations = append(c.configurations, p)
		}
		p.first = min(p.first, a.Number)
		p.seeds = append(p.seeds, a.Seed)
		switch status {
		case sweep.StatusCompleted:
			p.done++
			p.n++
		case sweep.StatusDiverged:
			p.out = true
		case "":
			p.n++
		}
		c.trials++
		if a.Request == 0 && slices.Contains(spec.Repeats.Seeds, a.Seed) {
			c.repeats++
			if status == "" {
				c.waiting++
			}
		}
	}
	for _, t := range ledger {
		add(t.Assignment, t.Status)
	}
	for _, a := range pending {
		add(a, "")
	}
	slices.SortFunc(c.configurations, func(a, b *configuration) int { return cmp.Compare(a.first, b.first) })
	return c
}

// Started returns how many repeats have started.
func (c *Race) Started() int { return c.repeats }

// Allowed reports whether one more repeat stays within repeats.share.
func (c *Race) Allowed() bool {
	if c.spec.Repeats == nil || c.exact {
		return false
	}
	const rounding = 1e-9
	return float64(c.repeats+1) <= c.spec.Repeats.Share*float64(c.trials+1)+rounding
}

// Early reports whether new configurations come before repeats:
//
//   - while few configurations have a result;
//   - while a grid that fits the budget is not exhausted;
//   - while more of run_cap is left than the share of repeats, since early repeats go to
//     configurations that the search later improves on.
//
// The repeats that determine the noise begin when twice the share is left, so that the
// last repeats do not wait for them: otherwise, with 8 trials in flight, up to 4 of 10
// repeats were not made.
func (c *Race) Early() bool {
	spec := c.spec
	if spec.Repeats == nil || c.Few() {
		return true
	}
	runs := spec.Budget.RunCap
	if spec.Method == sweep.MethodGrid {
		if points := len(space.Grid(spec)); runs == 0 || points <= runs {
			return true
		}
	}
	left := float64(runs - c.trials)
	finals := spec.Repeats.Share * float64(runs)
	return left > 2*finals || left > finals && newComparison(c).known
}

// Few reports whether too few configurations have a result to say which one leads.
func (c *Race) Few() bool {
	results, dimensions := 0, 0
	for _, p := range c.configurations {
		if p.done > 0 {
			results++
		}
	}
	for _, p := range c.spec.Parameters {
		if !space.IsConstant(p) {
			dimensions++
		}
	}
	return results < max(raceStart, 2*dimensions)
}

// Next returns trial number as the most worthwhile repeat; ok is false when none is
// worthwhile or allowed.
func (c *Race) Next(number int) (a sweep.Assignment, ok bool) {
	if !c.Allowed() {
		return sweep.Assignment{}, false
	}
	who, value, why := c.worthwhile()
	if who == nil {
		return sweep.Assignment{}, false
	}
	k := c.unused(who)
	return sweep.Assignment{
		Number: number, Kind: sweep.KindSearch, Params: maps.Clone(who.params), Seed: c.seeds[k],
		Reason: sweep.Reason{
			Sampler: string(c.spec.Method), Acquisition: value,
			Note: fmt.Sprintf("repeat %d of trial %d with seed %d: %s", k, who.first, c.seeds[k], why),
		},
	}, true
}

// unused is the position of p's next seed, -1 when it has had all of them.
func (c *Race) unused(p *configuration) int {
	return slices.IndexFunc(c.seeds, func(seed int64) bool { return !slices.Contains(p.seeds, seed) })
}

// worthwhile picks the configuration of the most worthwhile repeat, with its gain and
// the reason; nil for none.
func (c *Race) worthwhile() (who *configuration, value float64, why string) {
	f := newComparison(c)
	if !f.known {
		return c.noiseRepeat(f)
	}
	for _, s := range f.standings {
		if math.Abs(s.margin) >= f.quantile*f.deviation(s) {
			continue
		}
		p := s.of
		if f.behind(s) && len(s.rival.seeds) <= len(p.seeds) {
			p = s.rival
		}
		if c.unused(p) < 0 {
			continue
		}
		if g := gain(s.margin, p.n); g > value {
			who, value, why = p, g, f.sentence(s, p)
		}
	}
	return who, value, why
}

// noiseRepeat picks the configuration of the smallest |margin| that has one seed only, while
// too few second seeds are pending to determine the noise.
func (c *Race) noiseRepeat(f *comparison) (who *configuration, value float64, why string) {
	need := raceLearn
	if f.df > 0 {
		need = raceDF - f.df
	}
	if c.waiting >= need {
		return nil, 0, ""
	}
	nearest := slices.Clone(f.standings)
	slices.SortStableFunc(nearest, func(a, b standing) int { return cmp.Compare(math.Abs(a.margin), math.Abs(b.margin)) })
	for _, s := range nearest {
		if s.of.n < 2 && c.unused(s.of) >= 0 {
			return s.of, 0, "to learn how much a seed matters"
		}
	}
	return nil, 0, ""
}

func gain(margin float64, n int) float64 {
	s := 1 / math.Sqrt(float64(n)*float64(n+1))
	z := -math.Abs(margin) / s
	return s * (distuv.UnitNormal.Prob(z) + z*distuv.UnitNormal.CDF(z))
}
