package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
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
	profiles  string // folder; "" for no profiles
	postgres  string // folder of PostgreSQL's programs
	temporal  string // Temporal's server
	sqlTool   string // Temporal's tool for SQL schemas
	cqlTool   string // and for Cassandra's
	cassandra string // folder of Cassandra's jars
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
	only := flags.String("cases", "", "run these cases in place of the product of the flags above, whether -results has them or not: random-1s-16-320,ray-1s-16-320,...")
	short := flags.Bool("short", false, "run the cases that the goals are about, of half an hour: -cases "+strings.Join(shortCases, ","))
	within := flags.Duration("within", 0, "begin no case that would probably not end in this time; 0: no limit")
	flags.StringVar(&p.postgres, "postgres", "", "run the cases on Temporal with PostgreSQL, whose programs are in this folder, such as /usr/lib/postgresql/15/bin")
	flags.StringVar(&p.temporal, "temporal", "bench/orchestrate/.bin/server", "Temporal's server, for -postgres")
	flags.StringVar(&p.sqlTool, "sql-tool", "bench/orchestrate/.bin/sql", "Temporal's tool for SQL schemas, for -postgres")
	flags.StringVar(&p.cqlTool, "cql-tool", "bench/orchestrate/.bin/cassandra", "Temporal's tool for Cassandra's schemas, for -cassandra")
	flags.StringVar(&p.cassandra, "cassandra", "", "with -postgres: workflows are in Cassandra 5.0, whose jars are in this folder, and only their visibility in PostgreSQL")
	shards := flags.String("shards", "4,512", "history shards of Temporal, for -postgres")
	sweeps := flags.String("sweeps", "1", "sweeps that share the trials and the slots of a case, for -postgres")
	delay := flags.Duration("commit-delay", 0, "time that PostgreSQL waits before it flushes a commit, at most 100ms")
	commits := flags.Bool("commits", false, "measure how fast PostgreSQL commits, for -postgres")
	flags.StringVar(&p.profiles, "profiles", "", "folder to write CPU profiles of worker and stack to, of each case")
	quick := flags.Bool("quick", false, "one case of a minute without Ray Tune, for a look")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *quick {
		*sleeps, *slots, *trials, *methods, *peer, *folder, *document = "1s", "16", "320", "random", 0, "", ""
	}
	jobs, err := matrix(*methods, *sleeps, *slots, *trials, *peer)
	if *short {
		*only = strings.Join(shortCases, ",")
	}
	if *only != "" {
		*again = true
		jobs, err = named(*only)
	}
	if err != nil {
		return err
	}
	if p.postgres != "" {
		kind := "postgres"
		if p.cassandra != "" {
			kind = "cassandra"
		}
		return p.onClusters(ctx, jobs, clusterFlags{kind, *shards, *sweeps, *delay, *commits, *onlyKept}, *folder, *document, *limit)
	}
	kept, err := load(*folder)
	if err != nil {
		return err
	}
	began := time.Now()
	for _, j := range jobs {
		if *onlyKept || *virtual != "" || kept.has(j.engine, j.scenario) && !*again {
			continue
		}
		if left := *within - time.Since(began); *within > 0 && left < kept.expected(j) {
			fmt.Fprintf(os.Stderr, "%s: %s: left out, it may take %v and %v are left\n", j.engine, j.scenario, kept.expected(j).Round(time.Second), left.Round(time.Second))
			continue
		}
		fmt.Fprintf(os.Stderr, "%s: %s, ideal %v\n", j.engine, j.scenario, j.ideal())
		r, err := measureCase(ctx, p, j, *limit)
		if err != nil {
			return fmt.Errorf("%s: %s: %w", j.engine, j.scenario, err)
		}
		fmt.Println(r.text())
		if err := kept.add(r); err != nil {
			return err
		}
		if *document != "" { // what is measured is kept if a later case fails
			if err := os.WriteFile(*document, []byte(kept.report()), 0o644); err != nil {
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
func measureCase(ctx context.Context, p programs, j job, limit time.Duration) (result, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r := result{scenario: j.scenario, Engine: j.engine, Machine: thisMachine()}
	if j.engine == ray {
		return r, p.runRay(ctx, &r)
	}
	if p.profiles == "" {
		return r, p.runSweep(ctx, &r)
	}
	folder, err := filepath.Abs(filepath.Join(p.profiles, strings.TrimSuffix(r.file(ours), ".json")))
	if err != nil {
		return r, err
	}
	if err := os.Setenv("TAILSWEEP_CPU_PROFILE", folder); err != nil { // worker and stack inherit it
		return r, err
	}
	err = p.runSweep(ctx, &r)
	return r, errors.Join(err, summarise(ctx, folder))
}

// summarise writes what pprof says of each profile of a folder next to it.
func summarise(ctx context.Context, folder string) error {
	profiles, err := filepath.Glob(filepath.Join(folder, "*.pprof"))
	if err != nil {
		return err
	}
	for _, file := range profiles {
		text, err := exec.CommandContext(ctx, "go", "tool", "pprof", "-top", "-cum", "-nodecount=150", file).Output()
		if err != nil {
			return fmt.Errorf("go tool pprof %s: %w", file, err)
		}
		if err := os.WriteFile(strings.TrimSuffix(file, ".pprof")+".txt", text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// job is a case and the engine that runs it.
type job struct {
	engine string
	scenario
}

// shortCases are the cases of -short, the most important first.
var shortCases = []string{
	"random-1s-16-320", "bayes-1s-16-320", "random-1s-64-320", "bayes-1s-64-320", "random-1s-64-2000", "random-10s-16-320", "bayes-10s-16-320",
	"random-1s-64-10000", "ray-1s-16-320", "ray-1s-64-320",
}

// named reads cases: the method, or ray for Ray Tune with method random, the sleep, the
// slots and the trials.
func named(text string) (jobs []job, err error) {
	for _, name := range strings.Split(text, ",") {
		fields := strings.Split(name, "-")
		if len(fields) != 4 {
			return nil, fmt.Errorf("-cases: %q is not METHOD-SLEEP-SLOTS-TRIALS", name)
		}
		peer := 0
		if fields[0] == ray {
			fields[0], peer = "random", math.MaxInt
		}
		list, err := matrix(fields[0], fields[1], fields[2], fields[3], peer)
		if err != nil {
			return nil, fmt.Errorf("-cases: %q: %w", name, err)
		}
		jobs = append(jobs, list[len(list)-1])
	}
	return jobs, nil
}

// matrix returns every combination, the shortest first. Ray Tune follows each of method
// random with at most peer trials.
func matrix(methods, sleeps, slots, trials string, peer int) ([]job, error) {
	var jobs []job
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
					c := scenario{Method: method, Sleep: sleep.Seconds(), Slots: s, Trials: n}
					if jobs = append(jobs, job{ours, c}); method == "random" && n <= peer {
						jobs = append(jobs, job{ray, c})
					}
				}
			}
		}
	}
	return jobs, nil
}

// absolute makes the paths of programs absolute: the stack changes its folder.
func (p programs) absolute() (programs, error) {
	var err error
	paths := []*string{&p.tailsweep, &p.sleeper}
	if p.postgres != "" {
		paths = append(paths, &p.postgres, &p.temporal, &p.sqlTool)
	}
	if p.cassandra != "" {
		paths = append(paths, &p.cassandra, &p.cqlTool)
	}
	for _, path := range paths {
		full, fault := filepath.Abs(*path)
		if fault == nil {
			_, fault = os.Stat(full)
		}
		*path, err = full, errors.Join(err, fault)
	}
	return p, err
}
