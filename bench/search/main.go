package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/bench/measure"
	"github.com/tailsweep/tailsweep/bench/search/problems"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "search:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("search", flag.ContinueOnError)
	names := flags.String("engines", "bayes,random", "a method, asktell-METHOD, optuna-{tpe,gp,cmaes,nsga2,random}, goptuna-{tpe,cmaes}; separated by commas")
	problems := flags.String("problems", "tuning", "problems or sets (tuning, reported, heldout, all), separated by commas")
	budgets := flags.String("budget", "100", "trials a run, separated by commas")
	parallels := flags.String("parallel", "8", "trials in flight, separated by commas")
	seeds := flags.Int("seeds", 5, "runs of each problem and engine")
	first := flags.Uint64("first-seed", 1, "seed of the first run; 1000 to 1999 are reported, never tuned on")
	jobs := flags.Int("j", runtime.NumCPU(), "runs at the same time")
	folder := flags.String("results", "", "folder that keeps results")
	document := flags.String("report", "", "file to write the report to: docs/benchmarks/search.md")
	onlyKept := flags.Bool("kept", false, "run nothing: show what -results has")
	speed := flags.Bool("latency", false, "measure the time of a suggestion after 100, 1000 and 5000 trials, for the report")
	earlier := flags.Bool("earlier", false, "measure what earlier sweeps of other functions are worth instead, for the methods of -engines (docs/benchmarks/earlier.md)")
	after := flags.String("after", "10,20,50", "with -earlier: the trials, 50 at most, after which runs are compared")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *earlier {
		t := transferPlan{methods: strings.Split(*names, ","), problems: transferProblems, seeds: *seeds, first: *first, jobs: *jobs}
		var err error
		if t.after, err = measure.Numbers("after", *after); err != nil {
			return err
		}
		return measureEarlier(t, *parallels, *document)
	}
	list, err := choose(*problems)
	if err != nil {
		return err
	}
	var engines []engine
	for _, name := range strings.Split(*names, ",") {
		e, err := find(name)
		if err != nil {
			return err
		}
		engines = append(engines, e)
	}
	kept, err := load(*folder, engines)
	if err != nil {
		return err
	}
	p := plan{problems: list, engines: engines, seeds: *seeds, first: *first}
	if p.budgets, err = measure.Numbers("budget", *budgets); err != nil {
		return err
	}
	if p.parallels, err = measure.Numbers("parallel", *parallels); err != nil {
		return err
	}
	var playErr error
	if !*onlyKept {
		playErr = p.play(kept, *jobs)
	}
	for _, budget := range p.budgets {
		for _, parallel := range p.parallels {
			fmt.Printf("%d trials, %d in flight, %d seeds from %d\n", budget, parallel, *seeds, *first)
			if err := table(os.Stdout, p, p.chosen(kept, budget, parallel)); err != nil {
				return err
			}
			fmt.Println()
		}
	}
	if *document == "" {
		return playErr
	}
	var text strings.Builder
	r := report{out: &text, kept: kept, plan: p, sets: strings.Split(*problems, ",")}
	if *speed {
		asked := engines
		if own, err := find("asktell-" + ours); err == nil {
			asked = append([]engine{own}, engines...)
		}
		var err error
		if r.speed, err = measureLatency(asked); err != nil {
			return errors.Join(playErr, err)
		}
	}
	r.write()
	if err := os.MkdirAll(filepath.Dir(*document), 0o755); err != nil {
		return errors.Join(playErr, err)
	}
	return errors.Join(playErr, os.WriteFile(*document, []byte(text.String()), 0o644))
}

// choose resolves names of problems and of sets.
func choose(text string) ([]string, error) {
	var all []string
	for _, p := range problems.All() {
		all = append(all, p.Name)
	}
	var list []string
	for _, name := range strings.Split(text, ",") {
		switch set, ok := sets[name]; {
		case ok:
			list = append(list, set...)
		case name == "all":
			list = append(list, all...)
		case slices.Contains(all, name):
			list = append(list, name)
		default:
			return nil, fmt.Errorf("unknown problem %q (valid: tuning, reported, heldout, all, or of %s)", name, strings.Join(all, ", "))
		}
	}
	return list, nil
}
