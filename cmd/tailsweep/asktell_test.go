package main

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
)

func TestAsktell(t *testing.T) {
	r := cmdline(t, nil, `{"op":"init","space":[{"name":"x","type":"int","low":1,"high":2}],"method":"grid"}`+"\n"+
		`{"op":"ask"}`+"\n"+`{"op":"tell","id":1}`+"\n"+`{"op":"quit"}`+"\n"+`{"op":"ask"}`, "asktell")
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	require.Equal(t, `{"ok":true}`+"\n"+`{"id":0,"params":{"x":1}}`+"\n"+`{"error":"id: there is no trial 1 (valid: 0 to 0)"}`+"\n"+`{"ok":true}`+"\n", r.out)
	require.Equal(t, cli.ExitUsage, cmdline(t, nil, "", "asktell", "x").Code)
}

// Ctrl-C ends a session that waits for its client.
func TestAsktellIsInterrupted(t *testing.T) {
	in, client := io.Pipe()
	defer func() { _ = client.Close() }() // ends the reader
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, &cli.App{In: in, Out: io.Discard, Err: io.Discard}, []string{"asktell"}) }()
	_, err := io.WriteString(client, "\n")
	require.NoError(t, err)
	cancel()
	select {
	case code := <-ended:
		require.Equal(t, cli.ExitInterrupted, code)
	case <-time.After(10 * time.Second):
		t.Fatal("the sweep continues")
	}
}
