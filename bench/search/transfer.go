package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"sync"

	"gonum.org/v1/gonum/stat"

	"github.com/tailsweep/tailsweep/bench/measure"
	"github.com/tailsweep/tailsweep/bench/search/clock"
	"github.com/tailsweep/tailsweep/bench/search/problems"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/sampler"
	"github.com/tailsweep/tailsweep/sweep/stream"
)

// kinship is how an earlier problem differs from the one that is searched.
type kinship struct {
	name  string
	alike bool
	of    func(p problems.Problem) problems.Problem
}

// kinships are the earlier problems: rescaled ones have the same optimum, shifted ones
// another at the given share of each range. The last three mislead: the best configurations
// are among the worst of the problem, or lengthscales are those of other parameters.
var kinships = []kinship{
	{"rescaled", true, func(p problems.Problem) problems.Problem { return rescaled(p, 40, 3) }},
	{"shifted by 0.05, rescaled", true, func(p problems.Problem) problems.Problem { return rescaled(shifted(p, 0.05), -7, 0.2) }},
	{"shifted by 0.2", false, func(p problems.Problem) problems.Problem { return shifted(p, 0.2) }},
	{"shifted by 0.5", false, func(p problems.Problem) problems.Problem { return shifted(p, 0.5) }},
	{"upside down", false, func(p problems.Problem) problems.Problem { return rescaled(p, 0, -1) }},
	{"shifted by 0.5, parameters exchanged", false, func(p problems.Problem) problems.Problem { return exchanged(shifted(p, 0.5)) }},
}

// transferProblems have continuous parameters, which can be shifted, and one objective.
var transferProblems = []string{"branin", "hartmann3", "styblinski4", "griewank5", "hartmann6", "ackley5", "levy6", "rosenbrock4", "tail", "tail-noisy"}

// rescaled is p with a + b f as its values.
func rescaled(p problems.Problem, a, b float64) problems.Problem {
	eval := p.Eval
	p.Eval = func(params sweep.Params) ([]float64, []float64) {
		values, constraints := eval(params)
		scaled := make([]float64, len(values))
		for i, v := range values {
			scaled[i] = a + b*v
		}
		return scaled, constraints
	}
	return p
}

// shifted is p with its ranges moved by a share of their length, on their own scale; what
// leaves a range at its end is reflected. Exact zeros and categories stay.
func shifted(p problems.Problem, share float64) problems.Problem {
	eval := p.Eval
	p.Eval = func(params sweep.Params) ([]float64, []float64) {
		moved := maps.Clone(params)
		for i, q := range p.Space {
			v, has := moved[q.Name]
			if !has || v.IsWord() || v.Float() == 0 && q.Zero > 0 {
				continue
			}
			u := shareOf(q, v.Float()) + share*float64(1-2*(i%2))
			if u < 0 {
				u = -u
			}
			if u > 1 {
				u = 2 - u
			}
			moved[q.Name] = atShare(q, u)
		}
		return eval(moved)
	}
	return p
}

// shareOf is where v lies in q's range, on its own scale: 0 at its beginning, 1 at its end.
func shareOf(q sweep.Parameter, v float64) float64 {
	low, high := q.Min, q.Max
	if q.Distribution == sweep.DistLogUniform {
		low, high, v = math.Log(low), math.Log(high), math.Log(v)
	}
	return (v - low) / (high - low)
}

// atShare is the value at share u of q's range.
func atShare(q sweep.Parameter, u float64) sweep.Value {
	low, high := q.Min, q.Max
	log := q.Distribution == sweep.DistLogUniform
	if log {
		low, high = math.Log(low), math.Log(high)
	}
	v := low + u*(high-low)
	if log {
		v = math.Exp(v)
	}
	return sweep.Number(min(max(v, q.Min), q.Max))
}

