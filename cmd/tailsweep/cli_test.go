package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/clitest"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/machine"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/specs"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/sweeps"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/folder"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/internal/store/storetest"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/specfile"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

// result is how a command line ended.
type result struct {
	Code     int
	out, Err string
}

// cmdline runs one command line. objects, when not nil, is the object store; there is
// never a Temporal.
func cmdline(t *testing.T, objects store.Store, stdin string, arguments ...string) result {
	t.Helper()
	var out, err bytes.Buffer
	a := &cli.App{In: strings.NewReader(stdin), Out: &out, Err: &err, Objects: objects}
	code := run(t.Context(), a, arguments)
	return result{code, out.String(), err.String()}
}

func TestUnknownBackendOfTheEnvironment(t *testing.T) {
	t.Setenv("TAILSWEEP_BACKEND", "nonsense")
	t.Setenv("TAILSWEEP_STATE_DIR", t.TempDir())
	spec := "../../examples/quickstart.yaml"
	for _, arguments := range [][]string{{"run", spec}, {"up"}, {"train", spec, "--to", t.TempDir()}, {"plan", spec}, {"worker"}} {
		r := cmdline(t, nil, "", arguments...)
		require.Equal(t, cli.ExitUsage, r.Code, r.Err)
		require.Equal(t, "tailsweep: TAILSWEEP_BACKEND is \"nonsense\" (valid: auto, go, xla:cpu, xla:cuda)\n", r.Err, arguments[0])
	}
}

func TestExitCodesOfBadInput(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none.yaml")
	for name, c := range map[string]struct {
		arguments []string
		want      string
	}{
		"unknown verb":                  {[]string{"trails"}, `unknown verb "trails"; did you mean "trials"?`},
		"unknown verb, nothing":         {[]string{"zzzzzzzz"}, "tailsweep --help"},
		"unknown flag":                  {[]string{"trials", "--wide", "x"}, "unknown flag: --wide"},
		"bad value":                     {[]string{"trials", "x", "-o", "xml"}, "valid: table, json"},
		"too many arguments":            {[]string{"trials", "a", "b"}, "tailsweep: trials takes one sweep, not 2 arguments"},
		"one argument too many":         {[]string{"version", "a"}, "tailsweep: version takes no arguments, not 1 argument;"},
		"too few arguments":             {[]string{"run"}, "tailsweep: run takes one spec"},
		"no such spec":                  {[]string{"run", missing}, missing},
		"bad method":                    {[]string{"init", "--method", "anneal"}, "grid, random, sobol, tpe, bayes, cmaes, nsga2"},
		"bad sweep name":                {[]string{"init", "Not A Name"}, `"Not A Name"`},
		"pull without a folder":         {[]string{"pull", "x"}, "--to DIR"},
		"pull of none":                  {[]string{"pull", "x", "--to", "d", "--top-n", "0"}, `"0" for "--top-n" flag: valid: 1 or more`},
		"pull of a trial below 0":       {[]string{"pull", "x", "--to", "d", "--trial", "-5"}, `"-5" for "--trial" flag: valid: 0 or more`},
		"pull of one and of some":       {[]string{"pull", "x", "--to", "d", "--trial", "1", "--top-n", "2"}, "--top-n"},
		"no number of slots":            {[]string{"up", "--slots", "x"}, `"x" for "--slots" flag: not a number`},
		"slots below 1":                 {[]string{"up", "--slots", "0"}, `"0" for "--slots" flag: valid: 1 or more`},
		"report into a folder":          {[]string{"report", "x", "--to", t.TempDir()}, "a folder"},
		"worker without slots":          {[]string{"worker", "--slots", "0"}, `"0" for "--slots" flag: valid: 1 or more`},
		"sample, no PNG":                {[]string{"sample", "x", "--to", "grid.jpg"}, "grid.jpg"},
		"sample of a folder of folders": {[]string{"sample", t.TempDir()}, "the folder of one trial"},
		"bad share":                     {[]string{"importance", "x", "--top", "0.5"}, "at most 0.4"},
		"bad metric of importance":      {[]string{"importance", "x", "--metric", "fid.tial"}, "{all, head, medium, tail}"},
		"bad metric":                    {[]string{"best", "x", "--metric", "fid.tial"}, "{all, head, medium, tail}"},
		"worker without a trainer":      {[]string{"worker", "--trainer", "./nowhere"}, "--trainer ./nowhere"},
		"bad slots":                     {[]string{"worker", "--slots", "many"}, "--slots"},
		"bad part":                      {[]string{"worker", "--only", "gpu"}, "both, control, training"},
		"bad parameter":                 {[]string{"train", "../../examples/quickstart.yaml", "--to", t.TempDir(), "--param", "infonce.wieght=1"}, "infonce.weight"},
		"bad parameter value":           {[]string{"train", "../../examples/quickstart.yaml", "--to", t.TempDir(), "--param", "infonce.weight=-1"}, "infonce.weight"},
		"train without a spec":          {[]string{"train"}, "SPEC is missing"},
		"no epochs":                     {[]string{"features", "train", "--to", "x", "--epochs", "0"}, `"0" for "--epochs" flag: valid: 1 to 10000`},
		"no such name of a sweep":       {[]string{"extend", "No/Such", "--trials", "+1"}, `sweep name "No/Such" (valid: 1 to 63 of a-z`},
		"no time to wait":               {[]string{"wait", "x", "--timeout", "-1s"}, "--timeout -1s (valid: a time above 0"},
		"no time":                       {[]string{"wait", "x", "--timeout", "12"}, `"12" for "--timeout" flag: not a time such as 90m or 12h;`},
		"no such file of points":        {[]string{"enqueue", "x", "--file", missing}, "read the file: open "},
		"bad trial number":              {[]string{"logs", "x", "one"}, `"one" is not a trial number`},
	} {
		t.Run(name, func(t *testing.T) {
			r := cmdline(t, storetest.NewMemory(), "", c.arguments...)
			require.Equal(t, cli.ExitUsage, r.Code, r.Err)
			require.Contains(t, r.Err, c.want)
			require.Empty(t, r.out)
			require.NotContains(t, r.Err, "Usage:", "the usage is printed on request only")
			require.Equal(t, 1, strings.Count(r.Err, "\n"), "an error is printed once: %s", r.Err)
		})
	}
}

