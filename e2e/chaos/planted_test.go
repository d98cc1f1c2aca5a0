package main

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/tailsweep/tailsweep/e2e/chaos/chain"
	"github.com/tailsweep/tailsweep/sweep"
)

// planted is a site without a stack, with one sweep that has ended as it should: each test
// plants one violation, which verify must report.
type planted struct {
	t     *testing.T
	chaos *chaos
	sweep *played
	page  string // of metrics
	trial sweep.Trial
}

func plant(t *testing.T) *planted {
	dir := t.TempDir()
	s := &site{dir: dir, program: filepath.Join(dir, "tailsweep"), hasher: filepath.Join(dir, "hasher"), workers: map[string]*worker{}}
	p := &planted{t: t, chaos: &chaos{site: s, want: map[string]*facts{}, rand: rand.New(rand.NewPCG(1, 1))}}
	p.program("exit 0")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(p.page)) }))
	t.Cleanup(server.Close)
	s.workers["a"] = &worker{name: "a", port: strings.TrimPrefix(server.URL, "http://")}
	p.page = "tailsweep_sweep_active{sweep=\"round1-grid\"} 0\ntailsweep_trials{status=\"completed\",sweep=\"round1-grid\"} 1\n"
	require.NoError(t, os.MkdirAll(s.path("staging", "worker-1"), 0o700))

	p.sweep = &played{kind: kind{name: "grid", steps: 3}, id: "round1-grid", folder: s.path("round1-grid"), seen: map[string]int{}, over: true}
	link := chain.Begin(sweep.Params{"lr": sweep.Number(1)}, 7)
	for step := range 3 {
		link = link.Next(step + 1)
	}
	p.trial = sweep.Trial{
		Assignment: sweep.Assignment{Params: sweep.Params{"lr": sweep.Number(1)}, Seed: 7}, Status: sweep.StatusCompleted, Steps: 3,
		Evaluation: sweep.Evaluation{Metrics: map[string]float64{"fid.tail": link.Metric("fid.tail")}},
		Checkpoint: "v1/sweeps/round1-grid/trials/000000/attempts/1/checkpoints/step-0000000003",
	}
	p.ledger(p.trial)
	p.checkpoint("000000", "step-0000000003", manifest)
	want, err := s.facts(t.Context(), p.sweep)
	require.NoError(t, err)
	p.chaos.want["grid"] = want
	return p
}

const manifest = `{"version":1,"sweep":"round1-grid","trial":0,"attempt":1,"step":3,"files":[{"path":"model.safetensors","size":7,"sha256":"0000000000000000000000000000000000000000000000000000000000000000"}],"provenance":{"version":"x","backend":"x"}}`

// program makes the tailsweep of the site a script.
func (p *planted) program(script string) {
	require.NoError(p.t, os.WriteFile(p.chaos.site.program, []byte("#!/bin/sh\n"+script+"\n"), 0o700)) //nolint:gosec // it is run
}

// ledger writes a ledger of one segment.
func (p *planted) ledger(trials ...sweep.Trial) {
	text := "{}\n"
	for _, t := range trials {
		line, err := json.Marshal(t)
		require.NoError(p.t, err)
		text += string(line) + "\n"
	}
	require.NoError(p.t, os.MkdirAll(filepath.Join(p.sweep.folder, "ledger"), 0o700))
	require.NoError(p.t, os.WriteFile(filepath.Join(p.sweep.folder, "ledger", "000000.jsonl"), []byte(text), 0o600))
}

// checkpoint writes a checkpoint of a trial; one without a manifest has the weights only.
func (p *planted) checkpoint(trial, step, manifest string) {
	dir := filepath.Join(p.sweep.folder, "trials", trial, "attempts", "1", "checkpoints", step)
	require.NoError(p.t, os.MkdirAll(dir, 0o700))
	name, data := "MANIFEST.json", manifest
	if manifest == "" {
		name, data = "model.safetensors", "weights"
	}
	require.NoError(p.t, os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600))
}

// found is what verify reports.
func (p *planted) found() string {
	settled := settleLimit
	settleLimit = 0
	defer func() { settleLimit = settled }()
	found, err := p.chaos.verify(p.t.Context(), []*played{p.sweep})
	require.NoError(p.t, err)
	return strings.Join(found, "\n")
}

