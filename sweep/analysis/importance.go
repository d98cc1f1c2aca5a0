package analysis

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
)

// Importance says which parameters decide whether a configuration is good in one
// metric: PED-ANOVA (Watanabe, Bansal and Hutter 2023, "PED-ANOVA: Efficiently
// Quantifying Hyperparameter Importance in Arbitrary Subspaces", IJCAI, arXiv
// 2304.10255). With q the density of a parameter among the best k of n configurations
// and p its density among all n, its importance is the variance, over p, of the
// probability of being among the best
//
//	v = (k/n)^2 sum over bins of p (q/p - 1)^2
//
// that is, the squared share times Pearson's divergence of q from p: the part of the
// variance of "is among the best" that the parameter alone explains. Only the order of
// the configurations counts, so any monotone change of the metric leaves v unchanged.
// Effects that exist only as interactions are not included.
//
// Deviations from the paper: p is always the density of what was tried, never the
// uniform density of the space, so that a region where the search concentrates does
// not make a parameter look important. p and q have one bandwidth, since otherwise
// their ratio is not 1 where nothing matters. What chance alone would give, the mean
// of v over permutations of the configurations, is subtracted before the shares are
// formed; otherwise many useless parameters would together look important. Main
// effects of the metric's rank, as in fANOVA, find weak effects with fewer
// configurations (95 % instead of 38 % in the example of MinConfigurations), but they
// describe bad configurations as much as good ones.
type Importance struct {
	Metric string `json:"metric"`
	Global Region `json:"global"` // what makes a configuration good
	Local  Region `json:"local"`  // what makes a good configuration (of the better half) one of the best
}

// Region is the importances in one set of configurations.
type Region struct {
	Configurations int                   `json:"configurations"` // n
	Top            int                   `json:"top"`            // k
	Parameters     []ParameterImportance `json:"parameters"`
}

// ParameterImportance is one parameter's part. Lists are ordered by Share, then by
// name.
type ParameterImportance struct {
	Name   string  `json:"name"`
	Share  float64 `json:"share"`  // of what the parameters explain one by one; the shares sum to 1
	Active int     `json:"active"` // configurations that have the parameter
	P      float64 `json:"p"`      // probability of this importance by chance, times the number of parameters, at most 1
	Noise  bool    `json:"noise"`  // P > 0.05: not distinguishable from a parameter without effect
}

// Parameter returns the importance of the parameter with this name; zero where the region
// has none.
func (r Region) Parameter(name string) ParameterImportance {
	for _, p := range r.Parameters {
		if p.Name == name {
			return p
		}
	}
	return ParameterImportance{}
}

// Percent is the share in per cent.
func (p ParameterImportance) Percent() float64 { return 100 * p.Share }

// MinConfigurations is the smallest input of NewImportance. For x + 0.3 N(0, 1) with x
// and four useless parameters uniform on [0, 1], the 6 best of 30 configurations found x
// in 38 % of 40 sweeps and the 9 best in 57 %: hence minTop.
const (
	MinConfigurations = 20
	minTop            = 10 // of all configurations
	minLocalTop       = 5  // of the better half
)

// DefaultTop is the share of configurations that count as the best.
const DefaultTop = 0.1

const (
	permutations     = 499
	localRegion      = 0.5      // share of the configurations that are good
	notByChance      = 0.05     // of Noise
	importanceStream = 0x1e55a1 // second word of the generator's seed
)

// NewImportance finds the importances for a metric. top, in (0, 0.4], is the share of
// all configurations that count as the best; at least minTop of them do, or
// minLocalTop among the better half, and more on ties. Configurations of the search
// take part: those with several seeds by their mean, diverged and stopped ones as
// worse than any that completed; failed and cancelled ones are left out. A parameter
// that is absent where its condition is false is evaluated over the configurations that
// have it, and its v is weighted by their share; the effect of its presence counts for
// the parameter of the condition. Constants are left out. The permutations are seeded by
// spec.Seed.
func NewImportance(spec *sweep.Spec, trials []sweep.Trial, metric string, top float64) (Importance, error) {
	if !(top > 0 && top <= 0.4) {
		return Importance{}, fmt.Errorf("importance of the top %v of the configurations (valid: a share above 0, at most 0.4)", top)
	}
	o := ordering(spec, metric)[0]
	entries, completed := tried(spec, trials, o)
	if len(entries) < MinConfigurations || completed < minTop {
		return Importance{}, fmt.Errorf("importance for %s needs %d finished configurations of the search, %d of them completed with a value of it; there are %d and %d",
			o.Name, MinConfigurations, minTop, len(entries), completed)
	}
	rng := rand.New(rand.NewPCG(uint64(spec.Seed), importanceStream))
	k := func(least int) int {
		return withTies(entries, min(completed, max(least, shareOf(len(entries), top))))
	}
	half := withTies(entries, shareOf(len(entries), localRegion))
	return Importance{
		Metric: o.Name,
		Global: newRegion(spec, entries, k(minTop), rng),
		Local:  newRegion(spec, entries[:half], k(minLocalTop), rng),
	}, nil
}

