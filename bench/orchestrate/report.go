package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// quiet is the share of the machine's processor time up to which other processes do not
// make a result one of a busy machine.
const quiet = 0.05

type printer func(format string, args ...any)

// report is docs/benchmarks/orchestrate.md.
func (s *store) report() string {
	slices.SortFunc(s.results, func(a, b result) int {
		return cmp.Or(cmp.Compare(a.Sleep, b.Sleep), cmp.Compare(a.Slots, b.Slots), cmp.Compare(a.Trials, b.Trials),
			cmp.Compare(b.Engine, a.Engine), cmp.Compare(b.Method, a.Method))
	})
	var b strings.Builder
	printf := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format, args...) } // a strings.Builder takes everything
	printf(`# What orchestration takes

Written by %[1]smake bench-orchestrate%[1]s; do not edit.

Sweeps whose children only sleep (bench/orchestrate/sleeper: it speaks the protocol of trainer/job, and writes a small checkpoint and a sample grid), on the real
embedded stack: Temporal on SQLite, the S3 service, and one worker, started for each case in a folder of its own. A trial is a training child, an evaluating child, a checkpoint and
a result in the object store, a line of the ledger. The peer is Ray Tune with its defaults (bench/orchestrate/peers/ray_peer.py): the
same number of trials at a time sleep and report a value; nothing is stored of them but that.

- **Seconds** are from the start of the first trial to the end of the last, **ideal** the same if nothing but the children took time: trials / slots, rounded up, times the sleep.
- **End / start** compares the time from one end of a trial to the next late in the sweep with that early in it, without the trials that fill and empty the slots; of sweeps of thousands of trials it
  shows whether they slow down. It is the median over chunks of 50 trials, so that a disturbance of a few seconds does not count.
- **Others** is the share of the machine's processor time that other processes had meanwhile. Above %[2]d %% the machine was **busy** (it is not known for Ray, whose own processes cannot be separated): seconds are then too high by an unknown factor, and only processor times, counts and
  bytes carry over.

## Pace

| engine | method | sleep | slots | trials | ideal, s | seconds | seconds / ideal | trials/s | end / start | others | measured |
|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|
`, "`", int(100*quiet))
	for _, r := range s.results {
		busy := ""
		if r.busy() {
			busy = ", busy"
		}
		printf("| %s | %s | %g s | %d | %d | %.0f | %.1f | %.2f | %.1f | %.2f | %s | %s, %s %s%s |\n", r.Engine, r.Method, r.Sleep, r.Slots, r.Trials,
			r.ideal().Seconds(), r.Seconds, r.ratio(), r.rate(), r.drift(), r.others(), r.Machine.Date, r.Engine, r.Machine.Version, busy)
	}
	own := slices.DeleteFunc(slices.Clone(s.results), func(r result) bool { return r.Engine != ours })
	costs(printf, own)
	times(printf, own)
	verbs(printf, own)
	s.played(printf)
	s.goals(printf, own)
	machines := map[string]bool{}
	for _, r := range s.results {
		machines[fmt.Sprintf("%d cores of %s, Go %s", r.Machine.Cores, r.Machine.Processor, r.Machine.Go)] = true
	}
	printf("\nMachines: %s.\n", strings.Join(slices.Sorted(maps.Keys(machines)), "; "))
	return b.String()
}