func TestExitCodesTopic(t *testing.T) {
	r := cmdline(t, nil, "", "help", "exit-codes")
	require.Equal(t, cli.ExitOK, r.Code)
	clitest.Golden(t, "exit-codes.txt", r.out)
	guide, err := os.ReadFile("../../docs/guide.md")
	require.NoError(t, err)
	for _, c := range cli.ExitCodes {
		require.Contains(t, string(guide), fmt.Sprintf("\n| %d | %s |\n", c.Code, c.Meaning))
	}
}

func TestEveryVerbHasOneGroup(t *testing.T) {
	seen := map[string]bool{}
	for _, cmd := range newRoot(&cli.App{}).Commands() {
		if cmd.Runnable() {
			require.NotEmpty(t, cmd.GroupID, cmd.Name())
			require.Falsef(t, seen[cmd.Name()], "%s is there twice", cmd.Name())
			seen[cmd.Name()] = true
		}
	}
}

// visit calls look for a verb and for all below it.
func visit(cmd *cobra.Command, look func(*cobra.Command)) {
	look(cmd)
	for _, sub := range cmd.Commands() {
		visit(sub, look)
	}
}

// TestFlagsMeanOneThing checks that -o is the form of what is printed and --to the
// place of a file, in every verb.
func TestFlagsMeanOneThing(t *testing.T) {
	forms := map[string]bool{"table|json": true, "csv|json": true}
	visit(newRoot(&cli.App{}), func(cmd *cobra.Command) {
		output, to := cmd.Flags().Lookup("output"), cmd.Flags().Lookup("to")
		require.Equal(t, output, cmd.Flags().ShorthandLookup("o"), cmd.CommandPath())
		if output != nil {
			require.True(t, forms[output.Value.Type()], "%s: -o takes %s", cmd.CommandPath(), output.Value.Type())
		}
		if to != nil {
			require.Equal(t, "string", to.Value.Type(), cmd.CommandPath())
		}
	})
}

