package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/clitest"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/sweeps"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/folder"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/internal/store/storetest"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/specfile"
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
		"help of an unknown verb":       {[]string{"help", "trails"}, `unknown verb "trails"; did you mean "trials"?`},
		"help of nothing":               {[]string{"help", "zzzzzzzz"}, "unknown verb \"zzzzzzzz\"; `tailsweep --help`"},
		"help of an unknown part":       {[]string{"help", "features", "zzzzzzzz"}, "unknown verb \"zzzzzzzz\"; `tailsweep features --help`"},
		"unknown flag":                  {[]string{"trials", "--wide", "x"}, "unknown flag: --wide"},
		"bad value":                     {[]string{"trials", "x", "-o", "xml"}, "valid: table, json"},
		"too many arguments":            {[]string{"trials", "a", "b"}, "tailsweep: trials takes one sweep, not 2 arguments"},
		"one argument too many":         {[]string{"version", "a"}, "tailsweep: version takes no arguments, not 1 argument;"},
		"too few arguments":             {[]string{"run"}, "tailsweep: run takes one spec"},
		"no such spec":                  {[]string{"run", missing}, missing},
		"bad method":                    {[]string{"init", "--method", "anneal"}, "grid, random, sobol, tpe, bayes, cmaes, nsga2"},
		"bad sweep name":                {[]string{"init", "--name", "Not A Name"}, `"Not A Name"`},
		"a name without its flag":       {[]string{"init", "my-sweep"}, "a name is given by --name"},
		"a spec that is there":          {[]string{"init", "--to", "../../examples/first.yaml"}, "first.yaml exists (valid: another name by --to, or --force to replace it)"},
		"a spec nowhere":                {[]string{"init", "--to", "nowhere/x.yaml"}, "there is no folder nowhere for nowhere/x.yaml"},
		"hours of no folder":            {[]string{"init", "--hours", "3"}, "--hours is for --from FOLDER"},
		"a method for a folder":         {[]string{"init", "--from", "x", "--method", "grid"}, "--method is for a spec without --from"},
		"no hours":                      {[]string{"init", "--from", "x", "--hours", "0"}, "valid: above 0, at most 8760"},
		"a bad name for a folder":       {[]string{"init", "--from", "x", "--name", "A b"}, `"A b"`},
		"pull without a folder":         {[]string{"pull", "x"}, "--to DIR"},
		"pull of none":                  {[]string{"pull", "x", "--to", "d", "--top-n", "0"}, `"0" for "--top-n" flag: valid: 1 or more`},
		"pull of a trial below 0":       {[]string{"pull", "x", "--to", "d", "--trial", "-5"}, `"-5" for "--trial" flag: valid: 0 or more`},
		"pull of one and of some":       {[]string{"pull", "x", "--to", "d", "--trial", "1", "--top-n", "2"}, "--top-n"},
		"no number of slots":            {[]string{"up", "--slots", "x"}, `"x" for "--slots" flag: not a whole number`},
		"slots below 1":                 {[]string{"up", "--slots", "0"}, `"0" for "--slots" flag: valid: 1 or more`},
		"report into a folder":          {[]string{"report", "x", "--to", t.TempDir()}, "a folder"},
		"worker without slots":          {[]string{"worker", "--slots", "0"}, `"0" for "--slots" flag: valid: 1 or more`},
		"change of no sweep":            {[]string{"extend", "--trials", "+1"}, "tailsweep: extend takes one sweep, not 0 arguments;"},
		"pin without a trial":           {[]string{"pin", "x"}, "tailsweep: pin takes one sweep and its trials, not 1 argument;"},
		"evaluate without a folder":     {[]string{"evaluate", "nodir"}, "tailsweep: evaluate: there is no folder nodir"},
		"evaluate of another folder":    {[]string{"evaluate", t.TempDir()}, "the folder of one trial"},
		"sample, no PNG":                {[]string{"sample", "x", "--to", "grid.jpg"}, "grid.jpg"},
		"sample of a folder of folders": {[]string{"sample", t.TempDir()}, "the folder of one trial"},
		"generate nowhere":              {[]string{"generate", "x", "-n", "1"}, "--to DIR is missing"},
		"generate nothing":              {[]string{"generate", "x", "--to", "d"}, "valid: one of -n, --per-class and --fill-to"},
		"generate twice":                {[]string{"generate", "x", "--to", "d", "-n", "1", "--fill-to", "2"}, "valid: one of -n, --per-class and --fill-to"},
		"generate by no gate":           {[]string{"generate", "x", "--to", "d", "-n", "1", "--gates", "label,blur"}, "--gates label,blur (valid: label, near_copy, duplicate, or none alone)"},
		"generate with links of none":   {[]string{"generate", "x", "--to", "d", "-n", "1", "--symlinks"}, "--symlinks is for --with-real"},
		"generate from no folder":       {[]string{"generate", "./no", "--to", "d", "-n", "1"}, "there is no folder ./no"},
		"generate a trial of a folder":  {[]string{"generate", t.TempDir(), "--to", "d", "-n", "1", "--trial", "2"}, "--trial is for a sweep"},
		"cas of no seeds":               {[]string{"cas", "x", "--seeds", "0"}, `"0" for "--seeds" flag`},
		"bad share":                     {[]string{"importance", "x", "--top", "0.5"}, "at most 0.4"},
		"worker without a trainer":      {[]string{"worker", "--trainer", "./nowhere"}, "--trainer ./nowhere"},
		"bad slots":                     {[]string{"worker", "--slots", "many"}, "--slots"},
		"bad part":                      {[]string{"worker", "--only", "gpu"}, "both, control, training"},
		"bad parameter":                 {[]string{"train", "../../examples/quickstart.yaml", "--to", t.TempDir(), "--param", "infonce.wieght=1"}, "infonce.weight"},
		"bad parameter value":           {[]string{"train", "../../examples/quickstart.yaml", "--to", t.TempDir(), "--param", "infonce.weight=-1"}, "infonce.weight"},
		"train without a spec":          {[]string{"train"}, "SPEC is missing"},
		"no epochs":                     {[]string{"features", "train", "cifar-10", "--to", "x", "--epochs", "0"}, `"0" for "--epochs" flag: valid: 1 to 10000`},
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