func costs(printf printer, own []result) {
	printf(`
## What a trial costs

Means over the sweep. **CPU** is processor time of the stack (Temporal and the S3 service), of the worker, and of the children. **Requests** are the worker's to the object store. **Events**, **transitions** of the state (each a transaction of
Temporal's database), **tasks** (of workflows), **activities** and **history** are those of the sweep's workflow, divided by the trials, and of the trial's own. **Payload** is the largest in a history, **state** the largest that
continue-as-new carried (0: the sweep did not need it). **Suggest** is the median time of the activity in the first and in the last quarter of the sweep (0: it ran within workflow tasks).

| case | CPU, ms: stack, worker, children | requests | events | transitions | tasks | activities | history, kB | payload, kB | state, kB | Suggest, ms | stack, MB | worker, MB | stored, kB a trial | database, kB a trial |
|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|
`)
	for _, r := range own {
		t := r.History.perTrial(r.Trials)
		printf("| %s | %.0f, %.0f, %.0f | %.1f | %.1f | %.1f | %.1f | %.1f | %.1f | %.1f | %.1f | %.0f, %.0f | %.0f | %.0f | %.1f | %.1f |\n", r.name(),
			r.CPU["stack"], r.CPU["worker"], r.CPU["children"], r.request(), t.Events, t.Transitions, t.WorkflowTasks, sum(t.Activities), t.Bytes/1e3,
			float64(r.History.Largest)/1e3, float64(r.History.State)/1e3, r.History.Suggest[0].Median, r.History.Suggest[1].Median,
			mb(r.Memory["stack"]), mb(r.Memory["worker"]), float64(r.Stored)/1e3/float64(r.Trials), float64(r.Database)/1e3/float64(r.Trials))
	}
	if len(own) == 0 {
		return
	}
	last := slices.MaxFunc(own, func(a, b result) int { return cmp.Compare(a.Trials, b.Trials) })
	var requests []string
	for _, method := range slices.Sorted(maps.Keys(last.Requests)) {
		requests = append(requests, fmt.Sprintf("%s %.1f", method, last.Requests[method]))
	}
	share := last.History.Sweep
	n := float64(last.Trials)
	printf("\nOf a trial of %s the sweep's own workflow has %.1f events, %.1f transitions, %.2f tasks, %.2f activities and %.1f kB of history; it had %d runs. The activities: %s (Publish, AppendSegment, Suggest and Rank mostly run within a task and are not counted). The requests: %s.\n",
		last.name(), share.Events/n, share.Transitions/n, share.WorkflowTasks/n, sum(share.Activities)/n, share.Bytes/n/1e3, last.History.Runs, last.History.perTrial(last.Trials).activities(), strings.Join(requests, ", "))
}

// times prints where the time of a slot goes.
func times(printf printer, own []result) {
	printf(`
## Where the time goes

Milliseconds from one trial in a slot to the next. **Cycle** is slots x seconds / trials, the parts are from the histories of sampled trials: **begin** until the training is scheduled, **slot** waiting for a
slot, **train** and **evaluate** the activities with their children, **between** them, **publish** until the trial's workflow has ended. **Sweep** is the rest: append the result, suggest, start the next trial.

| case | cycle | begin | slot | train | between | evaluate | publish | sweep |
|---|---:|---:|---:|---:|---:|---:|---:|---:|
`)
	for _, r := range own {
		if s := r.History.Stages; s != (stages{}) {
			printf("| %s | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f |\n", r.name(), r.cycle(), s.Begin, s.Slot, s.Train, s.Between, s.Evaluate, s.Publish, r.cycle()-s.total())
		}
	}
}

// name is a case in a few words.
func (c scenario) name() string {
	return fmt.Sprintf("%s, %d x %g s on %d", c.Method, c.Trials, c.Sleep, c.Slots)
}

func verbs(printf printer, own []result) {
	printf(`
## Looking at the finished sweep

Seconds of the whole command, with the start of the process.

| case | trials -o json | best | list | report |
|---|---:|---:|---:|---:|
`)
	for _, r := range own {
		printf("| %s | %.2f | %.2f | %.2f | %.2f |\n", r.name(), r.Verbs["trials"], r.Verbs["best"], r.Verbs["list"], r.Verbs["report"])
	}
}

