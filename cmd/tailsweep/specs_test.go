package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/clitest"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/specs"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/specfile"
)

func TestInitValidatePlan(t *testing.T) {
	for _, method := range sweep.Methods() {
		text := cmdline(t, nil, "", "init", "--name", "my-search", "--method", string(method))
		require.Equal(t, cli.ExitOK, text.Code, text.Err)
		path := filepath.Join(t.TempDir(), "spec.yaml")
		require.NoError(t, os.WriteFile(path, []byte(text.out), 0o600))

		valid := cmdline(t, nil, "", "validate", path)
		require.Equal(t, cli.ExitOK, valid.Code, valid.Err)
		require.Contains(t, valid.out, `sweep "my-search" is valid (`+string(method))

		fromStdin := cmdline(t, nil, text.out, "plan", "-", "--steps-per-second", "30", "-o", "json")
		require.Equal(t, cli.ExitOK, fromStdin.Code, fromStdin.Err)
		var p specs.Estimate
		require.NoError(t, json.Unmarshal([]byte(fromStdin.out), &p))
		require.Positive(t, p.Plan.Trials)
		require.Positive(t, p.Parameters)
		require.Equal(t, p.Plan.StepsPerTrial*int64(p.Plan.Trials), p.Plan.Steps)
		require.Greater(t, p.Plan.TrialTime.Seconds(), float64(p.Plan.StepsPerTrial)/30, "evaluation takes time too")
	}
}

// A spec that searches guidance has no evaluate.guidance; plan works without it.
func TestPlanOfASearchOverGuidance(t *testing.T) {
	text, err := os.ReadFile("testdata/plan.yaml")
	require.NoError(t, err)
	spec := strings.NewReplacer(", guidance: [0, 1]", "", "width: 16", "width: 8", "batch: 64", "batch: 2",
		"parameters:", "parameters:\n  guidance: {values: [0, 1]}", "alignment.weight: 0}, seeds", "alignment.weight: 0, guidance: 1}, seeds").Replace(string(text))
	r := cmdline(t, nil, spec, "plan", "-", "--backend", "go", "-o", "json")
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	var p specs.Estimate
	require.NoError(t, json.Unmarshal([]byte(r.out), &p))
	require.Equal(t, "go", p.Backend)
	require.Positive(t, p.StepsPerSecond)
	require.Positive(t, p.MemoryBytes)
	require.Contains(t, r.Err, "measuring up to 12 steps on backend go ...\n  first step after ")
	require.NotContains(t, r.Err, "parallelism")
}

func TestPlanWithoutMeasuring(t *testing.T) {
	r := cmdline(t, nil, "", "plan", "testdata/plan.yaml", "--no-measure")
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	require.Empty(t, r.Err)
	require.Contains(t, r.out, "steps        1000 a trial, 5000 in total\n")
	require.Contains(t, r.out, "time         not estimated: nothing was measured\n")
	r = cmdline(t, nil, "", "plan", "testdata/plan.yaml", "--no-measure", "--steps-per-second", "20")
	require.Equal(t, cli.ExitUsage, r.Code)
	require.Contains(t, r.Err, "cannot be combined")
}

func TestPlanRefusesAnInvalidRate(t *testing.T) {
	for _, rate := range []string{"0", "-1", "nan", "inf"} {
		r := cmdline(t, nil, "", "plan", "testdata/plan.yaml", "--steps-per-second", rate)
		require.Equal(t, 2, r.Code, rate)
		require.Contains(t, r.Err, `"`+rate+`" for "--steps-per-second" flag: valid: above 0`, rate)
	}
}

func TestPlanForPeople(t *testing.T) {
	r := cmdline(t, nil, "", "plan", "testdata/plan.yaml", "--steps-per-second", "20")
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	clitest.Golden(t, "plan.txt", r.out)
}

func TestValidateReportsEveryFault(t *testing.T) {
	r := cmdline(t, nil, "", "validate", "../../testdata/ten-faults.yaml", "../../examples/quickstart.yaml")
	require.Equal(t, cli.ExitUsage, r.Code)
	faults := strings.Split(strings.TrimSpace(r.Err), "\n")
	require.Len(t, faults, 10)
	for _, line := range faults {
		require.Regexp(t, `^\.\./\.\./testdata/ten-faults\.yaml:\d+:\d+: \S+`, line)
	}
	require.Contains(t, r.out, "quickstart.yaml: sweep", "the valid spec is reported")
}