// TestShownDefaultsAreValid checks that a flag accepts the default that its help shows.
func TestShownDefaultsAreValid(t *testing.T) {
	visit(newRoot(&cli.App{}), func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			one := pflag.NewFlagSet("", pflag.ContinueOnError)
			one.AddFlag(f)
			if strings.HasSuffix(one.FlagUsages(), "(default "+f.DefValue+")\n") {
				require.NoError(t, f.Value.Set(f.DefValue), "%s --%s", cmd.CommandPath(), f.Name)
			}
		})
	})
}

func TestInitValidatePlan(t *testing.T) {
	for _, method := range sweep.Methods() {
		text := cmdline(t, nil, "", "init", "my-search", "--method", string(method))
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
	require.Contains(t, r.Err, "measuring up to 12 steps on backend go, for 20s at most ...\n")
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
	for _, arguments := range [][]string{{"validate", "-"}, {"validate", "-", "-o", "json"}, {"plan", "-", "--no-measure"}} {
		r := cmdline(t, nil, spec, arguments...)
		require.Equal(t, cli.ExitOK, r.Code, r.Err)
		require.Regexp(t, `^\S+: warning: train.label_dropout is 0, .*\n$`, r.Err)
		require.NotEmpty(t, r.out)
	}
	r := cmdline(t, nil, string(text), "validate", "-")
	require.Empty(t, r.Err)
}

func TestNoVerbPrintsAPassword(t *testing.T) {
	t.Setenv(folder.CacheVariable, t.TempDir())
	for _, arguments := range [][]string{
		{"validate", "-"}, {"validate", "-", "-o", "json"}, {"plan", "-"},
		{"backend", "install", "--index", "bob:s3cr3t@host/simple"},
		{"data", "pull", "cifar-10", "--from", "bob:s3cr3t@host/x"},
	} {
		r := cmdline(t, nil, "name: bob:s3cr3t@host\n", arguments...)
		require.NotEqual(t, cli.ExitOK, r.Code)
		require.NotContains(t, r.Err+r.out, "s3cr3t", arguments)
		require.Contains(t, r.Err+r.out, "***@host", arguments)
	}
}

func TestValidateAsJSON(t *testing.T) {
	r := cmdline(t, nil, "", "validate", "../../testdata/ten-faults.yaml", "../../examples/quickstart.yaml", "-o", "json")
	require.Equal(t, cli.ExitUsage, r.Code)
	require.Empty(t, r.Err)
	var faults []map[string]any
	require.NoError(t, json.Unmarshal([]byte(r.out), &faults))
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
	require.JSONEq(t, "[]", r.out)
	r = cmdline(t, nil, "", "validate", filepath.Join(t.TempDir(), "none.yaml"), "-o", "json")
	require.Equal(t, cli.ExitUsage, r.Code)
	require.Contains(t, r.Err, "none.yaml", "a file that cannot be read is not a fault of a spec")
}

func TestSchema(t *testing.T) {
	r := cmdline(t, nil, "", "schema")
	require.Equal(t, cli.ExitOK, r.Code)
	require.True(t, json.Valid([]byte(r.out)))
	require.Equal(t, string(specfile.Schema()), r.out)
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

func TestVersionAsJSON(t *testing.T) {
	r := cmdline(t, nil, "", "version", "-o", "json")
	require.Equal(t, cli.ExitOK, r.Code)
	var b cli.BuildFacts
	require.NoError(t, json.Unmarshal([]byte(r.out), &b))
	require.NotEmpty(t, b.Version)
	require.NotEmpty(t, b.Go)
}

func TestTrialsAsJSON(t *testing.T) {
	objects := clitest.Archived(t)
	r := cmdline(t, objects, "", "trials", "done", "-o", "json")
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	var trials []map[string]any
	require.NoError(t, json.Unmarshal([]byte(r.out), &trials))
	require.Len(t, trials, 3)
	for i, trial := range trials {
		require.InDelta(t, i, trial["number"], 0, "by number")
		for _, field := range []string{"status", "params", "kind", "loss_first", "loss_last", "attempts", "steps"} {
			require.Contains(t, trial, field)
		}
	}
	require.Equal(t, map[string]any{"class": "bug", "message": "first line\nsecond line"}, trials[2]["error"])

	fresh := cmdline(t, objects, "", "trials", "fresh", "-o", "json")
	require.Equal(t, cli.ExitOK, fresh.Code)
	require.Equal(t, "[]\n", fresh.out, "an array even when it is empty")
}

func TestTrialsForPeople(t *testing.T) {
	r := cmdline(t, clitest.Archived(t), "", "trials", "done")
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	clitest.Golden(t, "trials.txt", r.out)
}

func TestBestAndPareto(t *testing.T) {
	objects := clitest.Archived(t)
	best := func(arguments ...string) sweep.Trial {
		r := cmdline(t, objects, "", append([]string{"best", "done", "-o", "json"}, arguments...)...)
		require.Equal(t, cli.ExitOK, r.Code, r.Err)
		var trial sweep.Trial
		require.NoError(t, json.Unmarshal([]byte(r.out), &trial))
		return trial
	}
	require.Equal(t, 1, best().Number, "fid.tail comes first in the spec")
	require.Equal(t, 0, best("--metric", "fid.head").Number)
	require.InDelta(t, 0.7, best().Metrics["label_accuracy.head"], 0)

	r := cmdline(t, objects, "", "pareto", "done", "-o", "json")
	var f analysis.Front
	require.NoError(t, json.Unmarshal([]byte(r.out), &f))
	require.Len(t, f.Trials, 2)
	require.Equal(t, map[string]float64{"fid.tail": 61, "fid.head": 41}, f.Reference)
	require.InDelta(t, 11*1+1*11-1, f.Hypervolume, 1e-9)
	clitest.Golden(t, "best.txt", cmdline(t, objects, "", "best", "done").out)
}

func TestNotFound(t *testing.T) {
	objects := clitest.Archived(t)
	for _, arguments := range [][]string{
		{"trials", "none"}, {"best", "none"}, {"pareto", "none"}, {"importance", "none"}, {"describe", "none"}, {"export", "none"}, {"watch", "none"},
		{"pull", "none", "--to", t.TempDir()}, {"report", "none"}, {"logs", "none", "0"},
		{"best", "fresh"}, {"pull", "fresh", "--to", t.TempDir()}, {"pull", "done", "--trial", "9", "--to", t.TempDir()},
		{"logs", "done", "0"}, {"logs", "done", "2", "--attempt", "5"},
	} {
		r := cmdline(t, objects, "", arguments...)
		require.Equal(t, cli.ExitNotFound, r.Code, "%v: %s", arguments, r.Err)
		require.Contains(t, r.Err, arguments[1])
	}
}

// Trial 1 has its checkpoint and trial 0 does not: pull of both writes neither.
func TestPullIsAllOrNone(t *testing.T) {
	objects := clitest.Archived(t)
	arc := archive.New(objects)
	w, err := checkpoint.Create(t.TempDir(), checkpoint.Manifest{Sweep: "done", Trial: 1, Attempt: 1, Step: 10})
	require.NoError(t, err)
	require.NoError(t, w.Bytes(checkpoint.ModelName, []byte("weights")))
	staged, err := w.Commit()
	require.NoError(t, err)
	ref, err := arc.Upload(t.Context(), "done", 1, 1, staged)
	require.NoError(t, err)
	trials, err := arc.Trials(t.Context(), "done")
	require.NoError(t, err)
	for i, trial := range trials {
		trials[i].Checkpoint = strings.Replace(ref.Key, "000001", fmt.Sprintf("%06d", trial.Number), 1)
	}
	both := storetest.NewMemory()
	arc = archive.New(both)
	spec, text, err := archive.New(objects).LoadSpec(t.Context(), "done")
	require.NoError(t, err)
	clitest.Begin(t, arc, spec, text)
	require.NoError(t, arc.AppendSegment(t.Context(), "done", 0, trials))
	_, err = arc.Upload(t.Context(), "done", 1, 1, staged)
	require.NoError(t, err)

	dir := filepath.Join(t.TempDir(), "best")
	r := cmdline(t, both, "", "pull", "done", "--top-n", "2", "--to", dir)
	require.Equal(t, cli.ExitNotFound, r.Code, r.Err)
	require.Contains(t, r.Err, "trial 0")
	require.Empty(t, r.out)
	left, _ := filepath.Glob(filepath.Join(dir, "*"))
	require.Empty(t, left)
	r = cmdline(t, both, "", "pull", "done", "--top-n", "1", "--to", dir)
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	require.FileExists(t, filepath.Join(dir, "trial-000001", checkpoint.ModelName))
}

func TestListWithoutTemporal(t *testing.T) {
	r := cmdline(t, clitest.Archived(t), "", "list", "-o", "json")
	require.Equal(t, cli.ExitFailure, r.Code)
	require.Contains(t, r.Err, "phases of the sweeps are unknown")
	var rows []sweeps.Listed
	require.NoError(t, json.Unmarshal([]byte(r.out), &rows))
	require.Len(t, rows, 2)
	require.Equal(t, "done", rows[0].Name)
	require.Equal(t, 3, rows[0].Done)
	require.Equal(t, "unknown", rows[0].State)
}

// A sweep that cannot be read is listed with its fault, next to the others.
func TestListShowsDamagedSweeps(t *testing.T) {
	objects := clitest.Archived(t)
	require.NoError(t, objects.Delete(t.Context(), "v1/sweeps/done/ledger/000000.jsonl"))
	for _, key := range []string{"v1/sweeps/lost/ledger/000000.jsonl", "v1/sweeps/other/notes.txt", "v1/sweeps/fresh/notes.txt"} {
		require.NoError(t, objects.Put(t.Context(), key, strings.NewReader("x"), 1))
	}
	r := cmdline(t, objects, "", "list", "-o", "json")
	require.Equal(t, cli.ExitFailure, r.Code)
	var rows []sweeps.Listed
	require.NoError(t, json.Unmarshal([]byte(r.out), &rows))
	require.Len(t, rows, 3)
	require.Equal(t, []string{"done", "fresh", "lost"}, []string{rows[0].Name, rows[1].Name, rows[2].Name})
	require.Equal(t, []string{"damaged", "unknown", "damaged"}, []string{rows[0].State, rows[1].State, rows[2].State})
	require.Contains(t, rows[0].Fault, "v1/sweeps/done/ledger/000000.jsonl: the object is missing")
	require.Contains(t, rows[2].Fault, "v1/sweeps/lost/spec.json: the object is missing")
	table := cmdline(t, objects, "", "list")
	require.Contains(t, table.out, "\ndone: "+rows[0].Fault+"\n")

	r = cmdline(t, objects, "", "trials", "done")
	require.Equal(t, cli.ExitFailure, r.Code)
	require.Contains(t, r.Err, "tailsweep doctor done --repair")
}

func TestLogsOfATrial(t *testing.T) {
	r := cmdline(t, clitest.Archived(t), "", "logs", "done", "2")
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	require.Equal(t, "a line of the log\n", r.out)
}

func TestExport(t *testing.T) {
	r := cmdline(t, clitest.Archived(t), "", "export", "done")
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	rows, err := csv.NewReader(strings.NewReader(r.out)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 4, "a header and three trials")
	r = cmdline(t, clitest.Archived(t), "", "export", "done", "-o", "json")
	require.True(t, json.Valid([]byte(r.out)))
}

func TestReportShowsFloorAndCurve(t *testing.T) {
	objects := clitest.Archived(t)
	arc := archive.New(objects)
	w, err := checkpoint.Create(t.TempDir(), checkpoint.Manifest{Sweep: "done", Trial: 3, Attempt: 1, Step: 10})
	require.NoError(t, err)
	require.NoError(t, w.Bytes(checkpoint.ModelName, []byte("weights")))
	long := strings.Repeat(" ", 1<<17) // of white space, in the second line
	require.NoError(t, w.Bytes(checkpoint.CurveName, []byte(`{"step":10,"loss":123.5,"ddpm":1}`+"\n"+`{"step":20,`+long+`"loss":99,"ddpm":1}`+"\n"+`{"step":30,"loss":88,"ddpm":1}`+"\n")))
	staged, err := w.Commit()
	require.NoError(t, err)
	ref, err := arc.Upload(t.Context(), "done", 3, 1, staged)
	require.NoError(t, err)
	require.NoError(t, arc.KeepCurve(t.Context(), ref.Key))
	require.NoError(t, arc.Remove(t.Context(), ref.Key))
	diverged := sweep.Trial{
		Assignment: sweep.Assignment{Number: 3, Kind: sweep.KindSearch, Params: clitest.Weights(3, 0), Seed: 1}, Status: sweep.StatusDiverged, Attempts: 1, Losses: sweep.Losses{LossFirst: new(1.02)},
	}
	evaluated := diverged
	evaluated.Number, evaluated.Status, evaluated.Floor = 4, sweep.StatusCompleted, map[string]float64{"fid.tail": 7.77}
	require.NoError(t, arc.AppendSegment(t.Context(), "done", 2, []sweep.Trial{diverged, evaluated}))

	path := filepath.Join(t.TempDir(), "page.html")
	r := cmdline(t, objects, "", "report", "done", "--to", path)
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	page, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, strings.Contains(string(page), ">7.770<"), "the floor is missing") // not require.Contains: it would print it all
	require.True(t, strings.Contains(string(page), "Loss of 1 trial over training."), "the curve is missing")
	require.True(t, regexp.MustCompile(`<path class="line lost" d="M[^L"]*L[^L"]*L[^L"]*">`).Match(page), "the curve has three points")
	require.True(t, strings.Contains(string(page), "1.020 → NaN"), "a diverged trial shows no loss of 0")

	const key = "v1/sweeps/done/trials/000003/attempts/1/curve.jsonl"
	body, _, err := objects.Get(t.Context(), key)
	require.NoError(t, err)
	stored, err := io.ReadAll(body)
	require.NoError(t, err)
	changed := strings.Replace(string(stored), "123.5", "123.6", 1)
	require.NotEqual(t, string(stored), changed)
	require.NoError(t, objects.Put(t.Context(), key, strings.NewReader(changed), int64(len(changed))))
	r = cmdline(t, objects, "", "report", "done", "--to", path)
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	require.Contains(t, r.Err, "the report leaves out the loss curve of trial 3: archive: "+key+" is damaged")
	page, err = os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, strings.Contains(string(page), "Trials whose stored loss curve is damaged, and which are not drawn: 3."))
	r = cmdline(t, objects, "", "doctor", "done", "--read-data")
	require.Equal(t, cli.ExitFailure, r.Code)
	require.Contains(t, r.out, key)
}

