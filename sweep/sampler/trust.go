package sampler

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/gp"
	"github.com/tailsweep/tailsweep/sweep/stream"
)

const (
	// probes is how many of the first trials are chosen by earlier sweeps of another
	// training, before any result can contradict them.
	probes = 2

	// A prior is trusted where, of random orders of the results, at most the share trustLevel
	// agrees with it as well as theirs does; shuffles are how many orders are drawn.
	trustLevel, shuffles = 0.05, 999

	// leastTested is the least number of results that a prior is tested by: with fewer not
	// even the best order is significant.
	leastTested = 4

	// mostTested is the number of results from which on earlier sweeps no longer count: the
	// odds for their means are negligible then (gp.Options.Trends).
	mostTested = 60

	// guided is the number of results up to which priors lead every method.
	guided = 14
)

// advised calls a method that learns, with what earlier sweeps of another training are
// worth. It stands in front of all of these methods.
//
// The first trials are probes, by the priors alone. The next ones are the first of a search
// from nothing, with the same points of the Sobol sequence, until there is one result less
// than bayes needs for its model. From then on a process whose lengthscales are near those
// of a prior (gp.Options.Similar) suggests the trials: even sweeps with different optima may
// have these in common. bayes keeps this process, other methods continue from its results.
//
// Where the results agree with a prior, the mean of this process may be the prior's
// (gp.Options.Trends): the ranks of what its models predict and of what was measured
// correlate (Spearman), and the correlation is significant. With a significant correlation
// of the other sign the mean is the prior's, reversed. The test is repeated at each call, so
// that a prior that misleads is dropped. It compares ranks, so that units do not matter.
func advised(r Request, suggest func(*call) (sweep.Params, sweep.Reason, error)) (sweep.Params, sweep.Reason, error) {
	c := newCall(r)
	if priors := c.priors(); len(priors) > 0 {
		c.schedule(priors)
		for _, p := range priors {
			if !c.learned.tested {
				c.test(p)
			}
		}
		c.learned.tested = true
	}
	params, reason, err := c.led(suggest)
	reason.Note = notes(append([]string{reason.Note}, c.learned.advice...)...)
	return params, reason, err
}

// led suggests by the priors, or by the method.
func (c *call) led(suggest func(*call) (sweep.Params, sweep.Reason, error)) (sweep.Params, sweep.Reason, error) {
	if c.probing != nil {
		if params, ok := c.probe(c.probing); ok {
			return params, c.reason, nil
		}
	}
	n := len(c.known().x)
	early := len(c.learned.experts) > 0 && n >= start(c.Spec, len(c.cube.Order))-1
	if (early || len(c.learned.trusted) > 0) && n < guided {
		return c.byModel()
	}
	return suggest(c)
}

// schedule makes the first trials probes, of each prior in turn, and leaves the others the
// indices of a search from nothing. Where results of the same training exist, these decide
// at once.
func (c *call) schedule(priors []*prior) {
	same := 0
	for _, t := range c.Ledger {
		if t.Number < 0 {
			same++
		}
	}
	if same >= leastTested {
		return
	}
	if c.Index < probes {
		c.probing = priors[c.Index%len(priors)]
	}
	c.Index = max(c.Index-probes, 0)
}

// test decides what of a prior counts: its lengthscales, and its mean if it is trusted.
func (c *call) test(p *prior) {
	if len(c.Spec.Metrics) > maxVolumes {
		c.advise("sweep %s counts only by its probes: the spec has more than %d metrics", p.sweep, maxVolumes)
		return
	}
	n := len(c.known().x)
	switch {
	case n < bayesStart-1:
		c.advise("sweep %s: %d of the %d results that test it", p.sweep, n, leastTested)
		return
	case n >= mostTested:
		c.advise("sweep %s does not count after %d results", p.sweep, mostTested)
		return
	}
	m, err := p.model()
	if err != nil {
		c.advise("sweep %s does not count: %v", p.sweep, err)
		return
	}
	e, l := expert{prior: p, model: m}, c.learned
	if n < leastTested {
		l.experts = append(l.experts, e)
		c.advise("sweep %s: %d of the %d results that test it", p.sweep, n, leastTested)
		return
	}
	switch agree, oppose := c.chances(e); {
	case agree <= trustLevel:
		c.advise("the results agree with sweep %s (p = %.2g)", p.sweep, agree)
	case oppose <= trustLevel:
		e.reversed = true
		c.advise("the results are the reverse of sweep %s (p = %.2g)", p.sweep, oppose)
	default:
		l.experts = append(l.experts, e)
		c.advise("the results do not agree with sweep %s (p = %.2g)", p.sweep, agree)
		return
	}
	l.experts = slices.Insert(l.experts, len(l.trusted), expert{prior: p, model: m})
	l.trusted = append(l.trusted, e)
}

func (c *call) advise(format string, args ...any) {
	c.learned.advice = append(c.learned.advice, fmt.Sprintf(format, args...))
}

// chances are the probabilities that a random order of the results agrees with an expert at
// least as well as theirs does, and at most as well: permutation tests of the sum over the
// metrics of the rank correlations.
func (c *call) chances(e expert) (agree, oppose float64) {
	var predicted, measured [][]float64 // ranks, `[m][n]`
	n := len(c.known().x)
	for k, metric := range c.Spec.Metrics {
		at := slices.Index(e.Spec.Metrics, metric)
		if at < 0 {
			continue
		}
		p, v := make([]float64, n), make([]float64, n)
		var w gp.Workspace
		for i, x := range c.known().x {
			p[i] = e.objectives[at].Mean(x, &w)
			v[i] = c.known().values[i][k]
		}
		if slices.Min(p) < slices.Max(p) && slices.Min(v) < slices.Max(v) { // equal values have no order
			predicted, measured = append(predicted, ranks(p)), append(measured, ranks(v))
		}
	}
	if len(measured) == 0 {
		return 1, 1
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	shuffled := make([]float64, n)
	agreement := func() (sum float64) {
		for k := range measured {
			for i, at := range order {
				shuffled[i] = measured[k][at]
			}
			sum += stat.Correlation(predicted[k], shuffled, nil)
		}
		return sum
	}
	observed := agreement()
	rng := stream.Named("tailsweep/sampler/trust/" + strconv.FormatInt(c.Spec.Seed, 10) + "/" + e.sweep + "/" + strconv.Itoa(n))
	above, below := 1, 1
	for range shuffles {
		rng.Shuffle(n, func(i, j int) { order[i], order[j] = order[j], order[i] })
		a := agreement()
		if a >= observed-1e-12 {
			above++
		}
		if a <= observed+1e-12 {
			below++
		}
	}
	return float64(above) / (shuffles + 1), float64(below) / (shuffles + 1)
}

// notes joins the parts of a note, without empty ones.
func notes(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "; ")
}

// ranks are the ranks of values; equal ones have their mean.
func ranks(values []float64) []float64 {
	sorted := slices.Sorted(slices.Values(values))
	list := make([]float64, len(values))
	for i, v := range values {
		low, _ := slices.BinarySearch(sorted, v)
		high := low
		for high < len(sorted) && sorted[high] == v {
			high++
		}
		list[i] = float64(low+high-1) / 2
	}
	return list
}