func TestHalfAConfigurationIsBadInput(t *testing.T) {
	t.Setenv("TAILSWEEP_STATE_DIR", t.TempDir())
	r := cmdline(t, nil, "", "list", "--address", "localhost:1")
	require.Equal(t, cli.ExitUsage, r.Code)
	require.Contains(t, r.Err, "only one of Temporal and the object store is configured")
}

// A sweep that failed and a stack that does not answer have different codes.
func TestExitCodeWithoutAnswer(t *testing.T) {
	for _, verb := range []string{"wait", "watch"} {
		r := cmdline(t, clitest.Archived(t), "", verb, "done")
		require.Equal(t, cli.ExitNoAnswer, r.Code, r.Err)
	}
}

// A trial without a log has ended without one, runs, or does not exist.
func TestMissingLogSaysWhy(t *testing.T) {
	objects := clitest.Archived(t)
	for trial, want := range map[string]string{
		"0": "trial 0 of done has no log: none of its attempts has stored one",
		"9": "trial 9 of done has no log and no result; whether it runs is unknown: ",
	} {
		r := cmdline(t, objects, "", "logs", "done", trial)
		require.Equal(t, cli.ExitNotFound, r.Code)
		require.Contains(t, r.Err, want)
	}
}

// An edit that changes nothing says so once.
func TestEditWithoutAChange(t *testing.T) {
	text, err := specfile.Init("done", sweep.MethodGrid)
	require.NoError(t, err)
	for _, flag := range []string{"--dry-run", "--reason=x"} {
		r := cmdline(t, clitest.Archived(t), text, "edit", "done", "-", flag)
		require.Equal(t, cli.ExitUsage, r.Code)
		require.Empty(t, r.out)
		require.Equal(t, "tailsweep: cannot edit sweep \"done\": the spec has not changed\n", r.Err)
	}
}

