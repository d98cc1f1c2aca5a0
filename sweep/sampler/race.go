package sampler

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
	raceStart = 4 // points with a result before the race begins, or twice the dimensions where that is more
	raceLearn = 3 // points that get a second seed at once so that the noise is known
	raceDF    = 2 // degrees of freedom from which it is: three points of two seeds each have 6 - 3 - 1
)

// race decides who deserves a further train seed, and when.
//
// A point is all trials of one Params.Key; its trials have the seeds train.seed,
// repeats.seeds[0], repeats.seeds[1], ... in this order, so that the seeds of any
// two points are prefixes of one list and the points are paired. How far a point
// is one of the winners is its margin (see field), in units of the noise of one
// result. A point is undecided when its margin is within t standard errors of 0, t
// the 97.5 % quantile of Student's distribution: further seeds go to undecided
// points alone, as in racing (Birattari, Stützle, Paquete & Varrentrapp, GECCO
// 2002; irace: López-Ibáñez et al., Oper. Res. Perspect. 3, 2016). Among them the
// next seed goes where one more result is expected to better the choice most: the
// knowledge gradient for a flat prior (Frazier, Powell & Dayanik, SIAM J. Control
// Optim. 47, 2008),
//
//	gain(p) = s (phi(z) + z Phi(z)),  z = -|margin(p)|/s,  s = 1/sqrt(n (n + 1))
//
// with n the results of p that are there or pending; s is how far the next one is
// expected to move their mean. A point that is no winner does not overtake the
// winner nearest to it: the winner has the seed first.
//
// While neither repeats nor the baseline's seeds tell the noise, the points of the
// smallest |margin| get their second seed, raceLearn of them at first.
type race struct {
	request Request
	seeds   []int64  // that a point's trials have, in order
	points  []*point // by their first trial
	trials  int      // of the search, started
	repeats int      // of them
	waiting int      // of the repeats, pending
}

// point is a point of the search and what became of it.
type point struct {
	params sweep.Params
	key    string
	first  int     // number of its first trial
	seeds  []int64 // of its trials, finished or pending
	done   int     // completed trials
	n      int     // completed and pending trials
	out    bool    // it diverged with some seed, and so is no winner
}

func newRace(r Request) *race {
	c := &race{request: r}
	if r.Spec.Repeats != nil {
		c.seeds = append([]int64{r.Spec.Train.Seed}, r.Spec.Repeats.Seeds...)
	}
	byKey := make(map[string]*point)
	add := func(a sweep.Assignment, status sweep.Status) {
		if a.Kind == sweep.KindBaseline {
			return
		}
		key := a.Params.Key()
		p := byKey[key]
		if p == nil {
			p = &point{params: a.Params, key: key, first: a.Number}
			byKey[key] = p
			c.points = append(c.points, p)
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
		if r.Spec.Repeats != nil && slices.Contains(r.Spec.Repeats.Seeds, a.Seed) {
			c.repeats++
			if status == "" {
				c.waiting++
			}
		}
	}
	for _, t := range r.Ledger {
		add(t.Assignment, t.Status)
	}
	for _, a := range r.Pending {
		add(a, "")
	}
	slices.SortFunc(c.points, func(a, b *point) int { return cmp.Compare(a.first, b.first) })
	return c
}

// allowed reports whether one more repeat keeps to repeats.share.
func (c *race) allowed() bool {
	if c.request.Spec.Repeats == nil || c.request.Exact {
		return false
	}
	const rounding = 1e-9
	return float64(c.repeats+1) <= c.request.Spec.Repeats.Share*float64(c.trials+1)+rounding
}

// early reports whether new points go before repeats: while few points have a
// result, while a grid that fits the budget has points left, and under a run_cap
// until no more than the share of repeats is left of it, since a repeat of a point
// that the search leaves behind decides nothing. To learn the noise is due when
// twice the share is left, so that the finals do not wait for it: with 8 trials in
// flight as many as 4 of 10 repeats were not made otherwise.
func (c *race) early() bool {
	spec := c.request.Spec
	if spec.Repeats == nil || c.few() {
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
	return left > 2*finals || left > finals && newField(c).known
}

// few reports whether the points with a result are too few to tell who leads.
func (c *race) few() bool {
	results, dimensions := 0, 0
	for _, p := range c.points {
		if p.done > 0 {
			results++
		}
	}
	for _, p := range c.request.Spec.Parameters {
		if !space.IsConstant(p) {
			dimensions++
		}
	}
	return results < max(raceStart, 2*dimensions)
}

// next is the repeat that is deserved most; ok is false when none is deserved or
// allowed.
func (c *race) next() (a sweep.Assignment, ok bool) {
	if !c.allowed() {
		return sweep.Assignment{}, false
	}
	who, value, why := c.deserving()
	if who == nil {
		return sweep.Assignment{}, false
	}
	k := c.unused(who)
	return sweep.Assignment{
		Number: c.request.Number, Kind: sweep.KindSearch, Params: maps.Clone(who.params), Seed: c.seeds[k],
		Reason: sweep.Reason{
			Sampler: string(c.request.Spec.Method), Acquisition: value,
			Note: fmt.Sprintf("repeat %d of trial %d's point with seed %d: %s", k, who.first, c.seeds[k], why),
		},
	}, true
}

// unused is the position of p's next seed, -1 when it had them all.
func (c *race) unused(p *point) int {
	return slices.IndexFunc(c.seeds, func(seed int64) bool { return !slices.Contains(p.seeds, seed) })
}

// deserving picks a point, with its gain and the reason; nil for none.
func (c *race) deserving() (who *point, value float64, why string) {
	f := newField(c)
	if !f.known {
		return c.learn(f)
	}
	for _, s := range f.standings {
		if math.Abs(s.margin) >= f.quantile*f.deviation(s) {
			continue
		}
		p := s.point
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

// learn gives a second seed to the point of the smallest |margin| that has none,
// while too few are pending to make the noise known.
func (c *race) learn(f *field) (who *point, value float64, why string) {
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
		if s.point.n < 2 && c.unused(s.point) >= 0 {
			return s.point, 0, "to learn how much a seed matters"
		}
	}
	return nil, 0, ""
}

func gain(margin float64, n int) float64 {
	s := 1 / math.Sqrt(float64(n)*float64(n+1))
	z := -math.Abs(margin) / s
	return s * (distuv.UnitNormal.Prob(z) + z*distuv.UnitNormal.CDF(z))
}