func (s *store) played(printf printer) {
	if len(s.virtual) == 0 {
		return
	}
	printf(`
## In virtual time

The same decisions (packages conduct and sampler, method random) without Temporal, store and children: what is left of the time of a sweep when all else is free. The state is the JSON that
continue-as-new carries, **pending** the running trials that each suggestion is given.

| trials | slots | CPU, s | microseconds a trial | events | state, kB | pending, kB | measured |
|---:|---:|---:|---:|---:|---:|---:|---|
`)
	for _, v := range s.virtual {
		printf("| %d | %d | %.1f | %.0f | %d | %.0f | %.0f | %s |\n", v.Trials, v.Slots, v.CPU, 1e6*v.CPU/float64(v.Trials), v.Steps, float64(v.State)/1e3, float64(v.Pending)/1e3, v.Machine.Date)
	}
}

// goal is a row of the table of goals: the worst of the cases that it is about.
type goal struct {
	text    string
	about   func(r result) bool
	measure func(r result) float64
	limit   float64
	above   bool // the value has to be at least the limit; otherwise at most
	format  string
}

func every(result) bool   { return true }
func large(r result) bool { return r.Trials >= 10_000 }
func verb(name string) func(result) float64 {
	return func(r result) float64 { return r.Verbs[name] }
}

// table is the list of goals.
func table() []goal {
	return []goal{
		{"12 trials a second, children of 1 s", func(r result) bool { return r.Sleep == 1 }, result.rate, 12, true, "%.1f"},
		{"at most 1.05 of the ideal, children of 10 s on 16 slots", func(r result) bool { return r.Sleep == 10 && r.Slots == 16 }, result.ratio, 1.05, false, "%.2f"},
		{"a trial's time at the end at most 1.2 of that at the start, 2,000 trials and more", func(r result) bool { return r.Trials >= 2000 }, result.drift, 1.2, false, "%.2f"},
		{"memory of Temporal and S3 below 500 MB", every, func(r result) float64 { return mb(r.Memory["stack"]) }, 500, false, "%.0f MB"},
		{"memory of the worker below 500 MB", every, func(r result) float64 { return mb(r.Memory["worker"]) }, 500, false, "%.0f MB"},
		{"trials below 1 s at 10,000 trials", large, verb("trials"), 1, false, "%.2f s"},
		{"best below 1 s at 10,000 trials", large, verb("best"), 1, false, "%.2f s"},
		{"list below 1 s at 10,000 trials", large, verb("list"), 1, false, "%.2f s"},
		{"report below 10 s at 10,000 trials", large, verb("report"), 10, false, "%.2f s"},
		{"state below 512 KiB", every, func(r result) float64 { return float64(r.History.State) / 1024 }, 512, false, "%.0f KiB"},
		{"no payload above 256 KiB", every, func(r result) float64 { return float64(r.History.Largest) / 1024 }, 256, false, "%.0f KiB"},
	}
}

// build is the version that was measured last.
func build(own []result) string {
	return slices.MaxFunc(own, func(a, b result) int { return a.Machine.At.Compare(b.Machine.At) }).Machine.Version
}

func (s *store) goals(printf printer, own []result) {
	printf("\n## Goals\n\nThe worst of the cases that each is about.\n\n| goal | measured | where | |\n|---|---:|---|---|\n")
	for _, g := range table() {
		cases := slices.DeleteFunc(slices.Clone(own), func(r result) bool { return !g.about(r) })
		if len(cases) == 0 {
			printf("| %s | not measured | | |\n", g.text)
			continue
		}
		worst := slices.MaxFunc(cases, func(a, b result) int {
			if g.above {
				a, b = b, a
			}
			return cmp.Compare(g.measure(a), g.measure(b))
		})
		value := g.measure(worst)
		verdict := "**not met**"
		if g.above == (value >= g.limit) || value == g.limit {
			verdict = "met"
		}
		if worst.busy() {
			verdict += " (busy machine)"
		}
		if version := build(own); worst.Machine.Version != version {
			verdict += fmt.Sprintf(" (measured with %s)", worst.Machine.Version)
		}
		printf("| %s | "+g.format+" | %s | %s |\n", g.text, value, worst.name(), verdict)
	}
}
