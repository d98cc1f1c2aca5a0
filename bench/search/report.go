package main

import (
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/bench/measure"
	"github.com/tailsweep/tailsweep/bench/search/problems"
)

// ours is the engine that the goals are about.
const ours = "bayes"

// report writes docs/benchmarks/search.md.
type report struct {
	out   io.Writer
	kept  *store
	plan  plan
	sets  []string // of problems, a table each
	speed []latency
}

func (r report) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(r.out, format, args...) // a strings.Builder takes everything
}

func (r report) write() {
	r.printf(`# How good the search is

Written by %[1]smake bench-search%[1]s (%[1]smake bench-search-gp%[1]s with the peer that needs PyTorch); do not edit.
%[2]s, Go %[3]s, %[4]d cores of %[5]s.

The engines search functions with a known optimum (bench/search/problems) in virtual time. The duration of a trial is between 0.5 and 1.5 times the mean, so that with several trials
in flight results arrive in another order than the trials started. Every engine gets the same durations and the same noise.

- **Loss**: with one objective the regret f(x) - f*, x the best trial as observed, f(x) without noise; with several the hypervolume shortfall (V - HV)/V of the feasible trials.
  Regret is divided by the median regret of a random point: 1 is the loss of one random trial, 0 that of the optimum. While nothing is feasible the loss is 1.
- **Median** over %[6]d seeds, %[7]d to %[8]d, or over the number of runs in brackets. bayes was tuned on other seeds of the problems "tuning" (not listed here) and "reported"; the problems
  "heldout" were not used for tuning.
- **Geometric mean** over problems; medians below %.0[9]e count as %.0[9]e.
- **Problems won**: on how many the engine has the lowest median; ties are shared. **Runs that bayes wins**: share of pairs of runs of the same seed; a tie is half.
- Peers have their defaults and run in a process of their own, with one thread, through the protocol of %[1]stailsweep asktell%[1]s. Optuna cannot express a log range with an exact zero: there
  the range is widened towards 0 by the zero's share (bench/search/peers/optuna_peer.py).

Versions: %[10]s. That of a method of this module is a digest of what it suggests in short runs (bench/search/version.go); that of a peer is its release.

To repeat one number: %[1]sgo run ./bench/search -engines bayes,random -problems ackley5 -budget 100 -parallel 8 -seeds 10 -first-seed 1000%[1]s. All curves are in bench/search/results/.

`, "`", time.Now().UTC().Format("2006-01-02"), strings.TrimPrefix(runtime.Version(), "go"), runtime.NumCPU(), measure.Processor(), r.plan.seeds, r.plan.first, r.plan.first+uint64(r.plan.seeds)-1, floor, r.versions())
	r.goals()
	for _, parallel := range r.plan.parallels {
		for i := len(r.plan.budgets) - 1; i >= 0; i-- {
			for _, set := range r.sets {
				r.table(set, r.plan.budgets[i], parallel)
			}
		}
	}
	r.latencies()
}

func (r report) versions() string {
	var list []string
	for _, e := range r.plan.engines {
		list = append(list, e.Name+" "+e.Version)
	}
	return strings.Join(list, ", ")
}

// table writes the medians of one set at one budget.
func (r report) table(set string, budget, parallel int) {
	p := r.plan
	p.problems = sets[set]
	results := p.chosen(r.kept, budget, parallel)
	s := summarise(p.problems, p.engines, results)
	r.printf("## %d trials, %d in flight: %s problems\n\n| problem |", budget, parallel, set)
	for _, e := range p.engines {
		r.printf(" %s |", e.Name)
	}
	r.printf("\n|---|%s\n", strings.Repeat("---:|", len(p.engines)))
	for i, name := range p.problems {
		r.printf("| %s |", name)
		for j := range p.engines {
			few := ""
			if n := s.runs[i][j]; n < p.seeds {
				few = fmt.Sprintf(" (%d)", n)
			}
			switch m := s.medians[i][j]; {
			case math.IsNaN(m):
				r.printf(" |")
			case s.best(i, j):
				r.printf(" **%.2g**%s |", m, few)
			default:
				r.printf(" %.2g%s |", m, few)
			}
		}
		r.printf("\n")
	}
	line := func(name, format string, value func(j int) float64) {
		r.printf("| %s |", name)
		for j := range p.engines {
			if v := value(j); math.IsNaN(v) {
				r.printf(" |")
			} else {
				r.printf(" "+format+" |", v)
			}
		}
		r.printf("\n")
	}
	line("*geometric mean*", "%.2g", func(j int) float64 { return s.mean(j, j, 1) })
	line("*bayes on the same problems*", "%.2g", func(j int) float64 { return s.mean(s.index(ours), j, 1) })
	line("*problems won*", "%.3g", s.won)
	line("*runs that bayes wins*", "%.0f %%", func(j int) float64 { return 100 * s.pairs(ours, p.engines[j].Name) })
	r.printf("\n")
}

// goals writes the goals of the search engine, and whether they are met.
func (r report) goals() {
	r.printf("## Goals\n\nOver problems that both engines have run with at least half of the seeds.\n\n| goal | measured | |\n|---|---|---|\n")
	row := func(goal, measured string, met bool) {
		r.printf("| %s | %s | %s |\n", goal, measured, measure.Met(met))
	}
	for _, set := range r.sets {
		for _, g := range []struct {
			budget  int
			against string
			share   float64 // of problems to win
			ratio   float64 // of geometric means to stay below; 0: no goal
			multi   bool    // constrained problems of several objectives only
		}{
			{100, "optuna-gp", 0.9, 1. / 3, false},
			{50, "optuna-gp", 0.7, 0, false},
			{100, "optuna-tpe", 0, 0, false},
			{50, "optuna-tpe", 0, 0, false},
			{100, "optuna-nsga2", 1, 0, true},
		} {
			p := r.plan
			p.problems = nil
			for _, name := range sets[set] {
				if problem, _ := problems.Lookup(name); !g.multi || problem.Objectives > 1 && problem.Constraints > 0 {
					p.problems = append(p.problems, name)
				}
			}
			s := summarise(p.problems, p.engines, p.chosen(r.kept, g.budget, 8))
			enough := (p.seeds + 1) / 2
			wins, of := s.duel(ours, g.against, enough)
			if of == 0 {
				continue
			}
			where := fmt.Sprintf("%s, %d trials, 8 in flight: ", set, g.budget)
			if g.against == "optuna-tpe" {
				row(where+"below TPE everywhere but at most one", fmt.Sprintf("%d of %d", wins, of), wins >= of-1)
				continue
			}
			kind := "problems"
			if g.multi {
				kind = "constrained problems of two objectives"
			}
			row(fmt.Sprintf("%sbelow %s on %.0f %% of the %s", where, g.against, 100*g.share, kind), fmt.Sprintf("%d of %d", wins, of), float64(wins) >= g.share*float64(of))
			if g.ratio > 0 {
				theirs := s.index(g.against)
				ratio := s.mean(s.index(ours), theirs, enough) / s.mean(theirs, theirs, enough)
				row(where+"below a third of its geometric mean", fmt.Sprintf("%.2f of it", ratio), ratio < g.ratio)
			}
		}
	}
	for _, l := range r.speed {
		limit, has := map[int]float64{100: 20, 1000: 400, 5000: 2000}[l.trials]
		if has && l.engine == ours {
			row(fmt.Sprintf("%.0f ms a suggestion at %d trials", limit, l.trials), fmt.Sprintf("%.0f ms", l.millis), l.millis <= limit)
		}
	}
	r.printf("\n")
}
