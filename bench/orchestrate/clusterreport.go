package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// commitRate is how fast PostgreSQL commits transactions that insert one row of 1 kB.
type commitRate struct {
	Clients     int     `json:"clients"` // each waits for its commit
	Synchronous bool    `json:"synchronous"`
	PerSecond   float64 `json:"per_second"`
	CPU         float64 `json:"cpu"` // milliseconds of PostgreSQL, a transaction
	Others      float64 `json:"others"`
	Machine     machine `json:"machine"`
}

// commitsFile has the commit rates.
const commitsFile = "commits.json"

// tps is the line of pgbench's output that has the rate.
var tps = regexp.MustCompile(`(?m)^tps = ([0-9.]+) `)

// measureCommits measures a new PostgreSQL with pgbench.
func (p programs) measureCommits(ctx context.Context) (rates []commitRate, err error) {
	dir, err := os.MkdirTemp("", "tailsweep-cluster-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	d, err := p.startPostgres(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.stop(syscall.SIGINT)) }()
	if _, err := d.sql(ctx, "create table commits (id bigserial primary key, data text)"); err != nil {
		return nil, err
	}
	script := filepath.Join(dir, "commit.sql")
	if err := os.WriteFile(script, []byte("insert into commits (data) values (repeat('x', 1000));\n"), 0o600); err != nil {
		return nil, err
	}
	for _, synchronous := range []bool{true, false} {
		for _, clients := range []int{1, 16, 64} {
			r := commitRate{Clients: clients, Synchronous: synchronous, Machine: thisMachine()}
			if err := d.pgbench(ctx, script, &r); err != nil {
				return nil, err
			}
			rates = append(rates, r)
		}
	}
	return rates, nil
}

// pgbench runs the script for some seconds.
func (s *postgres) pgbench(ctx context.Context, script string, r *commitRate) error {
	setting := "off"
	if r.Synchronous {
		setting = "on"
	}
	cmd := exec.CommandContext(ctx, filepath.Join(s.programs, "pgbench"), "-n", "-f", script, "-c", strconv.Itoa(r.Clients), "-j", "2", "-T", "8", "-M", "prepared")
	cmd.Env = append(s.environ(), "PGOPTIONS=-c synchronous_commit="+setting)
	before, err := s.counters(ctx)
	if err != nil {
		return err
	}
	busy, err := treeCPU(s.pid())
	if err != nil {
		return err
	}
	machine, err := readCPU(os.Getpid())
	if err != nil {
		return err
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("pgbench: %w\n%s", err, out)
	}
	after, err := treeCPU(s.pid())
	if err != nil {
		return err
	}
	if r.Others, err = machine.others(after - busy); err != nil {
		return err
	}
	done, err := s.counters(ctx)
	if err != nil {
		return err
	}
	r.CPU = 1000 * (after - busy) / (done.Writes - before.Writes)
	match := tps.FindSubmatch(out)
	if match == nil {
		return fmt.Errorf("pgbench prints no rate:\n%s", out)
	}
	r.PerSecond, err = strconv.ParseFloat(string(match[1]), 64)
	return err
}

// clusterStore keeps the results of clusters, in memory and in files of a folder.
type clusterStore struct {
	folder  string // "" keeps none
	results []clustered
	commits []commitRate
}

func loadClusters(folder string) (*clusterStore, error) {
	s := &clusterStore{folder: folder}
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || folder == "" {
		return s, err
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if filepath.Base(file) == commitsFile {
			err = json.Unmarshal(data, &s.commits)
		} else {
			var r clustered
			err = json.Unmarshal(data, &r)
			s.results = append(s.results, r)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	return s, nil
}

// add keeps a result, instead of an earlier one of the same case.
func (s *clusterStore) add(r clustered) error {
	s.results = append(slices.DeleteFunc(s.results, func(old clustered) bool { return old.Engine == r.Engine && old.scenario == r.scenario }), r)
	return (&store{folder: s.folder}).write(r.file(r.Engine), r)
}

func (s *clusterStore) addCommits(rates []commitRate) error {
	s.commits = rates
	return (&store{folder: s.folder}).write(commitsFile, rates)
}

// conditional are the operations that are conditional writes in Cassandra: lightweight
// transactions.
var conditional = []string{
	"CreateWorkflowExecution", "UpdateWorkflowExecution", "ConflictResolveWorkflowExecution", "SetWorkflowExecution",
	"AddHistoryTasks", "UpdateShard", "CreateTasks", "CreateTaskQueue", "UpdateTaskQueue",
}

// conditional is how many of a trial's requests are conditional writes in Cassandra.
func (r *clustered) conditional() float64 {
	n := 0.0
	for _, name := range conditional {
		n += r.Operations[name]
	}
	return n
}

// text is a result in a few lines.
func (r *clustered) text() string {
	t := r.History.perTrial(r.share().Trials)
	return fmt.Sprintf("%s: %s: %.1f s, %.1f trials/s, others %s, update of a workflow %.1f ms\n  a trial: %.0f ms of CPU (Temporal %.0f, PostgreSQL %.0f, Cassandra %.0f, worker %.0f, store %.0f, children %.0f), %.1f transactions that write, %.0f statements, %.0f rows, %.0f kB of WAL, %.1f flushes, %.1f kB of database, %.1f transitions, requests %v\n  idle: %.1f transactions that write and %.0f statements a second",
		r.Engine, r.scenario, r.Seconds, r.rate(), r.others(), r.Latency, sum(r.CPU), r.CPU["temporal"], r.CPU["postgres"], r.CPU["cassandra"], r.CPU["worker"], r.CPU["store"], r.CPU["children"],
		r.Trial.Writes, r.Trial.Statements, r.Trial.Rows, r.Trial.WAL/1e3, r.Trial.Flushes, r.Trial.Bytes/1e3, t.Transitions, r.Asked, r.Idle.Writes, r.Idle.Statements)
}

// title is the case and the cluster in a few words.
func (r *clustered) title() string {
	title := fmt.Sprintf("%s, %s, %d shards", r.name(), r.Store, r.Shards)
	if r.Sweeps > 1 {
		title += fmt.Sprintf(", %d sweeps", r.Sweeps)
	}
	if r.Delay > 0 {
		title += fmt.Sprintf(", delay %g ms", 1000*r.Delay)
	}
	return title
}

// report is docs/benchmarks/cluster.md.
func (s *clusterStore) report() string {
	slices.SortFunc(s.results, func(a, b clustered) int {
		return cmp.Or(cmp.Compare(a.Delay, b.Delay), cmp.Compare(b.Store, a.Store), cmp.Compare(a.Trials, b.Trials), cmp.Compare(a.Slots, b.Slots), cmp.Compare(a.Shards, b.Shards), cmp.Compare(a.Sweeps, b.Sweeps))
	})
	var b strings.Builder
	printf := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format, args...) } // a strings.Builder takes everything
	printf(`# What orchestration takes on PostgreSQL and Cassandra

Written by %[1]smake bench-cluster%[1]s and %[1]smake bench-cassandra%[1]s; do not edit.

The sweeps of [orchestrate.md](orchestrate.md), whose children only sleep, on a Temporal server configured as in docker-compose.yml, with PostgreSQL, or with one node of Cassandra 5.0 for all but the
visibility: the four services in one process, on the same machine as the database, the worker and the object store. With several **sweeps** trials and slots are shared equally. **Delay** is PostgreSQL's commit_delay with commit_siblings=0: each flush of its log waits that
long, without processor time, as one that has to reach a replica does; a commit that arrives during it waits for the next.

## Pace

**Update** is the mean time of Temporal's transaction that updates a workflow. **Begin** is the time from the start of a trial's workflow until its training is scheduled: its first workflow task.
**Others** is the share of the machine's processor time that other processes had: above %[2]d %%, seconds are too high by an unknown factor, unless the delay is most of them.

| case | ideal, s | seconds | trials/s | update, ms | begin, ms | others | measured |
|---|---:|---:|---:|---:|---:|---:|---|
`, "`", int(100*quiet))
	for _, r := range s.results {
		printf("| %s | %.0f | %.0f | %.1f | %.1f | %.0f | %s | %s, %s |\n", r.title(), r.share().ideal().Seconds(), r.Seconds, r.rate(), r.Latency, r.History.Stages.Begin, r.others(), r.Machine.Date, r.Machine.Version)
	}
	printf(`
## What a trial costs

Means over the sweep. **CPU** is processor time of Temporal, PostgreSQL, Cassandra, the worker, the object store, and the children. **Writes** are transactions that write, **WAL** bytes of the write-ahead log, **flushes** those of
the log to the disk (one flush commits all that wait for it), **database** the growth of the databases; with Cassandra these are of the visibility only. **Requests** are those of Temporal's services to the database, **conditional** those of them that Cassandra does as lightweight transactions. **Idle** is what the cluster writes and asks in a second without a sweep.

| case | CPU, ms: Temporal, PostgreSQL, Cassandra, worker, store, children | transitions | writes | statements | rows | WAL, kB | flushes | database, kB | requests: history, matching, frontend, worker | conditional | idle: writes/s, statements/s |
|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|
`)
	for _, r := range s.results {
		t := r.History.perTrial(r.share().Trials)
		printf("| %s | %.0f, %.0f, %.0f, %.0f, %.0f, %.0f | %.1f | %.1f | %.0f | %.0f | %.0f | %.1f | %.0f | %.0f, %.1f, %.1f, %.1f | %.1f | %.1f, %.0f |\n", r.title(),
			r.CPU["temporal"], r.CPU["postgres"], r.CPU["cassandra"], r.CPU["worker"], r.CPU["store"], r.CPU["children"], t.Transitions,
			r.Trial.Writes, r.Trial.Statements, r.Trial.Rows, r.Trial.WAL/1e3, r.Trial.Flushes, r.Trial.Bytes/1e3,
			r.Asked["history"], r.Asked["matching"], r.Asked["frontend"], r.Asked["worker"], r.conditional(), r.Idle.Writes, r.Idle.Statements)
	}
	if len(s.commits) > 0 {
		printf(`
## Commits

pgbench for 8 s on the same disk: each transaction inserts one row of 1 kB. **Synchronous** commits wait for the disk.

| clients | synchronous | commits/s | CPU of PostgreSQL, ms a commit | others | measured |
|---:|---|---:|---:|---:|---|
`)
	}
	for _, c := range s.commits {
		printf("| %d | %t | %.0f | %.3f | %.0f %% | %s |\n", c.Clients, c.Synchronous, c.PerSecond, c.CPU, 100*c.Others, c.Machine.At.Format(time.DateOnly))
	}
	return b.String()
}