func TestRunRefusesAFaultySpecBeforeAnythingStarts(t *testing.T) {
	t.Setenv("TAILSWEEP_STATE_DIR", filepath.Join(t.TempDir(), "state"))
	r := cmdline(t, nil, "name: x\n", "run", "-")
	require.Equal(t, cli.ExitUsage, r.Code)
	require.Contains(t, r.Err, "stdin:")
	require.NoDirExists(t, os.Getenv("TAILSWEEP_STATE_DIR"))
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

// Where every trial failed its gates, the verbs report it and name the closest trial.
func TestAllTrialsFailedTheirGates(t *testing.T) {
	objects := clitest.Archived(t)
	var trials []sweep.Trial
	for number, tail := range []float64{70, 60} {
		trials = append(trials, sweep.Trial{
			Assignment: sweep.Assignment{Number: number, Kind: sweep.KindSearch}, Status: sweep.StatusCompleted,
			Evaluation: sweep.Evaluation{Metrics: map[string]float64{"fid.tail": tail}}, Gates: []string{"memorised_ratio.all is 0.2, gates.max_memorised_ratio is 0.05"},
		})
	}
	require.NoError(t, archive.New(objects).AppendSegment(t.Context(), "fresh", 0, trials))
	const why = "2 trials completed with a value of fid.tail, but all failed a gate; the best, trial 1, has 60: memorised_ratio.all is 0.2, gates.max_memorised_ratio is 0.05"
	for _, arguments := range [][]string{{"best", "fresh"}, {"pull", "fresh", "--to", t.TempDir()}} {
		r := cmdline(t, objects, "", arguments...)
		require.Equal(t, cli.ExitNotFound, r.Code)
		require.Contains(t, r.Err, `sweep "fresh" has no best trial: `+why)
	}
}

func TestReportMakesItsFolder(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "new", "page.html")
	r := cmdline(t, clitest.Archived(t), "", "report", "done", "--to", path)
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	page, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(page), "</html>")

}

