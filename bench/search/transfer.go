package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/tailsweep/tailsweep/bench/measure"
	"github.com/tailsweep/tailsweep/bench/search/clock"
	"github.com/tailsweep/tailsweep/bench/search/problems"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/sampler"
)

// kinship is how an earlier problem differs from the one that is searched.
type kinship struct {
	name  string
	alike bool
	of    func(p problems.Problem) problems.Problem
}

// kinships are the earlier problems: rescaled ones have the same optimum, shifted ones
// another at the given share of each range, and the last two mislead: their best
// configurations are among the worst of the problem.
var kinships = []kinship{
	{"rescaled", true, func(p problems.Problem) problems.Problem { return rescaled(p, 40, 3) }},
	{"shifted by 0.05, rescaled", true, func(p problems.Problem) problems.Problem { return rescaled(shifted(p, 0.05), -7, 0.2) }},
	{"shifted by 0.2", false, func(p problems.Problem) problems.Problem { return shifted(p, 0.2) }},
	{"shifted by 0.5", false, func(p problems.Problem) problems.Problem { return shifted(p, 0.5) }},
	{"upside down", false, func(p problems.Problem) problems.Problem { return rescaled(p, 0, -1) }},
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
			low, high, at := q.Min, q.Max, v.Float()
			log := q.Distribution == sweep.DistLogUniform
			if log {
				low, high, at = math.Log(low), math.Log(high), math.Log(at)
			}
			u := (at-low)/(high-low) + share*float64(1-2*(i%2))
			if u < 0 {
				u = -u
			}
			if u > 1 {
				u = 2 - u
			}
			at = low + u*(high-low)
			if log {
				at = math.Exp(at)
			}
			moved[q.Name] = sweep.Number(min(max(at, q.Min), q.Max))
		}
		return eval(moved)
	}
	return p
}

// transferEarlier are the trials of an earlier sweep, transferBudget those of a run.
const transferEarlier, transferBudget = 40, 50

// transferAfter are the trials after which losses are compared.
var transferAfter = []int{10, 20, 50}

// transferRun is one search after an earlier one, and the same search from nothing.
type transferRun struct {
	method, problem, kinship string
	from, nothing            []float64 // losses after transferAfter
}

// transfer measures what earlier sweeps are worth, and writes a table of it.
func transfer(out io.Writer, methods []string, names []string, parallel, seeds, jobs int, first uint64) error {
	type task struct {
		method, problem string
		seed            uint64
	}
	var tasks []task
	for _, m := range methods {
		for _, p := range names {
			for s := range seeds {
				tasks = append(tasks, task{m, p, first + uint64(s)})
			}
		}
	}
	runs, errs := make([][]transferRun, len(tasks)), make([]error, len(tasks))
	var group sync.WaitGroup
	slots := make(chan struct{}, max(jobs, 1))
	for i, t := range tasks {
		group.Go(func() {
			slots <- struct{}{}
			runs[i], errs[i] = transferOnce(t.method, t.problem, parallel, t.seed)
			<-slots
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	transferTable(out, methods, slices.Concat(runs...))
	return nil
}

func transferOnce(method, name string, parallel int, seed uint64) ([]transferRun, error) {
	p, has := problems.Lookup(name)
	if !has {
		return nil, fmt.Errorf("unknown problem %q", name)
	}
	o := clock.Options{Budget: transferBudget, Parallel: parallel, Seed: seed}
	scale := p.Scale()
	losses := func(prior ...sampler.Source) ([]float64, error) {
		search, err := clock.NewSearch(p, sweep.Method(method), o, prior...)
		if err != nil {
			return nil, err
		}
		trace, err := clock.Run(p, search, o)
		if err != nil {
			return nil, err
		}
		all := trace.Losses()
		var list []float64
		for _, n := range transferAfter {
			list = append(list, max(min(all[n-1]/scale, 1), 0))
		}
		return list, nil
	}
	nothing, err := losses()
	if err != nil {
		return nil, err
	}
	var list []transferRun
	for _, k := range kinships {
		earlier := k.of(p)
		old, err := clock.NewSearch(earlier, sweep.MethodBayes, o)
		if err != nil {
			return nil, err
		}
		if _, err := clock.Run(earlier, old, clock.Options{Budget: transferEarlier, Parallel: parallel, Seed: seed + 500}); err != nil {
			return nil, err
		}
		from, err := losses(clock.Earlier(old))
		if err != nil {
			return nil, err
		}
		list = append(list, transferRun{method, name, k.name, from, nothing})
	}
	return list, nil
}

// transferTable writes the median losses, and how often the search from nothing was better.
func transferTable(out io.Writer, methods []string, runs []transferRun) {
	for _, method := range methods {
		_, _ = fmt.Fprintf(out, "## %s\n\n| earlier sweep |", method)
		for _, n := range transferAfter {
			_, _ = fmt.Fprintf(out, " after %d: from it | from nothing | ratio | better |", n)
		}
		_, _ = fmt.Fprintf(out, "\n|---|%s\n", strings.Repeat("---:|", 4*len(transferAfter)))
		for _, k := range kinships {
			_, _ = fmt.Fprintf(out, "| %s |", k.name)
			for at := range transferAfter {
				var from, nothing float64
				var better, n float64
				problems := 0.0
				byProblem := make(map[string][2][]float64)
				for _, r := range runs {
					if r.method != method || r.kinship != k.name {
						continue
					}
					pair := byProblem[r.problem]
					pair[0], pair[1] = append(pair[0], r.from[at]), append(pair[1], r.nothing[at])
					byProblem[r.problem] = pair
					n++
					switch {
					case r.from[at] < r.nothing[at]:
						better++
					case r.from[at] == r.nothing[at]:
						better += 0.5
					}
				}
				for _, name := range slices.Sorted(maps.Keys(byProblem)) {
					pair := byProblem[name]
					from += math.Log(max(median(pair[0]), 1e-4))
					nothing += math.Log(max(median(pair[1]), 1e-4))
					problems++
				}
				a, b := math.Exp(from/problems), math.Exp(nothing/problems)
				_, _ = fmt.Fprintf(out, " %.2g | %.2g | %.2f | %.0f %% |", a, b, a/b, 100*better/n)
			}
			_, _ = fmt.Fprintln(out)
		}
		_, _ = fmt.Fprintln(out)
	}
}

// measureEarlier runs transfer for each parallelism, and writes the report.
func measureEarlier(methods, parallels string, seeds, jobs int, first uint64, document string) error {
	list, err := measure.Numbers("parallel", parallels)
	if err != nil {
		return err
	}
	var text strings.Builder
	text.WriteString(transferHead)
	for _, parallel := range list {
		_, _ = fmt.Fprintf(&text, "# %d in flight, %d seeds from %d\n\n", parallel, seeds, first)
		if err := transfer(&text, strings.Split(methods, ","), transferProblems, parallel, seeds, jobs, first); err != nil {
			return err
		}
	}
	fmt.Print(text.String())
	if document == "" {
		return nil
	}
	return os.WriteFile(document, []byte(text.String()), 0o644)
}

const transferHead = `Written by make bench-earlier; do not edit.

Regret of a search that learns from an earlier sweep (40 trials of bayes on a changed function), and of the same search from nothing: geometric mean over
problems of the medians over seeds, 1 is the loss of one random trial. "better" is the share of pairs of runs of a seed in which the search with the earlier sweep
is ahead; a tie is half.

`