func TestWarningsAreNotFaults(t *testing.T) {
	text, err := os.ReadFile("testdata/plan.yaml")
	require.NoError(t, err)
	spec := strings.Replace(string(text), "batch: 64", "batch: 64, label_dropout: 0", 1)
	for _, arguments := range [][]string{{"validate", "-"}, {"plan", "-", "--no-measure"}, {"simulate", "-", "--objective", "lossweights"}} {
		r := cmdline(t, nil, spec, arguments...)
		require.Equal(t, cli.ExitOK, r.Code, r.Err)
		require.Regexp(t, `^\S+: warning: train.label_dropout is 0, .*\n$`, r.Err)
		require.NotEmpty(t, r.out)
	}
	r := cmdline(t, nil, spec, "validate", "-", "-o", "json")
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	require.Empty(t, r.Err)
	var v struct {
		Faults   []map[string]any
		Warnings []map[string]string
	}
	require.NoError(t, json.Unmarshal([]byte(r.out), &v))
	require.Empty(t, v.Faults)
	require.Len(t, v.Warnings, 1)
	require.Equal(t, "planned", v.Warnings[0]["sweep"])
	require.Equal(t, "stdin", v.Warnings[0]["file"])
	require.Regexp(t, `^train.label_dropout is 0, `, v.Warnings[0]["message"])
	r = cmdline(t, nil, string(text), "validate", "-")
	require.Empty(t, r.Err)
}

func TestValidateAsJSON(t *testing.T) {
	r := cmdline(t, nil, "", "validate", "../../testdata/ten-faults.yaml", "../../examples/quickstart.yaml", "-o", "json")
	require.Equal(t, cli.ExitUsage, r.Code)
	require.Empty(t, r.Err)
	var v struct{ Faults []map[string]any }
	require.NoError(t, json.Unmarshal([]byte(r.out), &v))
	faults := v.Faults
	require.Len(t, faults, 10)
	lines := strings.Split(strings.TrimSpace(cmdline(t, nil, "", "validate", "../../testdata/ten-faults.yaml").Err), "\n")
	for i, f := range faults {
		require.Len(t, f, 7)
		at := fmt.Sprintf("%s:%v:%v: %s: ", f["file"], f["line"], f["column"], f["field"])
		require.Truef(t, strings.HasPrefix(lines[i], at), "%s is not about %s", lines[i], at)
		for _, detail := range []string{"message", "valid"} {
			require.Contains(t, lines[i], f[detail])
		}
	}

	r = cmdline(t, nil, "", "validate", "../../examples/quickstart.yaml", "-o", "json")
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	require.JSONEq(t, `{"faults": [], "warnings": []}`, r.out)
	r = cmdline(t, nil, "", "validate", filepath.Join(t.TempDir(), "none.yaml"), "-o", "json")
	require.Equal(t, cli.ExitUsage, r.Code)
	require.Contains(t, r.Err, "none.yaml", "a file that cannot be read is not a fault of a spec")
}

func TestSchema(t *testing.T) {
	r := cmdline(t, nil, "", "schema")
	require.Equal(t, cli.ExitOK, r.Code)
	require.True(t, json.Valid([]byte(r.out)))
	require.Equal(t, string(specfile.Schema()), r.out)

	require.Contains(t, cmdline(t, nil, "", "schema", "--message", "job").out, "resume_step")
	require.Contains(t, cmdline(t, nil, "", "schema", "--message", "event").out, "preempted")
	r = cmdline(t, nil, "", "schema", "--message", "spec")
	require.Equal(t, cli.ExitUsage, r.Code)
	require.Contains(t, r.Err, `schema: --message is "spec" (valid: job, event)`)
}

func TestMetrics(t *testing.T) {
	r := cmdline(t, nil, "", "metrics", "-o", "json")
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	var list []struct{ Name, Goal, Unit string }
	require.NoError(t, json.Unmarshal([]byte(r.out), &list))
	goals := map[string]string{}
	for _, m := range list {
		goals[m.Name] = m.Goal
	}
	require.Equal(t, "minimize", goals["fid.tail"])
	require.Equal(t, "maximize", goals["coverage.head"])
	require.Regexp(t, `(?m)^coverage.all +maximize +ratio +Share of real images`, cmdline(t, nil, "", "metrics").out)
}