// exchanged is p in which each range has the part of the next one of its kind: of the same
// distribution, with or without an exact zero. Conditional ranges and categories keep
// theirs.
func exchanged(p problems.Problem) problems.Problem {
	kin := make(map[string][]sweep.Parameter)
	for _, q := range p.Space {
		if q.When == nil && len(q.Values) == 0 {
			kind := fmt.Sprint(q.Distribution, q.Zero > 0)
			kin[kind] = append(kin[kind], q)
		}
	}
	eval := p.Eval
	p.Eval = func(params sweep.Params) ([]float64, []float64) {
		moved := maps.Clone(params)
		for _, list := range kin {
			for i, to := range list {
				from := list[(i+1)%len(list)]
				moved[to.Name] = params[from.Name]
				if v := params[from.Name].Float(); v != 0 || from.Zero == 0 {
					moved[to.Name] = atShare(to, shareOf(from, v))
				}
			}
		}
		return eval(moved)
	}
	return p
}

// transferEarlier are the trials of an earlier sweep, transferBudget the budget of a run.
const transferEarlier, transferBudget = 40, 50

// transferFloor is the smallest loss that counts: a smaller one is replaced by it, since
// ratios of such losses are noise.
const transferFloor = 1e-4

// transferRun is one search after an earlier one, and the same search from nothing: with
// the same seed, so that both have the same first points, durations and noise.
type transferRun struct {
	method, problem, kinship string
	seed                     uint64
	from, nothing            []float64 // losses after the trials that are compared
}

// ratio is the logarithm of how the losses compare; above 0 the earlier sweep has misled.
func (r transferRun) ratio(at int) float64 {
	return math.Log(max(r.from[at], transferFloor)) - math.Log(max(r.nothing[at], transferFloor))
}

// transferPlan says which runs are made, and after how many trials they are compared.
type transferPlan struct {
	methods, problems []string
	parallel          int
	seeds             int
	first             uint64
	after             []int
	jobs              int
}

// play makes the runs.
func (t transferPlan) play() ([]transferRun, error) {
	type task struct {
		problem string
		seed    uint64
	}
	var tasks []task
	for _, p := range t.problems {
		for s := range t.seeds {
			tasks = append(tasks, task{p, t.first + uint64(s)})
		}
	}
	runs, errs := make([][]transferRun, len(tasks)), make([]error, len(tasks))
	var group sync.WaitGroup
	slots := make(chan struct{}, max(t.jobs, 1))
	for i, task := range tasks {
		group.Go(func() {
			slots <- struct{}{}
			runs[i], errs[i] = t.once(task.problem, task.seed)
			<-slots
		})
	}
	group.Wait()
	return slices.Concat(runs...), errors.Join(errs...)
}

// once makes the runs of a problem and a seed. All methods learn from the same sweeps.
func (t transferPlan) once(name string, seed uint64) ([]transferRun, error) {
	p, has := problems.Lookup(name)
	if !has {
		return nil, fmt.Errorf("unknown problem %q", name)
	}
	o := clock.Options{Budget: transferBudget, Parallel: t.parallel, Seed: seed}
	scale := p.Scale()
	losses := func(method string, prior ...sampler.Source) ([]float64, error) {
		search, err := clock.NewSearch(p, sweep.Method(method), o, prior...)
		if err != nil {
			return nil, err
		}
		short := o
		short.Budget = min(o.Budget, slices.Max(t.after)+t.parallel-1) // those in flight when the last one compared ends
		trace, err := clock.Run(p, search, short)
		if err != nil {
			return nil, err
		}
		all := trace.Losses()
		var list []float64
		for _, n := range t.after {
			list = append(list, max(min(all[n-1]/scale, 1), 0))
		}
		return list, nil
	}
	nothing := make(map[string][]float64)
	for _, m := range t.methods {
		var err error
		if nothing[m], err = losses(m); err != nil {
			return nil, err
		}
	}
	var list []transferRun
	for _, k := range kinships {
		earlier, before := k.of(p), clock.Options{Budget: transferEarlier, Parallel: t.parallel, Seed: seed + 500_000} // other points
		old, err := clock.NewSearch(earlier, sweep.MethodBayes, before)
		if err != nil {
			return nil, err
		}
		if _, err := clock.Run(earlier, old, before); err != nil {
			return nil, err
		}
		source := clock.Earlier(old)
		for _, m := range t.methods {
			from, err := losses(m, source)
			if err != nil {
				return nil, err
			}
			list = append(list, transferRun{m, name, k.name, seed, from, nothing[m]})
		}
	}
	return list, nil
}

