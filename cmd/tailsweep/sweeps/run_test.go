package sweeps

import (
	"cmp"
	"context"
	"errors"
	"strings"
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

// A name that is in use is refused, and a sweep that exists attached to, before data is read
// and the machine is measured.
func TestTheNameComesFirst(t *testing.T) {
	refused, forbidden := errors.New("the name is in use"), errors.New("the worker runs no commands")
	for title, c := range map[string]struct {
		answers, exists bool
		refused         error
		forbidden       error // by the worker, which runs no commands
		remote          bool
		want            string
	}{
		"forbidden":                      {answers: true, forbidden: forbidden, want: "look"},
		"forbidden on a new stack":       {forbidden: forbidden, want: ""},
		"refused and forbidden":          {answers: true, refused: refused, forbidden: forbidden, want: "look"},
		"refused":                        {answers: true, refused: refused, want: "look"},
		"exists":                         {answers: true, exists: true, want: "look up"},
		"new":                            {answers: true, want: "look data up measure"},
		"refused by a stack that starts": {refused: refused, want: "data up look"},
		"exists on a stack that starts":  {exists: true, want: "data up look"},
		"new on a stack that starts":     {want: "data up look measure"},
		"refused elsewhere":              {answers: true, refused: refused, remote: true, want: "look"},
		"exists elsewhere":               {answers: true, exists: true, remote: true, want: "look"},
		"new elsewhere":                  {answers: true, remote: true, want: "look data"},
		"no answer elsewhere":            {answers: true, remote: true, refused: &unansweredError{refused}, want: "look data look"},
	} {
		var did []string
		step := func(name string) func(context.Context) error {
			return func(context.Context) error {
				did = append(did, name)
				return nil
			}
		}
		p := preparation{
			answers: c.answers, data: step("data"),
			look: func(ctx context.Context) (bool, error) { return c.exists, errors.Join(step("look")(ctx), c.refused) },
		}
		if !c.remote {
			p.commands = func(exists bool) error {
				require.Equal(t, c.answers && c.exists, exists)
				return c.forbidden
			}
			p.up = func(ctx context.Context) (func(context.Context) error, error) {
				return step("measure"), step("up")(ctx)
			}
		}
		require.ErrorIs(t, p.run(t.Context()), cmp.Or(c.refused, c.forbidden), title)
		require.Equal(t, c.want, strings.Join(did, " "), title)
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
