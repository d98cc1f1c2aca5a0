package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestChildIsStopped(t *testing.T) {
	for _, tt := range []struct{ name, script string }{
		{"politely", "exec sleep 60"},
		{"by force", "trap '' TERM; echo started; while :; do sleep 0.05; done"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.Mkdir(filepath.Join(dir, "logs"), 0o700))
			c, err := startChild("sh", exec.Command("sh", "-c", tt.script), dir)
			require.NoError(t, err)
			grace := 10 * time.Second
			if tt.name == "by force" {
				require.Eventually(t, func() bool { b, _ := os.ReadFile(c.log); return len(b) > 0 }, 5*time.Second, 5*time.Millisecond)
				grace = 50 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), grace)
			defer cancel()
			err = c.stop(ctx)
			if tt.name == "by force" {
				require.ErrorIs(t, err, context.DeadlineExceeded)
			} else {
				require.NoError(t, err)
			}
			select {
			case <-c.ended:
			default:
				t.Fatal("the child was not reaped")
			}
		})
	}
}

func TestChildThatCannotStart(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "logs"), 0o700))
	_, err := startChild("none", exec.Command(filepath.Join(dir, "none")), dir)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestEndedByItself(t *testing.T) {
	require.EqualError(t, endedByItself("versitygw", nil), "versitygw ended by itself, without an error")
	broken := errors.New("listen: broken")
	require.ErrorIs(t, endedByItself("versitygw", broken), broken)
}
