// Command search compares search engines on the problems of package simulate:
//
//	go run ./bench/search -engines bayes,random -problems tuning -budget 100 -parallel 8 -seeds 5 -first-seed 1
//
// It prints the median normalised loss of each problem and engine (1: as good as
// one random trial, 0: the optimum), the geometric mean over problems, and the time
// per suggestion.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/tailsweep/tailsweep/sweep/simulate"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "search:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("search", flag.ContinueOnError)
	engines := flags.String("engines", "bayes,random", "engines, separated by commas")
	problems := flags.String("problems", "tuning", "problems or sets (tuning, reported, heldout, all), separated by commas")
	budget := flags.Int("budget", 100, "trials a run")
	parallel := flags.Int("parallel", 8, "trials in flight")
	seeds := flags.Int("seeds", 5, "runs of each problem and engine")
	first := flags.Uint64("first-seed", 1, "seed of the first run")
	jobs := flags.Int("j", runtime.NumCPU(), "runs at the same time")
	if err := flags.Parse(args); err != nil {
		return err
	}
	list, err := choose(*problems)
	if err != nil {
		return err
	}
	var runs []key
	for _, p := range list {
		for _, engine := range strings.Split(*engines, ",") {
			for s := range *seeds {
				runs = append(runs, key{Engine: engine, Problem: p, Budget: *budget, Parallel: *parallel, Seed: *first + uint64(s)})
			}
		}
	}
	results, err := playAll(runs, *jobs)
	if err != nil {
		return err
	}
	table(os.Stdout, list, strings.Split(*engines, ","), results)
	return nil
}

// choose resolves names of problems and of sets.
func choose(names string) ([]string, error) {
	var list []string
	for _, name := range strings.Split(names, ",") {
		if name == "all" {
			for _, p := range simulate.Problems() {
				list = append(list, p.Name)
			}
			continue
		}
		if set, ok := sets[name]; ok {
			list = append(list, set...)
			continue
		}
		if _, ok := simulate.Lookup(name); !ok {
			return nil, fmt.Errorf("unknown problem %q (valid: a set, or one of %s)", name, strings.Join(all(), ", "))
		}
		list = append(list, name)
	}
	return list, nil
}

func all() []string {
	var names []string
	for _, p := range simulate.Problems() {
		names = append(names, p.Name)
	}
	return names
}
