package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

func TestConfirmed(t *testing.T) {
	for text, want := range map[string]bool{"y\n": true, "Yes\n": true, "yes": true, "\n": false, "": false, "n\n": false, "yesterday\n": false} {
		got, err := confirmed(t.Context(), strings.NewReader(text), "")
		require.NoError(t, err)
		require.Equal(t, want, got, "%q", text)
	}
	_, err := (&App{In: strings.NewReader("y\n")}).Confirm(t.Context(), "rm", "remove it?", "")
	require.Equal(t, ExitUsage, CodeOf(err))
	require.ErrorContains(t, err, "--yes")
}

func TestPrintHidesSecretsOfURLs(t *testing.T) {
	var out strings.Builder
	a := &App{Out: &out}
	require.NoError(t, a.Print("path: https://me:geheim@data.local/x.zip"))
	require.NoError(t, a.PrintJSON(map[string]string{"path": "https://me:geheim@data.local/x.zip"}))
	require.Equal(t, "path: https://***@data.local/x.zip\n{\n  \"path\": \"https://***@data.local/x.zip\"\n}\n", out.String())
}

// Ctrl-C ends the question.
func TestConfirmedIsInterrupted(t *testing.T) {
	silent, _ := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := confirmed(ctx, silent, "nothing was removed")
	require.Equal(t, ExitInterrupted, CodeOf(err))
	require.Equal(t, "tailsweep: interrupted: nothing was removed", Message(err))
}

// What fails after a signal is its consequence, except results.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	failed := errors.New("no Temporal server answers")
	require.Equal(t, failed, Interrupted(ctx, failed))
	cancel()
	for _, err := range []error{failed, NoAnswer(failed), Silently(ExitFailure), fmt.Errorf("pause: %w", context.Canceled)} {
		got := Interrupted(ctx, err)
		require.Equal(t, ExitInterrupted, CodeOf(got))
		require.Equal(t, "tailsweep: interrupted", Message(got))
	}
	for _, err := range []error{nil, Usagef("no"), NotFoundf("no"), ChildExit(ExitFailure), ChildExit(ExitDiverged), &sweep.FailureError{}, Silently(ExitInterrupted)} {
		require.Equal(t, err, Interrupted(ctx, err))
	}
	require.Empty(t, Message(ChildExit(ExitFailure)))
	require.Equal(t, ExitFailure, CodeOf(ChildExit(ExitFailure)))
}
