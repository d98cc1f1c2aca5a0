package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/stack"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// steered is a sweep of trials that sleep for six seconds, and fail when their training is
// killed.
const steered = `apiVersion: tailsweep/v1
name: steered
method: random
seed: 5
dataset: {name: fashion-mnist-10k, size: 16, imbalance: {profile: exp, factor: 0.01}}
model: {arch: unet, width: 8, depth: 1}
train: {steps: 6000, batch: 16, lr: 2e-3, warmup_steps: 5, ema: 0.9, log_every: 10}
evaluate: {samples_per_class: 50, guidance: [1], ddim_steps: 4}
parameters:
  infonce.weight: {min: 0, max: 1}
metrics:
  - {name: fid.tail, goal: minimize}
budget: {run_cap: 6}
max_concurrent_trials: 2
max_restarts: 0
checkpoints: {every_steps: 3000, save_sweep_best: 2}
`

// commanded is what a verb that sends a command prints.
type commanded struct {
	conduct.Progress
	Recorded  bool `json:"recorded"`
	Continued bool `json:"continued"`
}

// commands lists the command log of a sweep: who changed what, and how it ended.
func (h *home) commands(name string) (log []string) {
	h.t.Helper()
	var described struct {
		Progress conduct.Progress `json:"progress"`
	}
	h.read(&described, "describe", name)
	for i, e := range described.Progress.CommandLog {
		require.Equal(h.t, i+1, e.Number)
		require.Equal(h.t, e.Command == conduct.EntryEnd, e.By == "", "%+v", e)
		log = append(log, strings.TrimSuffix(e.Command+": "+e.Change, ": "))
	}
	return log
}

// TestSteering plays the life of a sweep: it is changed while it runs, ended, continued,
// used by a second one, and removed.
func TestSteering(t *testing.T) {
	h := newHome(t)
	h.must(build, "up", "--no-worker")
	sleeper := h.sleeper()
	worker := func() (pid int) {
		cmd := h.command(context.Background(), "worker", "--backend", "go", "--slots", "2", "--trainer", sleeper)
		require.NoError(t, cmd.Start())
		t.Cleanup(func() {
			_ = cmd.Process.Kill() // it may have been killed before
			_ = cmd.Wait()
		})
		return cmd.Process.Pid
	}
	first := worker()
	path := writeSpec(t, steered)
	h.must(time.Minute, "run", path, "--detach")
	trials := func() (list []sweep.Trial) {
		h.read(&list, "trials", "steered")
		return list
	}

	h.eventually(5*time.Minute, "a training child to kill", func() bool {
		victim := trainingChild(first)
		return victim != 0 && kill(t, victim)
	})

	// The command log must be right after each step.
	var log []string
	logged := func(entries ...string) {
		t.Helper()
		log = append(log, entries...)
		require.Equal(t, log, h.commands("steered"))
	}

	var did commanded
	h.read(&did, "extend", "steered", "--trials", "+4", "--reason", "six are few")
	require.Equal(t, 10, did.Planned)
	logged("extend: budget.run_cap 6 -> 10")
	h.read(&did, "enqueue", "steered", "--param", "infonce.weight=0.5")
	logged("enqueue: configurations: 1")
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
	logged(fmt.Sprintf("retry: trial %d", failed))
	h.eventually(10*time.Minute, "both requested trials", func() bool {
		n := 0
		for _, trial := range trials() {
			if trial.Request > 0 {
				n++
			}
		}
		return n == 2
	})
	h.read(&did, "pause", "steered") // what follows has time
	logged("pause")
	var best sweep.Trial
	h.read(&best, "best", "steered")
	h.read(&did, "pin", "steered", fmt.Sprint(best.Number))
	require.Equal(t, []int{best.Number}, did.Pinned)
	logged(fmt.Sprintf("pin: trial %d", best.Number))

	h.must(time.Minute, "stop", "steered", "--reason", "to look at it")
	require.Equal(t, conduct.PhaseStopped, h.wait("steered", 10*time.Minute).Phase)
	stopped := trials()
	require.Less(t, len(stopped), 11)
	logged("stop", "end: stopped")
	var status stack.Status
	h.read(&status, "status")
	require.Len(t, ledger(t, status, "steered"), len(stopped))
	refused = h.try(time.Minute, "pause", "steered")
	require.Equal(t, 2, refused.code, refused.stderr)
	require.Contains(t, refused.stderr, "cannot pause a sweep that is stopped: valid now: resume, extend, ")

	again := h.must(time.Minute, "run", path, "--detach")
	require.Contains(t, again.stderr, "`tailsweep resume steered` continues it")
	require.Regexp(t, `commands have changed it since[^|]*budget.run_cap +6 +10\n`, again.stderr)
	narrow := writeSpec(t, strings.NewReplacer("max: 1}", "max: 0.2}", "run_cap: 6", "run_cap: 10").Replace(steered))
	other := h.try(time.Minute, "run", narrow)
	require.Equal(t, 2, other.code, other.stderr)
	require.Regexp(t, `parameters.infonce.weight.max +1 +0.2\n`, other.stderr)
	require.Contains(t, other.stderr, "`tailsweep edit steered "+narrow+"` changes the sweep")

	h.read(&did, "extend", "steered", "--trials", "14")
	require.True(t, did.Continued)
	require.Equal(t, conduct.PhaseRunning, did.Phase)
	require.Equal(t, len(stopped), did.Finished)
	logged("extend: budget.run_cap 10 -> 14")
	narrow = writeSpec(t, strings.NewReplacer("max: 1}", "max: 0.2}", "run_cap: 6", "run_cap: 14").Replace(steered))
	dry := h.must(time.Minute, "edit", "steered", narrow, "--dry-run")
	require.Regexp(t, `parameters.infonce.weight.max +1 +0.2\n`, dry.stdout)
	require.NotContains(t, dry.stdout, "budget")
	longer := writeSpec(t, strings.NewReplacer("steps: 6000", "steps: 9000", "run_cap: 6", "run_cap: 14").Replace(steered))
	refused = h.try(time.Minute, "edit", "steered", longer)
	require.Equal(t, 2, refused.code, refused.stderr)
	require.Contains(t, refused.stderr, "train cannot change, since the results of all trials depend on it")
	h.read(&did, "edit", "steered", narrow)
	logged("edit: parameters.infonce.weight.max 1 -> 0.2")
	edited := did.CommandLog[len(did.CommandLog)-1].At
	require.Equal(t, conduct.PhaseCompleted, h.wait("steered", 15*time.Minute).Phase)
	logged("end: completed")

	list := trials()
	require.Equal(t, stopped, list[:len(stopped)], "what was stopped is where it was")
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
	require.Equal(t, "six are few", described.Progress.CommandLog[0].Reason)
	require.Equal(t, described.Progress.CommandLog, h.storedCommands("steered"), "the store has the same")
	text := h.must(time.Minute, "describe", "steered").stdout
	require.Contains(t, text, ": budget.run_cap 6 -> 10; six are few")
	require.Regexp(t, `# the spec in force, version 9: .* edit by .*: parameters\.infonce\.weight\.max 1 -> 0\.2\napiVersion: `, text)
	require.Contains(t, h.must(time.Minute, "explain", "steered", fmt.Sprint(14)).stdout, "method")

	t.Run("without a worker", func(t *testing.T) { steerWithoutWorker(t, h, func() { require.True(t, kill(t, first)) }, worker) })
	t.Run("a second sweep", func(t *testing.T) { learnAndRemove(t, h, narrow, best.Number) })
}