// write writes a table for each method.
func (t transferPlan) write(out io.Writer, runs []transferRun) {
	for _, method := range t.methods {
		_, _ = fmt.Fprintf(out, "## %s\n\n| earlier sweep |", method)
		for _, n := range t.after {
			_, _ = fmt.Fprintf(out, " after %d: from it | from nothing | ratio | 95 %% interval | better |", n)
		}
		_, _ = fmt.Fprintf(out, "\n|---|%s\n", strings.Repeat("---:|", 5*len(t.after)))
		for _, k := range kinships {
			of := slices.DeleteFunc(slices.Clone(runs), func(r transferRun) bool { return r.method != method || r.kinship != k.name })
			_, _ = fmt.Fprintf(out, "| %s |", k.name)
			for at := range t.after {
				_, _ = fmt.Fprint(out, compare(of, at))
			}
			_, _ = fmt.Fprintln(out)
		}
		_, _ = fmt.Fprintln(out)
	}
}

// compare is a part of a table's row: losses are geometric means over runs.
func compare(runs []transferRun, at int) string {
	ratios, losses := make([]float64, len(runs)), make([]float64, len(runs))
	better := 0.0
	for i, r := range runs {
		ratios[i], losses[i] = r.ratio(at), math.Log(max(r.nothing[at], transferFloor))
		switch {
		case ratios[i] < 0:
			better++
		case ratios[i] == 0:
			better += 0.5
		}
	}
	ratio, nothing := math.Exp(stat.Mean(ratios, nil)), math.Exp(stat.Mean(losses, nil))
	low, high := interval(runs, at)
	verdict := ""
	if low > 0 {
		verdict = " **worse**"
	}
	return fmt.Sprintf(" %.2g | %.2g | %.2f | %.2f to %.2f%s | %.0f %% |", ratio*nothing, nothing, ratio, math.Exp(low), math.Exp(high), verdict, 100*better/float64(len(runs)))
}

// interval is the 95 % bootstrap interval of the mean ratio, over seeds: the runs of a seed
// on problems of as many parameters have the same first points.
func interval(runs []transferRun, at int) (low, high float64) {
	bySeed := make(map[uint64][]float64)
	for _, r := range runs {
		bySeed[r.seed] = append(bySeed[r.seed], r.ratio(at))
	}
	var values []float64
	for _, seed := range slices.Sorted(maps.Keys(bySeed)) {
		values = append(values, stat.Mean(bySeed[seed], nil))
	}
	rng := stream.Named("tailsweep/bench/earlier")
	means := make([]float64, 10_000)
	for i := range means {
		for range values {
			means[i] += values[rng.IntN(len(values))] / float64(len(values))
		}
	}
	slices.Sort(means)
	return means[len(means)/40], means[len(means)-1-len(means)/40]
}

// measureEarlier makes the runs for each parallelism, and writes the report.
func measureEarlier(t transferPlan, parallels, document string) error {
	list, err := measure.Numbers("parallel", parallels)
	if err != nil {
		return err
	}
	var text strings.Builder
	text.WriteString(transferHead)
	for _, t.parallel = range list {
		runs, err := t.play()
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(&text, "# %d in flight, %d seeds from %d\n\n", t.parallel, t.seeds, t.first)
		t.write(&text, runs)
	}
	fmt.Print(text.String())
	if document == "" {
		return nil
	}
	return os.WriteFile(document, []byte(text.String()), 0o644)
}

const transferHead = `Written by make bench-earlier; do not edit.

Regret of a search that learns from an earlier sweep (40 trials of bayes on a changed function), and of the same search from nothing with the same seed:
geometric mean over problems and seeds, 1 is the loss of one random trial. The interval is the bootstrap's of the ratio, over the seeds, since the
runs of a seed share their first points; **worse** where it is above 1. "better" is the share of pairs in which the search with the earlier sweep is ahead; a tie is half.

`
