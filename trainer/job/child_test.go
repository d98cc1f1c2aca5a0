package job

import (
	"bytes"
	"context"
	"errors"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

func TestRunExitCodes(t *testing.T) {
	ends := func(last Type) func(context.Context, Child) error {
		return func(_ context.Context, c Child) error { return c.Emit(Event{Type: last}) }
	}
	for name, c := range map[string]struct {
		work func(context.Context, Child) error
		code int
		line string
	}{
		"done":      {ends(Done), ExitOK, `{"type":"done"}`},
		"preempted": {ends(Preempted), ExitOK, `{"type":"preempted"}`},
		"diverged":  {ends(Diverged), ExitDiverged, `{"type":"diverged"}`},
		"bug":       {func(context.Context, Child) error { return errors.New("x") }, ExitFailed, `{"type":"error","class":"bug","message":"x"}`},
		"full disk": {func(context.Context, Child) error {
			return &os.PathError{Op: "write", Path: "grid.png", Err: syscall.ENOSPC}
		},
			ExitFailed, `{"type":"error","class":"environment","message":"write grid.png: no space left on device"}`},
		"bad data": {func(context.Context, Child) error { return sweep.Fail(sweep.FailBadData, errors.New("y")) },
			ExitFailed, `{"type":"error","class":"bad_data","message":"y"}`},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			require.Equal(t, c.code, Run(t.Context(), nil, &out, c.work))
			require.Equal(t, c.line+"\n", out.String())
		})
	}
}
