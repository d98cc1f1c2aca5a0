package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/stack"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// steered is a sweep of trials of a few seconds that fail when their training is killed.
const steered = `apiVersion: tailsweep/v1
name: steered
method: random
seed: 5
dataset: {name: fashion-mnist-10k, size: 16, imbalance: {profile: exp, factor: 0.01}}
model: {arch: unet, width: 8, depth: 1}
train: {steps: 60, batch: 16, lr: 2e-3, warmup_steps: 5, ema: 0.9, log_every: 10}
evaluate: {samples_per_class: 50, guidance: [1], ddim_steps: 4}
parameters:
  infonce.weight: {min: 0, max: 1}
metrics:
  - {name: fid.tail, goal: minimize}
budget: {run_cap: 6}
max_concurrent_trials: 2
max_restarts: 0
checkpoints: {every_steps: 30, save_sweep_best: 2}
`

// commanded is what a verb that sends a command prints.
type commanded struct {
	conduct.Progress
	Recorded  bool `json:"recorded"`
	Continued bool `json:"continued"`
}

// TestSteering changes a sweep while it runs, and continues it after its end.
func TestSteering(t *testing.T) {
	h := newHome(t)
	h.must(build, "up")
	path := writeSpec(t, steered)
	h.must(time.Minute, "run", path, "--detach")
	trials := func() (list []sweep.Trial) {
		h.read(&list, "trials", "steered")
		return list
	}

	var status stack.Status
	h.eventually(5*time.Minute, "a training child to kill", func() bool {
		h.read(&status, "status")
		victim := trainingChild(pid(status, "worker"))
		return victim != 0 && kill(t, victim)
	})

	var did commanded
	h.read(&did, "extend", "steered", "--trials", "+4", "--reason", "six are few")
	require.Equal(t, 10, did.Planned)
	h.read(&did, "enqueue", "steered", "--param", "infonce.weight=0.5")
	refused := h.try(time.Minute, "enqueue", "steered", "--param", "infonce.weight=2")
	require.Equal(t, 2, refused.code, refused.stderr)
	require.Contains(t, refused.stderr, "infonce.weight: is not a value of parameters.infonce.weight (2; valid: a number in [0, 1])")

	failed := -1
	h.eventually(5*time.Minute, "the killed trial", func() bool {
		list := trials()
		i := slices.IndexFunc(list, func(t sweep.Trial) bool { return t.Status == sweep.StatusFailed })
		if i >= 0 {
			failed = list[i].Number
		}
		return i >= 0
	})
	h.must(time.Minute, "retry", "steered", fmt.Sprint(failed))
	h.eventually(10*time.Minute, "both requested trials", func() bool {
		n := 0
		for _, trial := range trials() {
			if trial.Request > 0 {
				n++
			}
		}
		return n == 2
	})
	var best sweep.Trial
	h.read(&best, "best", "steered")
	h.read(&did, "pin", "steered", fmt.Sprint(best.Number))
	require.Equal(t, []int{best.Number}, did.Pinned)

	h.must(time.Minute, "stop", "steered", "--reason", "to look at it")
	var end conduct.Progress
	h.read(&end, "wait", "steered", "--timeout", "5m")
	require.Equal(t, conduct.PhaseStopped, end.Phase)
	stopped := trials()
	require.Less(t, len(stopped), 11)
	refused = h.try(time.Minute, "pause", "steered")
	require.Equal(t, 2, refused.code, refused.stderr)
	require.Contains(t, refused.stderr, "cannot pause a sweep that is stopped: valid now: resume, extend, ")

	again := h.must(time.Minute, "run", path, "--detach")
	require.Contains(t, again.stderr, "`tailsweep resume steered` continues it")
	narrow := writeSpec(t, strings.NewReplacer("max: 1}", "max: 0.2}", "run_cap: 6", "run_cap: 10").Replace(steered))
	other := h.try(time.Minute, "run", narrow)
	require.Equal(t, 2, other.code, other.stderr)
	require.Regexp(t, `parameters.infonce.weight.max +1 +0.2\n`, other.stderr)
	require.Contains(t, other.stderr, "`tailsweep edit steered "+narrow+"` changes the sweep")

	h.read(&did, "extend", "steered", "--trials", "14")
	require.True(t, did.Continued)
	require.Equal(t, conduct.PhaseRunning, did.Phase)
	require.Equal(t, len(stopped), did.Finished)
	narrow = writeSpec(t, strings.NewReplacer("max: 1}", "max: 0.2}", "run_cap: 6", "run_cap: 14").Replace(steered))
	dry := h.must(time.Minute, "edit", "steered", narrow, "--dry-run")
	require.Regexp(t, `parameters.infonce.weight.max +1 +0.2\n`, dry.stdout)
	require.NotContains(t, dry.stdout, "budget")
	longer := writeSpec(t, strings.NewReplacer("steps: 60", "steps: 90", "run_cap: 6", "run_cap: 14").Replace(steered))
	refused = h.try(time.Minute, "edit", "steered", longer)
	require.Equal(t, 2, refused.code, refused.stderr)
	require.Contains(t, refused.stderr, "train cannot change, since the results of all trials depend on it")
	h.read(&did, "edit", "steered", narrow)
	edited := did.CommandLog[len(did.CommandLog)-1].At
	h.read(&end, "wait", "steered", "--timeout", "15m")
	require.Equal(t, conduct.PhaseCompleted, end.Phase)

	list := trials()
	require.Equal(t, stopped, list[:len(stopped)], "what was stopped is where it was")
	h.read(&status, "status")
	numbers := ledger(t, status, "steered")
	slices.Sort(numbers)
	require.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}, numbers, "14 trials and a retry, each once")
	for _, trial := range list {
		switch trial.Reason.Sampler {
		case sweep.SourceUser:
			require.Equal(t, sweep.Params{"infonce.weight": sweep.Number(0.5)}, trial.Params)
		case sweep.SourceRetry:
			require.Equal(t, list[failed].Params, trial.Params)
			require.Equal(t, list[failed].Seed, trial.Seed)
		default:
			if trial.StartedAt.After(edited.Add(time.Minute)) || trial.Number == 14 {
				require.LessOrEqual(t, trial.Params["infonce.weight"].Float(), 0.2, "trial %d", trial.Number)
			}
		}
		if trial.Number != failed {
			require.Equal(t, sweep.StatusCompleted, trial.Status, "trial %d", trial.Number)
		}
	}
	h.must(2*time.Minute, "pull", "steered", "--trial", fmt.Sprint(best.Number), "--to", t.TempDir()+"/pinned")

	var described struct {
		Progress conduct.Progress `json:"progress"`
		Spec     sweep.Spec       `json:"spec"`
	}
	h.read(&described, "describe", "steered")
	require.Equal(t, 0.2, described.Spec.Parameters[0].Max)
	var audit []string
	for i, e := range described.Progress.CommandLog {
		require.Equal(t, i+1, e.Number)
		audit = append(audit, strings.TrimSuffix(e.Command+": "+e.Change, ": "))
	}
	require.Equal(t, []string{
		"extend: budget.run_cap 6 -> 10", "enqueue: configurations: 1", fmt.Sprintf("retry: trial %d", failed), fmt.Sprintf("pin: trial %d", best.Number), "stop",
		"end: stopped", "extend: budget.run_cap 10 -> 14", "edit: parameters.infonce.weight.max 1 -> 0.2", "end: completed",
	}, audit)
	require.Equal(t, "six are few", described.Progress.CommandLog[0].Reason)
	text := h.must(time.Minute, "describe", "steered").stdout
	require.Contains(t, text, ": budget.run_cap 6 -> 10; six are few")
	require.Contains(t, h.must(time.Minute, "explain", "steered", fmt.Sprint(14)).stdout, "method")

	t.Run("without a worker", func(t *testing.T) { steerWithoutWorker(t, h) })
}

// steerWithoutWorker runs a spec afresh, and cancels that sweep while no worker runs.
func steerWithoutWorker(t *testing.T, h *home) {
	h.must(time.Minute, "rerun", "steered", "--detach")
	var status stack.Status
	h.read(&status, "status")
	require.True(t, kill(t, pid(status, "worker")))
	var did commanded
	h.read(&did, "cancel", "steered-2", "--reason", "not needed")
	require.True(t, did.Recorded)
	h.must(time.Minute, "up")
	ended := h.try(5*time.Minute, "wait", "steered-2")
	require.Equal(t, 1, ended.code, ended.stderr)
	require.Contains(t, ended.stderr, "sweep steered-2 cancelled: cancel by ")
	var described struct {
		Progress conduct.Progress `json:"progress"`
	}
	h.read(&described, "describe", "steered-2")
	require.Equal(t, "not needed", described.Progress.CommandLog[0].Reason)
	require.Equal(t, 14, described.Progress.Planned)
}