// entry is a configuration that takes part, and its cost; lower is better.
type entry struct {
	params sweep.Params
	number int // of its first trial
	cost   float64
}

// tried returns the configurations of the search by cost, then by number, and how many
// of them completed.
func tried(spec *sweep.Spec, trials []sweep.Trial, o sweep.Objective) (entries []entry, completed int) {
	search := filter(trials, func(t sweep.Trial) bool { return t.Kind != sweep.KindBaseline })
	slices.SortFunc(search, func(a, b sweep.Trial) int { return cmp.Compare(a.Number, b.Number) })
	done := map[string]bool{}
	for _, p := range group(spec, search, []sweep.Objective{o}) {
		value, _ := p.Mean.Metric(o.Name)
		entries = append(entries, entry{p.Mean.Params, p.Mean.Number, o.Cost(value)})
		done[p.Mean.Params.Key()] = true
	}
	completed = len(entries)
	for _, t := range search {
		if key := t.Params.Key(); (t.Status == sweep.StatusDiverged || t.Status == sweep.StatusStopped) && !done[key] {
			entries = append(entries, entry{t.Params, t.Number, math.Inf(1)})
			done[key] = true
		}
	}
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.cost, b.cost), cmp.Compare(a.number, b.number))
	})
	return entries, completed
}

func shareOf(n int, share float64) int { return int(math.Ceil(share*float64(n) - 1e-9)) }

// withTies is n, or more where the entries after the n-th are as good as it.
func withTies(entries []entry, n int) int {
	for n < len(entries) && entries[n].cost == entries[n-1].cost {
		n++
	}
	return n
}

// newRegion finds the importances for being among the first k entries.
func newRegion(spec *sweep.Spec, entries []entry, k int, rng *rand.Rand) Region {
	r := Region{Configurations: len(entries), Top: k, Parameters: []ParameterImportance{}}
	var axes []axis
	for _, p := range spec.Parameters {
		if p.Distribution == sweep.DistConstant {
			continue
		}
		a := newAxis(p, entries, k)
		axes = append(axes, a)
		r.Parameters = append(r.Parameters, ParameterImportance{Name: p.Name, Active: a.active})
	}
	order := indices(len(entries))
	real, chance, asMuch := make([]float64, len(axes)), make([]float64, len(axes)), make([]int, len(axes))
	for i, a := range axes {
		real[i] = a.explained(order[:k])
	}
	for range permutations {
		for i := range k { // the first k of a shuffle (Fisher and Yates)
			j := i + rng.IntN(len(order)-i)
			order[i], order[j] = order[j], order[i]
		}
		for i, a := range axes {
			v := a.explained(order[:k])
			chance[i] += v / permutations
			if v >= real[i]*(1-1e-9) {
				asMuch[i]++
			}
		}
	}
	sum := 0.0
	for i := range axes {
		real[i] = max(0, real[i]-chance[i])
		sum += real[i]
	}
	for i := range r.Parameters {
		p := &r.Parameters[i]
		p.P = min(1, float64(len(axes))*float64(1+asMuch[i])/(1+permutations))
		p.Noise = p.P > notByChance
		p.Share = 1 / float64(len(axes)) // no parameter explains anything: equal shares
		if sum > 0 {
			p.Share = real[i] / sum
		}
	}
	slices.SortFunc(r.Parameters, func(a, b ParameterImportance) int {
		return cmp.Or(cmp.Compare(b.Share, a.Share), cmp.Compare(a.Name, b.Name))
	})
	return r
}
