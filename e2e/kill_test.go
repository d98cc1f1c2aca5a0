package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/stack"
	"github.com/tailsweep/tailsweep/sweep"
)

// killed is a sweep of four trials that are long enough to be killed while they run.
const killed = `apiVersion: tailsweep/v1
name: killed
method: grid
seed: 1
dataset: {name: fashion-mnist-10k, size: 16, imbalance: {profile: exp, factor: 0.01}}
model: {arch: unet, width: 16, depth: 1}
train: {steps: 300, batch: 32, lr: 1e-3, warmup_steps: 10, ema: 0.99, label_dropout: 0.1, seed: 1, log_every: 10}
evaluate: {samples_per_class: 50, guidance: [1], ddim_steps: 5}
parameters:
  infonce.weight: {values: [0, 0.1]}
  alignment.weight: {values: [0, 0.1]}
metrics:
  - {name: fid.tail, goal: minimize}
max_concurrent_trials: 2
checkpoints: {every_steps: 100}
`

// TestKills kills a training child, the worker and the stack while a sweep runs. The
// sweep must end with every trial once in the ledger.
func TestKills(t *testing.T) {
	h := newHome(t)
	h.must(build, "up")
	h.must(time.Minute, "run", writeSpec(t, killed), "--detach")

	child := func() int {
		var status stack.Status
		h.read(&status, "status")
		return trainingChild(pid(status, "worker"))
	}
	training := func() {
		h.eventually(5*time.Minute, "a training child", func() bool { return child() != 0 })
	}
	h.eventually(5*time.Minute, "a training child to kill", func() bool {
		victim := child()
		return victim != 0 && kill(t, victim) // it may have ended by itself
	})
	t.Log("killed a trainer child")

	finished := func(atLeast int) func() bool {
		return func() bool {
			var trials []sweep.Trial
			h.read(&trials, "trials", "killed")
			return len(trials) >= atLeast
		}
	}
	h.eventually(5*time.Minute, "a finished trial after the child's death", finished(1))

	var status stack.Status
	training() // the worker dies over a training
	h.read(&status, "status")
	require.True(t, kill(t, pid(status, "worker")))
	t.Log("killed the worker")
	h.must(time.Minute, "up")
	h.eventually(5*time.Minute, "a second finished trial after the worker's death", finished(2))

	training()
	h.read(&status, "status")
	require.True(t, kill(t, pid(status, "stack")))
	t.Log("killed the stack")
	h.must(time.Minute, "up")
	h.must(15*time.Minute, "watch", "killed")

	h.read(&status, "status")
	require.ElementsMatch(t, []int{0, 1, 2, 3}, ledger(t, status, "killed"), "every trial once in the ledger")
	var trials []sweep.Trial
	h.read(&trials, "trials", "killed")
	require.Len(t, trials, 4)
	attempts := 0
	for _, trial := range trials {
		require.Equalf(t, sweep.StatusCompleted, trial.Status, "trial %d: %+v", trial.Number, trial.Error)
		attempts += trial.Attempts
	}
	require.GreaterOrEqual(t, attempts, 6, "the deaths of the child and of the worker cost a trial an attempt each")
}

// ledger reads the numbers of the trials in a sweep's ledger from its segments;
// the verbs read the results of the trials in addition.
func ledger(t *testing.T, status stack.Status, name string) []int {
	t.Helper()
	objects := openStore(t, status)
	var numbers []int
	for info, err := range objects.List(t.Context(), "v1/sweeps/"+name+"/ledger/") {
		require.NoError(t, err)
		body, _, err := objects.Get(t.Context(), info.Key)
		require.NoError(t, err)
		lines := json.NewDecoder(body)
		var header json.RawMessage
		require.NoError(t, lines.Decode(&header), info.Key)
		for lines.More() {
			var trial sweep.Trial
			require.NoError(t, lines.Decode(&trial), info.Key)
			numbers = append(numbers, trial.Number)
		}
		require.NoError(t, body.Close())
	}
	return numbers
}

// kill ends one process, and returns false when it had ended before. 0 would be this
// test's own group.
func kill(t *testing.T, pid int) bool {
	t.Helper()
	require.Positive(t, pid, "the process to kill does not run")
	err := syscall.Kill(pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return false
	}
	require.NoError(t, err)
	return true
}

func pid(status stack.Status, name string) int {
	for _, p := range status.Processes {
		if p.Name == name && p.Running {
			return p.PID
		}
	}
	return 0
}

// trainingChild finds a `tailsweep train` whose parent is the worker.
func trainingChild(worker int) int {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if fields[1] != strconv.Itoa(worker) {
			continue
		}
		number, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			continue
		}
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", number))
		if strings.Contains(string(line), "\x00train\x00") {
			return number
		}
	}
	return 0
}
