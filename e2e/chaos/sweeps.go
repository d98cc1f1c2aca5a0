package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
)

// kind is a sweep that rounds play, next to the others.
type kind struct {
	name    string
	steps   int  // of a training
	ordered bool // one trial at a time: the order of the ledger is that of the undisturbed run
	learns  bool // suggests or stops trials by the results of earlier ones
	real    bool // the real trainer trains it, with its own worker
	spec    string
}

// Slots of a worker: enough for the trials of all kinds at once, so that none waits for
// another.
const (
	slots    = 10
	realSlot = 1
)

// The kinds. max_restarts is high because a round injects several faults.
var kinds = []kind{
	{name: "grid", steps: 120, spec: hashed + images + `
method: grid
parameters:
  infonce.weight: {values: [0, 0.1, 0.3]}
  alignment.weight: {values: [0, 0.1]}
max_concurrent_trials: 2
checkpoints: {every_steps: 40, save_sweep_best: 2}
`},
	{name: "random", steps: 120, spec: hashed + builtIn + `
method: random
parameters:
  infonce.weight: {distribution: log_uniform_values, min: 1e-3, max: 3, zero: 0.2}
  lr: {distribution: log_uniform_values, min: 1e-4, max: 1e-1}
budget: {run_cap: 7}
max_concurrent_trials: 2
checkpoints: {every_steps: 30, save_sweep_best: 3}
`},
	{name: "bayes", steps: 120, ordered: true, learns: true, spec: hashed + builtIn + `
method: bayes
parameters:
  infonce.weight: {distribution: log_uniform_values, min: 1e-3, max: 3}
budget: {run_cap: 7}
max_concurrent_trials: 1
checkpoints: {every_steps: 50, save_sweep_best: 1}
`},
	{name: "asha", steps: 120, ordered: true, learns: true, spec: hashed + builtIn + `
method: random
parameters:
  infonce.weight: {distribution: log_uniform_values, min: 1e-3, max: 3}
early_terminate: {type: asha, min_iter: 30, eta: 2}
budget: {run_cap: 7}
max_concurrent_trials: 1
checkpoints: {every_steps: 30, save_sweep_best: 2}
`},
	{name: "many", steps: 10, ordered: true, spec: builtIn + `
method: random
train: {steps: 10, log_every: 5}
parameters:
  infonce.weight: {distribution: log_uniform_values, min: 1e-3, max: 3}
budget: {run_cap: 17}
max_concurrent_trials: 1
checkpoints: {every_steps: 5, save_sweep_best: 2}
`},
	{name: "real", steps: 40, ordered: true, real: true, spec: builtIn + `
method: grid
train: {steps: 40, batch: 16, lr: 1e-3, warmup_steps: 5, ema: 0.9, log_every: 10}
evaluate: {samples_per_class: 50, guidance: [1], ddim_steps: 2}
parameters:
  infonce.weight: {values: [0.1]}
  alignment.weight: {values: [0.1]}
resources: {queue: real}
max_concurrent_trials: 1
checkpoints: {every_steps: 10, save_sweep_best: 1}
`},
}

// The real trainer's sweep is in all but one of realEvery rounds.
const realEvery = 3

// kindsOf lists the kinds of a round; the undisturbed one, number 0, plays all.
func kindsOf(round int) []kind {
	return slices.DeleteFunc(slices.Clone(kinds), func(k kind) bool { return k.real && round%realEvery > 1 })
}

const common = `apiVersion: tailsweep/v1
name: %s
seed: 3
model: {arch: unet, width: 8, depth: 1}
metrics:
  - {name: fid.tail, goal: minimize}
max_restarts: 100
`

// Parts of specs: the steps of hashers, the dataset that each worker downloads into its
// cache, and the one that is part of the program.
const (
	hashed = `
train: {steps: 120, log_every: 10}
`
	images = `
dataset: {name: image-folder, path: "s3://tailsweep/` + imagesFolder + `", classes: 3, size: 16, channels: 1}
evaluate: {features: {path: /nobody-reads-it}}
`
	builtIn = `
dataset: {name: fashion-mnist-10k, size: 16}
`
)

// played is a sweep that runs or ran.
type played struct {
	kind
	id     string // the sweep's name
	folder string // of its objects on disk
	seen   map[string]int
	over   bool   // its workflow has ended
	loose  bool   // a trial was cancelled or terminated: its ledger has that, and the search continued differently
	grown  int    // trials that commands added: the search continued differently; -1 if it may have
	point  string // the key of the parameters that a command asked for

	retried   *sweep.Trial // that a command asked for again
	commanded bool         // it received commands with ids
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
			note(name, stepOf(m))
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

// stepOf returns the step of the checkpoint with a manifest.
func stepOf(manifest string) int {
	step, _ := strconv.Atoi(strings.TrimLeft(strings.TrimPrefix(filepath.Base(filepath.Dir(manifest)), "step-"), "0"))
	return step
}
