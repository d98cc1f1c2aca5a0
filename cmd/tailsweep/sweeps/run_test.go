package sweeps

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/workflows"
)

// A stack without a worker of its own may have others.
func TestOtherWorkers(t *testing.T) {
	const without = "the stack runs without a worker of its own (`tailsweep up --no-worker`)"
	for name, c := range map[string]struct {
		idle map[string]time.Duration
		want string
	}{
		"none": {map[string]time.Duration{workflows.ControlQueue: gone, "gpu": gone},
			without + ", and none polls the queue " + workflows.ControlQueue + ": the sweep waits until `tailsweep up` or `tailsweep worker` starts one"},
		"none for trials": {map[string]time.Duration{workflows.ControlQueue: polls, "gpu": gone},
			without + ", and none polls the queue gpu: trials wait until `tailsweep up` or `tailsweep worker --only training --queue gpu` starts one"},
		"a separate one": {map[string]time.Duration{workflows.ControlQueue: polls, "gpu": polls}, without + ": the workers that poll its queues do the work"},
	} {
		require.Equal(t, c.want, otherWorkers(t.Context(), &fakeTemporal{idle: c.idle}, "default", "gpu"), name)
	}
}

func TestWorkerSlots(t *testing.T) {
	require.Equal(t, "3 training slots of the running worker", workerSlots(3, 2))
	require.Equal(t, "the running worker has 1 training slot, and this sweep could use 4: `tailsweep down`, then this command again", workerSlots(1, 4))
}

// run -d that attaches to a sweep says what list says of it.
func TestBegunSaysThePhase(t *testing.T) {
	require.Equal(t, "sweep s is running; `tailsweep watch s` follows it", Begun{Name: "s"}.text())
	require.Equal(t, "sweep s is paused; `tailsweep watch s` follows it, `tailsweep resume s` continues it", Begun{Name: "s", phase: conduct.PhasePaused}.text())
}
