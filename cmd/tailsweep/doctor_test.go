package main

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/clitest"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/machine"
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

func TestDoctorAndBackendsAsJSON(t *testing.T) {
	for _, name := range []string{"TEMPORAL_ADDRESS", "TAILSWEEP_S3_ENDPOINT", "TAILSWEEP_S3_BUCKET"} {
		t.Setenv(name, "")
	}
	t.Setenv("TEMPORAL_CONFIG_FILE", filepath.Join(t.TempDir(), "none.toml"))
	t.Setenv("TAILSWEEP_STATE_DIR", filepath.Join(t.TempDir(), "state"))
	t.Setenv("TAILSWEEP_CACHE_DIR", t.TempDir())
	r := cmdline(t, nil, "", "doctor", "-o", "json")
	require.Equal(t, cli.ExitOK, r.Code, r.Err+r.out)
	var checks []struct{ Name, Level, Found string }
	require.NoError(t, json.Unmarshal([]byte(r.out), &checks))
	require.Equal(t, "object store", checks[len(checks)-1].Name)
	require.Equal(t, "the embedded stack is down", checks[len(checks)-1].Found)

	commands := slices.IndexFunc(checks, func(c struct{ Name, Level, Found string }) bool { return c.Name == "commands of specs" })
	require.Equal(t, "no local worker runs", checks[commands].Found)

	r = cmdline(t, nil, "", "backend", "list", "-o", "json")
	var backends []machine.ListedBackend
	require.NoError(t, json.Unmarshal([]byte(r.out), &backends))
	require.Equal(t, machine.ListedBackend{Name: "go", Ready: true, Detail: "built in"}, backends[0])
	require.False(t, backends[1].Ready, "the cache is empty")

	r = cmdline(t, nil, "", "backend", "install", "--from", "/nonexistent.whl")
	require.Equal(t, cli.ExitFailure, r.Code)
	r = cmdline(t, nil, "", "backend", "install", "--from", "/nonexistent.whl", "--if-possible")
	require.Equal(t, cli.ExitOK, r.Code)
	require.Contains(t, r.Err, "backend go")
}

func TestDoctorReportsAServiceThatDoesNotAnswer(t *testing.T) {
	for name, value := range map[string]string{
		"TEMPORAL_ADDRESS": "127.0.0.1:1", "TAILSWEEP_S3_ENDPOINT": "http://127.0.0.1:1", "TAILSWEEP_S3_BUCKET": "b",
		"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "very-secret",
	} {
		t.Setenv(name, value)
	}
	r := cmdline(t, nil, "", "doctor")
	require.Equal(t, cli.ExitFailure, r.Code)
	require.Contains(t, r.out, "127.0.0.1:1")
	require.NotContains(t, r.out+r.Err, "very-secret")
}
