package main

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/clitest"
	"github.com/tailsweep/tailsweep/internal/archive"
)

func TestDoctorOfASweep(t *testing.T) {
	objects := clitest.Archived(t)
	for _, key := range []string{"v1/sweeps/done/ledger/000001.jsonl", "v1/sweeps/done/spec.json"} {
		require.NoError(t, objects.Delete(t.Context(), key))
	}
	r := cmdline(t, objects, "", "doctor", "done", "-o", "json")
	require.Equal(t, cli.ExitFailure, r.Code)
	var checked archive.Checked
	require.NoError(t, json.Unmarshal([]byte(r.out), &checked))
	require.Equal(t, "done", checked.Sweep)
	require.NotZero(t, checked.Faults())

	r = cmdline(t, objects, "", "doctor", "done")
	require.Regexp(t, `(?m)^fault     spec {9}v1/sweeps/done/spec.json`, r.out)
	require.Regexp(t, `(?m)^notice  |^ok      `, r.out)

	r = cmdline(t, objects, "", "doctor", "done", "--repair")
	require.Equal(t, cli.ExitOK, r.Code, r.out)
	require.Contains(t, r.Err, "checking the store alone")
	clitest.Golden(t, "doctor-repair.txt", regexp.MustCompile(`[0-9a-f]{12}|\d{8}T\d{6}Z|\d+ objects, .*`).ReplaceAllString(r.out, "#"))
	again := cmdline(t, objects, "", "doctor", "done", "--read-data")
	require.Equal(t, cli.ExitOK, again.Code)
	require.NotContains(t, again.out, "fault")
	require.Equal(t, cli.ExitOK, cmdline(t, objects, "", "trials", "done").Code)

	require.Equal(t, cli.ExitNotFound, cmdline(t, objects, "", "doctor", "nothing").Code)
	r = cmdline(t, objects, "", "doctor", "--repair")
	require.Equal(t, cli.ExitUsage, r.Code)
	require.Contains(t, r.Err, "tailsweep doctor SWEEP")
}