// storedCommands reads the command log that the object store has, without specs.
func (h *home) storedCommands(name string) (log []conduct.CommandEntry) {
	h.t.Helper()
	files, err := filepath.Glob(filepath.Join(h.dir, "state/s3/tailsweep/v1/sweeps", name, "commands/*.json"))
	require.NoError(h.t, err)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(h.t, err)
		var e conduct.CommandEntry
		_, body, _ := bytes.Cut(data, []byte("\n")) // after the digest
		require.NoError(h.t, json.Unmarshal(body, &e))
		require.Equal(h.t, slices.Contains([]string{"extend", "set", "edit"}, e.Command), e.Spec != nil, "%s has the spec of its version", e.Command)
		require.Equal(h.t, slices.Contains([]string{"pin", "unpin"}, e.Command), e.Trials != nil, "%s has its trials", e.Command)
		e.Spec, e.Trials = nil, nil // the progress has them elsewhere
		log = append(log, e)
	}
	return log
}

// learnAndRemove starts a sweep that begins with the results of the one before, collects
// garbage, and removes both, the one that the other needs last.
func learnAndRemove(t *testing.T, h *home, spec string, pinned int) {
	text, err := os.ReadFile(spec)
	require.NoError(t, err)
	second := writeSpec(t, strings.NewReplacer("name: steered", "name: second", "run_cap: 14", "run_cap: 2").Replace(string(text)))
	begun := h.must(time.Minute, "run", second, "--from", "steered", "--detach")
	require.Regexp(t, `from sweep steered: \d+ configurations of 15 trials fit and count as results of this sweep`, begun.stderr)
	end := h.wait("second", 10*time.Minute)
	require.Equal(t, conduct.PhaseCompleted, end.Phase)
	require.Equal(t, 2, end.Finished)
	require.Contains(t, h.must(time.Minute, "explain", "second", "1").stdout, "results of sweep steered count as its own")
	require.Equal(t, []string{"end: completed"}, h.commands("second"))

	refused := h.try(time.Minute, "rm", "steered", "--yes")
	require.Equal(t, 2, refused.code, refused.stderr)
	require.Contains(t, refused.stderr, "the spec of sweep second names sweep steered in from: remove sweep second first")
	h.must(time.Minute, "gc")
	h.must(time.Minute, "gc", "--yes")
	require.Contains(t, h.must(time.Minute, "gc").stdout, "nothing to remove")
	for _, name := range []string{"steered", "second"} {
		h.must(time.Minute, "doctor", name, "--read-data")
	}
	h.must(2*time.Minute, "pull", "steered", "--trial", fmt.Sprint(pinned), "--to", t.TempDir()+"/pinned")

	for _, name := range []string{"second", "steered-2", "steered"} {
		var gone []struct{ Removed bool }
		h.read(&gone, "rm", name, "no-such-sweep", "--yes") // as one that an earlier rm removed
		require.Len(t, gone, 1)
		require.True(t, gone[0].Removed, name)
		require.Equal(t, 4, h.try(time.Minute, "trials", name).code)
	}
	require.Equal(t, 4, h.try(time.Minute, "rm", "steered", "second", "--yes").code)
	var rows []any
	h.read(&rows, "list")
	require.Empty(t, rows)
}

// steerWithoutWorker runs a spec afresh, and cancels that sweep while no worker runs.
func steerWithoutWorker(t *testing.T, h *home, killWorker func(), worker func() (pid int)) {
	h.must(time.Minute, "rerun", "steered", "--detach")
	killWorker()
	var did commanded
	h.read(&did, "cancel", "steered-2", "--reason", "not needed")
	require.True(t, did.Recorded)
	worker()
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
