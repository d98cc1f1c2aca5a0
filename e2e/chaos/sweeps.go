package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// kind is a sweep that each round plays, next to the others.
type kind struct {
	name    string
	ordered bool // one trial at a time: the order of the ledger is that of the undisturbed run
	spec    string
}

// slots is enough for the trials of all kinds at once, so that none waits for another.
const slots = 8

// The kinds. max_restarts is high because a round injects several faults.
var kinds = []kind{
	{"grid", false, `
method: grid
parameters:
  infonce.weight: {values: [0, 0.1, 0.3]}
  alignment.weight: {values: [0, 0.1]}
max_concurrent_trials: 2
checkpoints: {every_steps: 40, save_sweep_best: 2}
`},
	{"random", false, `
method: random
parameters:
  infonce.weight: {distribution: log_uniform_values, min: 1e-3, max: 3, zero: 0.2}
  lr: {distribution: log_uniform_values, min: 1e-4, max: 1e-1}
budget: {run_cap: 7}
max_concurrent_trials: 2
checkpoints: {every_steps: 30, save_sweep_best: 3}
`},
	{"bayes", true, `
method: bayes
parameters:
  infonce.weight: {distribution: log_uniform_values, min: 1e-3, max: 3}
budget: {run_cap: 7}
max_concurrent_trials: 1
checkpoints: {every_steps: 50, save_sweep_best: 1}
`},
	{"asha", true, `
method: random
parameters:
  infonce.weight: {distribution: log_uniform_values, min: 1e-3, max: 3}
early_terminate: {type: asha, min_iter: 30, eta: 2}
budget: {run_cap: 7}
max_concurrent_trials: 1
checkpoints: {every_steps: 30, save_sweep_best: 2}
`},
}

const common = `apiVersion: tailsweep/v1
name: %s
seed: 3
dataset: {name: fashion-mnist-10k, size: 16}
model: {arch: unet, width: 8, depth: 1}
train: {steps: 120, log_every: 10}
metrics:
  - {name: fid.tail, goal: minimize}
max_restarts: 100
`

// played is a sweep that runs or ran.
type played struct {
	kind
	id     string // the sweep's name
	folder string // of its objects on disk
	seen   map[string]int
	over   bool // its workflow has ended
	loose  bool // a trial was cancelled or terminated: its ledger has that, and the search continued differently
}

// plan writes the spec of a kind for a round.
func (s *site) plan(k kind, prefix string) (*played, error) {
	p := &played{kind: k, id: prefix + "-" + k.name, seen: map[string]int{}}
	p.folder = s.path("state", "s3", s.status.Bucket, "v1", "sweeps", p.id)
	return p, os.WriteFile(s.path("specs", p.id+".yaml"), []byte(fmt.Sprintf(common, p.id)+k.spec), 0o600)
}

func (s *site) specOf(p *played) string { return s.path("specs", p.id+".yaml") }

// run starts a sweep.
func (s *site) run(ctx context.Context, p *played) error {
	_, err := s.must(ctx, "run", "--detach", s.specOf(p))
	return err
}

// progress is a number that grows with each step that a sweep makes: a checkpoint that is
// stored, a result, a segment. It reads the files of the store, which answer also while the
// store does not.
func (p *played) progress() int {
	note := func(key string, value int) { p.seen[key] = max(p.seen[key], value) }
	segments, _ := filepath.Glob(filepath.Join(p.folder, "ledger", "*.jsonl")) // an error means a bad pattern
	note("segments", len(segments))
	trials, _ := filepath.Glob(filepath.Join(p.folder, "trials", "*"))
	for _, trial := range trials {
		name := filepath.Base(trial)
		note(name, 1)
		if _, err := os.Stat(filepath.Join(trial, "result.json")); err == nil {
			note(name+" result", 1)
		}
		manifests, _ := filepath.Glob(filepath.Join(trial, "attempts", "*", "checkpoints", "step-*", "MANIFEST.json"))
		for _, m := range manifests {
			step, _ := strconv.Atoi(strings.TrimLeft(strings.TrimPrefix(filepath.Base(filepath.Dir(m)), "step-"), "0"))
			note(name, step)
		}
		if _, err := os.Stat(filepath.Join(trial, "grid.png")); err == nil {
			note(name+" evaluated", 1)
		}
	}
	sum := 0
	for _, value := range p.seen {
		sum += value
	}
	return sum
}