func TestEachViolationIsReported(t *testing.T) {
	require.Empty(t, plant(t).found())
	for name, c := range map[string]struct {
		plant func(p *planted)
		want  string
	}{
		"a trial is twice in the ledger": {func(p *planted) { p.ledger(p.trial, p.trial) }, "trial 0 is twice in the ledger"},
		"a trial is missing":             {func(p *planted) { p.ledger() }, "trial 0 is not in the ledger"},
		"a step was left out": {func(p *planted) {
			p.sweep.loose, p.trial.Number, p.trial.Seed = true, 1, 8
			p.ledger(p.trial)
		}, "trial 1 has fid.tail"},
		"a trial has too few steps": {func(p *planted) {
			p.sweep.loose, p.trial.Steps = true, 2
			p.ledger(p.trial)
		}, "completed with 2 steps, want 3"},
		"doctor finds a fault":          {func(p *planted) { p.program("echo fault; exit 1") }, "doctor: exit code 1"},
		"a checkpoint is an orphan":     {func(p *planted) { p.checkpoint("000000", "step-0000000002", manifest) }, "no trial names the checkpoint"},
		"a checkpoint is half there":    {func(p *planted) { p.sweep.loose = true; p.checkpoint("000000", "step-0000000002", "") }, "step-0000000002 is not complete"},
		"a checkpoint is gone":          {func(p *planted) { require.NoError(p.t, os.RemoveAll(filepath.Join(p.sweep.folder, "trials"))) }, "is not in the store"},
		"a child still runs":            {func(p *planted) { p.child() }, "still runs"},
		"a staging folder is left":      {func(p *planted) { p.staging("worker-2") }, "2 staging folders for 1 workers"},
		"a staging folder is not empty": {func(p *planted) { p.staging("worker-1/x") }, "left in the staging folder"},
		"a gauge says too many trials":  {func(p *planted) { p.page = strings.Replace(p.page, "} 1", "} 2", 1) }, "the gauges of round1-grid say active 0, 2 trials"},
		"a gauge says that it runs":     {func(p *planted) { p.page = strings.Replace(p.page, "} 0", "} 1", 1) }, "the gauges of round1-grid say active 1"},
		"a worker has no metrics":       {func(p *planted) { p.chaos.site.workers["a"].port = "127.0.0.1:1" }, "metrics of worker a"},
		"a command was applied twice": {func(p *planted) {
			p.sweep.commanded = true
			p.program(`[ "$1" != describe ] || echo '{"progress":{"command_log":[{"id":"x"},{"id":"x"}]}}'`)
		}, "a command was applied twice: x, x"},
		"a configuration was tried twice": {func(p *planted) {
			p.sweep.grown, p.sweep.point = 2, p.trial.Params.Key()
			p.program(`[ "$1" != describe ] || echo '{}'`)
			p.trial.Reason.Sampler = sweep.SourceUser
			again := p.trial
			again.Number, again.Checkpoint = 1, ""
			p.ledger(p.trial, again)
		}, "was tried 2 times"},
		"a retry was done twice": {func(p *planted) {
			p.sweep.grown, p.sweep.loose, p.sweep.retried = -1, true, &p.trial
			one, two := p.trial, p.trial
			one.Number, one.Checkpoint, one.Reason.Sampler = 1, "", sweep.SourceRetry
			two.Number, two.Checkpoint, two.Reason.Sampler = 2, "", sweep.SourceRetry
			p.ledger(p.trial, one, two)
		}, "trial 0 was retried 2 times"},
		"a retry was lost": {func(p *planted) {
			p.sweep.grown, p.sweep.loose, p.sweep.retried = -1, true, &p.trial
			other, searched := p.trial, p.trial
			other.Number, other.Seed, other.Checkpoint, other.Reason.Sampler = 1, 8, "", sweep.SourceRetry
			searched.Number, searched.Checkpoint = 2, ""
			p.ledger(p.trial, other, searched)
		}, "trial 0 was retried 0 times"},
		"an extension was lost": {func(p *planted) {
			p.sweep.grown = 2
			p.program(`[ "$1" != describe ] || echo '{}'`)
		}, "has 1 trials, want 3 or 4"},
	} {
		t.Run(name, func(t *testing.T) {
			p := plant(t)
			c.plant(p)
			require.Contains(t, p.found(), c.want)
		})
	}
}

// child starts a process that looks like a child.
func (p *planted) child() {
	sleep, err := exec.LookPath("sleep")
	require.NoError(p.t, err)
	code, err := os.ReadFile(sleep)
	require.NoError(p.t, err)
	require.NoError(p.t, os.WriteFile(p.chaos.site.hasher, code, 0o700)) //nolint:gosec // it is run
	child := exec.Command(p.chaos.site.hasher, "60")
	require.NoError(p.t, child.Start())
	p.t.Cleanup(func() { _ = child.Process.Kill(); _ = child.Wait() })
}

// staging makes a staging folder.
func (p *planted) staging(name string) {
	require.NoError(p.t, os.MkdirAll(p.chaos.site.path("staging", name), 0o700))
}

func TestAStepThatTakesTooLongIsLost(t *testing.T) {
	p := plant(t)
	p.sweep.over = false
	temporal, err := client.NewLazyClient(client.Options{HostPort: "127.0.0.1:1", Logger: quiet{}})
	require.NoError(t, err)
	p.chaos.site.client = temporal
	r := &round{chaos: p.chaos, sweeps: []*played{p.sweep}, name: "round1"}
	p.sweep.folder = t.TempDir() // where it makes no step
	ended := time.Now().Add(-time.Minute)
	f := &record{Number: 1, Fault: "x", limit: soon, Limit: soon.Seconds(), ended: ended, mark: mark{r: r, at: map[*played]int{p.sweep: 0}}}
	r.faults = []*record{f}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // Temporal does not answer
	require.Zero(t, r.resolve(ctx))
	require.Equal(t, 1, p.chaos.lost)
	require.Equal(t, "no step of round1-grid", f.Lost)
}

func TestTheDeckDealsEachFaultOnce(t *testing.T) {
	d := deck{rand: rand.New(rand.NewPCG(1, 0))}
	seen := map[string]int{}
	for range catalogue {
		seen[d.draw().name]++
	}
	require.Len(t, seen, len(catalogue))
	require.NotEmpty(t, d.draw().name, "it begins again")
}
