package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// short is a sweep of two trials of a few milliseconds; a child that only sleeps trains them.
var short = smallSpec("short", 2)

// smallSpec is a random search of short trials, one after the other.
func smallSpec(name string, trials int) string {
	return fmt.Sprintf(`apiVersion: tailsweep/v1
name: %s
method: random
seed: 5
dataset: {name: fashion-mnist-10k, size: 16, imbalance: {profile: exp, factor: 0.01}}
model: {arch: unet, width: 8, depth: 1}
train: {steps: 20, batch: 16, lr: 2e-3, warmup_steps: 5, ema: 0.9, log_every: 10}
evaluate: {samples_per_class: 50, guidance: [1], ddim_steps: 2}
parameters:
  infonce.weight: {distribution: log_uniform_values, min: 1e-3, max: 3}
metrics:
  - {name: fid.tail, goal: minimize}
budget: {run_cap: %d}
max_concurrent_trials: 1
checkpoints: {every_steps: 20, save_sweep_best: 1}
`, name, trials)
}

// TestIdentity has two Temporal namespaces and two stores: no sweep is changed from
// elsewhere, and a store that would overwrite objects is refused.
func TestIdentity(t *testing.T) {
	h := newHome(t)
	sleeper := h.sleeper()
	h.must(build, "up", "--no-worker")
	spec := writeSpec(t, short)

	r := h.try(time.Minute, "--namespace", "other", "worker")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.stderr, `namespace does not exist: "other"`)
	require.Contains(t, r.stderr, "tailsweep setup")
	var steps []struct {
		What string
		Made bool
	}
	for _, made := range []bool{true, false} {
		h.read(&steps, "--namespace", "other", "setup")
		require.Equal(t, "namespace other", steps[0].What)
		require.Equal(t, made, steps[0].Made, "setup can be run again")
	}
	require.Contains(t, h.must(time.Minute, "--namespace", "other", "doctor").stdout, `the namespace "other" has its search attributes`)

	// A worker with another prefix does none of the work, and the sweep says so.
	worker := func(flags ...string) (stop func()) {
		cmd := h.command(context.Background(), append(flags, "worker", "--backend", "go", "--trainer", sleeper)...)
		require.NoError(t, cmd.Start())
		return func() {
			require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
			require.NoError(t, cmd.Wait())
		}
	}
	listed := func() (row struct{ State, Fault string }) {
		rows := []struct{ State, Fault string }{}
		h.read(&rows, "list")
		require.Len(t, rows, 1)
		return rows[0]
	}
	stop := worker("--s3-prefix", "elsewhere")
	h.must(time.Minute, "run", spec, "--detach")
	h.eventually(time.Minute, "list shows the wrong store", func() bool { return strings.Contains(listed().Fault, "wrong_store") })
	require.Contains(t, h.must(time.Minute, "describe", "short").stdout, `prefix "elsewhere"`)
	stop()
	stop = worker()
	h.eventually(2*time.Minute, "the sweep completes", func() bool { return listed().State == "completed" })
	require.Contains(t, h.must(time.Minute, "describe", "short").stdout, "took part in 2 trials")
	stop()

	// So does one with a copy of the store, which has its id and the sweep.
	bucket := filepath.Join(h.dir, "state/s3/tailsweep")
	require.NoError(t, os.Mkdir(filepath.Join(bucket, "copied"), 0o700))
	out, err := exec.Command("cp", "-a", filepath.Join(bucket, "v1"), filepath.Join(bucket, "copied/v1")).CombinedOutput()
	require.NoError(t, err, "%s", out)
	stop = worker("--s3-prefix", "copied")
	h.must(time.Minute, "extend", "short", "--trials", "+1")
	h.eventually(time.Minute, "list shows the copy", func() bool { return strings.Contains(listed().Fault, "wrong_store") })
	refused := h.must(time.Minute, "describe", "short").stdout
	require.Regexp(t, `prefix "copied" \(with the same id, so one is a copy of the other\), the sweep uses .* prefix ""`, refused)
	stop()
	stop = worker()
	h.eventually(2*time.Minute, "the sweep completes", func() bool { return listed().State == "completed" })
	stop()

	// The other namespace does not touch it.
	for _, args := range [][]string{{"run", spec, "--detach"}, {"extend", "short", "--trials", "+2"}, {"rm", "short", "--yes"}, {"doctor", "short", "--repair"}} {
		r := h.try(time.Minute, append([]string{"--namespace", "other"}, args...)...)
		require.Equal(t, 2, r.code, "%v: %s", args, r.stderr)
		require.Contains(t, r.stderr, `of namespace "default"`)
		require.Contains(t, r.stderr, `this is namespace "other"`)
	}
	collected := h.try(time.Minute, "--namespace", "other", "gc", "--yes")
	require.Equal(t, 1, collected.code, collected.stdout)
	require.Regexp(t, `short: the name "short" belongs to .* of namespace "default"[^\n]*\nnothing to remove`, collected.stdout)
	h.must(time.Minute, "doctor", "short")

	// Files without extended attributes, as after cp -r: versitygw overwrites them.
	file := filepath.Join(h.dir, "state/s3/tailsweep/v1/store.json")
	id, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.Remove(file))
	require.NoError(t, os.WriteFile(file, id, 0o600))
	for _, args := range [][]string{{"worker"}, {"run", writeSpec(t, strings.Replace(short, "name: short", "name: second", 1)), "--detach"}} {
		r := h.try(time.Minute, args...)
		require.Equal(t, 1, r.code, "%v: %s", args, r.stderr)
		require.Contains(t, r.stderr, "copied without their extended attributes")
	}
	h.must(time.Minute, "setup")
	require.Contains(t, h.must(time.Minute, "doctor").stdout, "honours conditional writes")
}