// Text from outside, such as descriptions, reasons and errors of trials, controls neither
// a terminal nor a spreadsheet, in any verb that shows it.
func TestOutputIsSafeToPrint(t *testing.T) {
	const nasty = "=cmd\x1b[2J\x1b]0;t\x07\u009b8m\u202egone\r<script>alert(1)</script>"
	objects := clitest.Archived(t)
	arc := archive.New(objects)
	spec, err := arc.Spec(t.Context(), "done")
	require.NoError(t, err)
	edited := *spec
	edited.Description = nasty
	entry := conduct.CommandEntry{Number: 1, Command: conduct.CommandSet, By: nasty, Reason: nasty, Change: nasty, Spec: &edited}
	require.NoError(t, arc.PutCommandEntry(t.Context(), "done", entry))
	state, err := json.Marshal(conduct.State{Phase: conduct.PhaseStopped, Spec: &edited, CommandLog: []conduct.CommandEntry{entry}})
	require.NoError(t, err)
	require.NoError(t, arc.PutState(t.Context(), "done", state))
	failed := sweep.Trial{
		Assignment: sweep.Assignment{Number: 3, Kind: sweep.KindSearch, Params: clitest.Weights(1, 1), Reason: sweep.Reason{Sampler: sweep.SourceUser, Note: nasty}},
		Status:     sweep.StatusFailed, Error: &sweep.Failure{Class: sweep.FailBug, Message: nasty}, Backend: nasty, Attempts: 1, Builds: []string{nasty},
	}
	require.NoError(t, arc.AppendSegment(t.Context(), "done", 2, []sweep.Trial{failed}))
	for key, text := range map[string]string{"bad/spec.json": `{"digest":"1","spec":{"name":"` + "\u009b2J" + `"}}`, "bad/ledger/000000.jsonl": "x"} {
		require.NoError(t, objects.Put(t.Context(), "v1/sweeps/"+key, strings.NewReader(text), int64(len(text))))
	}
	page := filepath.Join(t.TempDir(), "report.html")
	for _, verb := range []string{
		"list", "list -o json", "trials done", "trials done -o json", "describe done", "describe done -o json", "explain done 3", "explain done 3 -o json", "best done", "export done",
		"export done -o json", "pareto done", "importance done", "report done --to " + page, "doctor done", "doctor done -o json", "describe bad", "rerun bad", "pin done 3", "retry done " + nasty,
	} {
		r := cmdline(t, objects, "", strings.Fields(verb)...)
		require.NotRegexp(t, "[\x00-\x08\x0b-\x1f\x7f\u0080-\u009f\u202a-\u202e]", r.out+r.Err, verb)
		if verb == "export done" {
			require.NotRegexp(t, `(?m)(^|,)=cmd`, r.out)
		}
	}
	html, err := os.ReadFile(page)
	require.NoError(t, err)
	require.NotContains(t, string(html), "<script>alert")
	require.Contains(t, cmdline(t, objects, "", "trials", "done").out, "=cmd [2J", "what can be printed is shown")
}
