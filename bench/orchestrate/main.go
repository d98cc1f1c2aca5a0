// Command orchestrate measures what orchestration takes: it runs sweeps whose children only
// sleep (package sleeper) on the real embedded stack, and the same trials in Ray Tune.
// Run it from the root of the repository, through `make bench-orchestrate`, which builds the
// programs and the Python environment. It needs Linux, since it reads /proc.
//
// Each case has a stack of its own, in a temporary folder. Results are kept in a folder, and
// only the cases that are missing there run. -quick runs a case of a minute and keeps nothing.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/tailsweep/tailsweep/bench/measure"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "orchestrate:", err)
		os.Exit(1)
	}
}

// programs are the paths of what is run.
type programs struct {
	tailsweep string
	sleeper   string
	python    string
}

func run(ctx context.Context, args []string) error {
	var p programs
	flags := flag.NewFlagSet("orchestrate", flag.ContinueOnError)
	flags.StringVar(&p.tailsweep, "tailsweep", "bin/tailsweep", "binary of tailsweep")
	flags.StringVar(&p.sleeper, "sleeper", "bench/orchestrate/.bin/sleeper", "binary of the children")
	flags.StringVar(&p.python, "python", "bench/orchestrate/.venv/bin/python", "Python with peers/requirements.txt")
	sleeps := flags.String("sleep", "1s,10s", "how long a child sleeps, separated by commas")
	slots := flags.String("slots", "16,64", "slots of the worker, and trials at a time")
	trials := flags.String("trials", "320,2000,10000", "trials of a sweep")
	methods := flags.String("methods", "random,bayes", "methods of the search")
	peer := flags.Int("peer-trials", 320, "Ray Tune runs the cases of method random with at most this many trials; 0: none")
	folder := flags.String("results", "", "folder that keeps results; only cases that are missing there run")
	again := flags.Bool("again", false, "run the cases that -results has, too")
	onlyKept := flags.Bool("kept", false, "run nothing: show what -results has")
	limit := flags.Duration("limit", 4*time.Hour, "time limit of a case")
	virtual := flags.String("virtual", "", "play a sweep of TRIALS/SLOTS in virtual time, such as 100000/1000, and run no case")
	document := flags.String("report", "", "file to write the report to: docs/benchmarks/orchestrate.md")
	quick := flags.Bool("quick", false, "one case of a minute without Ray Tune, for a look")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *quick {
		*sleeps, *slots, *trials, *methods, *peer, *folder, *document = "1s", "16", "320", "random", 0, "", ""
	}
	cases, err := matrix(*methods, *sleeps, *slots, *trials)
	if err != nil {
		return err
	}
	kept, err := load(*folder)
	if err != nil {
		return err
	}
	for _, c := range cases {
		for _, engine := range []string{ours, ray} {
			if *onlyKept || *virtual != "" || engine == ray && (c.Method != "random" || c.Trials > *peer) || kept.has(engine, c) && !*again {
				continue
			}
			fmt.Fprintf(os.Stderr, "%s: %s, ideal %v\n", engine, c, c.ideal())
			r, err := measureCase(ctx, p, engine, c, *limit)
			if err != nil {
				return fmt.Errorf("%s: %s: %w", engine, c, err)
			}
			fmt.Println(r.text())
			if err := kept.add(r); err != nil {
				return err
			}
		}
	}
	if *virtual != "" {
		v, err := play(*virtual)
		if err != nil {
			return err
		}
		fmt.Println(v.text())
		if err := kept.addVirtual(v); err != nil {
			return err
		}
	}
	if *document == "" {
		return nil
	}
	return os.WriteFile(*document, []byte(kept.report()), 0o644)
}

// measureCase runs one case.
func measureCase(ctx context.Context, p programs, engine string, c scenario, limit time.Duration) (result, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r := result{scenario: c, Engine: engine, Machine: thisMachine()}
	if engine == ray {
		return r, p.runRay(ctx, &r)
	}
	return r, p.runSweep(ctx, &r)
}

// matrix returns every combination, the shortest first.
func matrix(methods, sleeps, slots, trials string) ([]scenario, error) {
	var cases []scenario
	slotList, err := measure.Numbers("slots", slots)
	if err != nil {
		return nil, err
	}
	trialList, err := measure.Numbers("trials", trials)
	if err != nil {
		return nil, err
	}
	for _, n := range trialList {
		for _, text := range strings.Split(sleeps, ",") {
			sleep, err := time.ParseDuration(text)
			if err != nil || sleep < time.Millisecond {
				return nil, fmt.Errorf("-sleep: %q is not a time of a millisecond or more", text)
			}
			for _, s := range slotList {
				for _, method := range strings.Split(methods, ",") {
					cases = append(cases, scenario{Method: method, Sleep: sleep.Seconds(), Slots: s, Trials: n})
				}
			}
		}
	}
	return cases, nil
}

// absolute makes the paths of programs absolute: the stack changes its folder.
func (p programs) absolute() (programs, error) {
	var err error
	for _, path := range []*string{&p.tailsweep, &p.sleeper} {
		full, fault := filepath.Abs(*path)
		if fault == nil {
			_, fault = os.Stat(full)
		}
		*path, err = full, errors.Join(err, fault)
	}
	return p, err
}