// A folder of folders of checkpoints is refused with the name of the one that would do.
func TestCheckpointFolderIsNamed(t *testing.T) {
	dir := t.TempDir()
	inner := filepath.Join(dir, "trial-000000")
	require.NoError(t, os.Mkdir(inner, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(inner, "MANIFEST.json"), nil, 0o600))
	r := cmdline(t, nil, "", "sample", dir)
	require.Equal(t, cli.ExitUsage, r.Code)
	require.Contains(t, r.Err, "(valid: the folder of one trial: "+inner+")")
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

// TestHelpFits80Columns checks the help of every verb and topic.
func TestHelpFits80Columns(t *testing.T) {
	var paths [][]string
	visit(newRoot(&cli.App{}), func(cmd *cobra.Command) { paths = append(paths, strings.Fields(cmd.CommandPath())[1:]) })
	require.Greater(t, len(paths), 40)
	for _, path := range paths {
		r := cmdline(t, nil, "", append([]string{"help"}, path...)...)
		require.Equal(t, cli.ExitOK, r.Code, r.Err)
		for line := range strings.SplitSeq(r.out, "\n") {
			if text.Width(line) > console.LineWidth {
				t.Errorf("help %s has %d columns: %s", strings.Join(path, " "), text.Width(line), line)
			}
		}
	}
}

func TestEveryVerbHasOneGroup(t *testing.T) {
	seen := map[string]bool{}
	for _, cmd := range newRoot(&cli.App{}).Commands() {
		if cmd.Runnable() && cmd.Name() != "help" {
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
	forms := map[string]bool{"table|json": true, "table|json|yaml": true, "csv|json": true, "text|json": true}
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

func TestVersionAsJSON(t *testing.T) {
	r := cmdline(t, nil, "", "version", "-o", "json")
	require.Equal(t, cli.ExitOK, r.Code)
	var b cli.BuildFacts
	require.NoError(t, json.Unmarshal([]byte(r.out), &b))
	require.NotEmpty(t, b.Version)
	require.NotEmpty(t, b.Go)
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

// Every verb that needs the spec of a sweep that has lost it prints the damage that list prints.
func TestVerbsOfASweepWithoutItsSpec(t *testing.T) {
	objects := clitest.Archived(t)
	require.NoError(t, objects.Delete(t.Context(), "v1/sweeps/done/spec.json"))
	for _, arguments := range [][]string{
		{"describe", "done"}, {"trials", "done"}, {"best", "done"}, {"watch", "done"}, {"rerun", "done"}, {"explain", "done", "0"}, {"report", "done"}, {"logs", "done", "0"}, {"pull", "done", "--to", t.TempDir()},
	} {
		r := cmdline(t, objects, "", arguments...)
		require.Equal(t, cli.ExitFailure, r.Code, "%v: %s", arguments, r.Err)
		require.Contains(t, r.Err, "v1/sweeps/done/spec.json: the object is missing", arguments)
		require.Contains(t, r.Err, "tailsweep doctor done --repair", arguments)
		require.NotContains(t, r.Err, "no sweep")
	}
}

func TestRunRefusesAFaultySpecBeforeAnythingStarts(t *testing.T) {
	t.Setenv("TAILSWEEP_STATE_DIR", filepath.Join(t.TempDir(), "state"))
	r := cmdline(t, nil, "name: x\n", "run", "-")
	require.Equal(t, cli.ExitUsage, r.Code)
	require.Contains(t, r.Err, "stdin:")
	require.NoDirExists(t, os.Getenv("TAILSWEEP_STATE_DIR"))
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
