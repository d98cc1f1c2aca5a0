package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/clitest"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/specfile"
)

// Without an answer describe shows what is stored. With -o yaml it prints the spec in force,
// which edit takes.
func TestDescribeWithoutTemporal(t *testing.T) {
	objects := clitest.Archived(t)
	arc := archive.New(objects)
	spec, err := arc.Spec(t.Context(), "done")
	require.NoError(t, err)
	submitted := cmdline(t, objects, "", "describe", "done", "-o", "yaml")
	require.Equal(t, cli.ExitOK, submitted.Code, submitted.Err)
	require.Contains(t, submitted.out, "#", "as submitted, with its comments")

	edited := *spec
	edited.Description, edited.Method, edited.Budget.RunCap = "edited", sweep.MethodRandom, 9
	edited.Parameters = []sweep.Parameter{{Name: "infonce.weight", Distribution: sweep.DistUniform, Min: 0, Max: 0.5}}
	entry := conduct.CommandEntry{Number: 1, At: time.Now().UTC(), Command: conduct.CommandEdit, By: "ann", Change: "description", Spec: &edited}
	require.NoError(t, arc.PutCommandEntry(t.Context(), "done", entry))
	state, err := json.Marshal(conduct.State{Phase: conduct.PhasePaused, Spec: &edited, CommandLog: []conduct.CommandEntry{entry}})
	require.NoError(t, err)
	require.NoError(t, arc.PutState(t.Context(), "done", state))

	r := cmdline(t, objects, "", "describe", "done")
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	require.Contains(t, r.Err, "the state of the sweep is unknown: ")
	require.Contains(t, r.out, "\nin the store: paused: 3 of 9 trials")
	require.Contains(t, r.out, " edit by ann: description\n")

	r = cmdline(t, objects, "", "describe", "done", "-o", "yaml")
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	require.Empty(t, r.Err)
	again, err := specfile.Parse("describe", []byte(r.out))
	require.NoError(t, err)
	require.Equal(t, edited.Digest(), again.Digest())
}
