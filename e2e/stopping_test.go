package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// halved is a sweep whose trials are evaluated at steps 20 and 60 of 100.
const halved = `apiVersion: tailsweep/v1
name: halved
method: random
seed: 5
dataset: {name: fashion-mnist-10k, size: 16, imbalance: {profile: exp, factor: 0.01}}
model: {arch: unet, width: 8, depth: 1}
train: {steps: 100, batch: 16, lr: 2e-3, warmup_steps: 5, ema: 0.9, log_every: 10}
evaluate: {samples_per_class: 64, guidance: [0, 1], ddim_steps: 4, rung: {samples_per_class: 50, guidance: [1]}}
parameters:
  infonce.weight: {distribution: log_uniform_values, min: 1e-3, max: 3, zero: 0.2}
metrics:
  - {name: fid.tail, goal: minimize}
early_terminate: {type: asha, min_iter: 20, eta: 3}
budget: {run_cap: 6}
max_concurrent_trials: 2
checkpoints: {every_steps: 20, save_sweep_best: 1}
`

// TestStopping runs asynchronous successive halving on the real stack.
func TestStopping(t *testing.T) {
	h := newHome(t)
	h.must(build, "up")
	h.must(20*time.Minute, "run", writeSpec(t, halved))
	var trials []sweep.Trial
	h.read(&trials, "trials", "halved")
	require.Len(t, trials, 6)
	stopped := 0
	for _, trial := range trials {
		for i, rung := range trial.Rungs {
			require.Equal(t, []int{20, 60}[i], rung.Step)
			require.Positive(t, rung.Metrics["fid.tail"])
			require.NotEmpty(t, rung.Reason)
		}
		switch trial.Status {
		case sweep.StatusCompleted:
			require.Len(t, trial.Rungs, 2)
			require.Equal(t, 100, trial.Steps)
			require.Positive(t, trial.Metrics["fid.tail"])
		case sweep.StatusStopped:
			stopped++
			require.Contains(t, trial.StopReason(), "only the best")
			require.Equal(t, trial.Rungs[len(trial.Rungs)-1].Step, trial.Steps)
			require.Empty(t, trial.Metrics)
			require.Positive(t, trial.TrainTime)
		default:
			t.Errorf("trial %d is %s", trial.Number, trial.Status)
		}
	}
	// Six results that each are the best so far are unlikely, and the seed is fixed.
	require.Positive(t, stopped, "nothing was stopped")
}
