package report

import (
	"bytes"
	"encoding/csv"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

func export(t *testing.T, spec *sweep.Spec, trials []sweep.Trial) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, ExportCSV(&b, spec, trials))
	return b.Bytes()
}

func TestExportGolden(t *testing.T) {
	in := fixture(t, 9)
	golden(t, "trials.csv", export(t, in.Spec, in.Trials))
}

// The same trials in another order of completion give the same file.
func TestExportDoesNotDependOnOrder(t *testing.T) {
	in := fixture(t, 9)
	back := slices.Clone(in.Trials)
	slices.Reverse(back)
	require.Equal(t, string(export(t, in.Spec, in.Trials)), string(export(t, in.Spec, back)))
	require.Equal(t, 11, back[0].Number, "the caller's slice does not change")
}

func TestExportCSVKeepsEveryDigitAndQuotes(t *testing.T) {
	in := fixture(t, 0)
	in.Trials[0].Params[sweep.ParamInfonceWeight] = sweep.Number(0.30000000000000004)
	in.Trials[0].Error = &sweep.Failure{Class: sweep.FailBug, Message: "line one,\n\"line two\""}
	delete(in.Trials[1].Params, sweep.ParamInfonceWeight)
	rows, err := csv.NewReader(bytes.NewReader(export(t, in.Spec, in.Trials))).ReadAll()
	require.NoError(t, err)
	column := func(name string) int { return slices.Index(rows[0], name) }
	require.Equal(t, "0.30000000000000004", rows[1][column("param.infonce.weight")])
	require.Equal(t, "", rows[2][column("param.infonce.weight")])
	require.Equal(t, "line one,\n\"line two\"", rows[1][column("error")])
	require.Equal(t, "2026-11-20T09:30:00Z", rows[1][column("started_at")])
}

func TestExportReportsAnErrorOfTheWriter(t *testing.T) {
	in := fixture(t, 0)
	require.ErrorContains(t, ExportCSV(failingWriter{}, in.Spec, in.Trials), "disk full")
}

func TestInertCells(t *testing.T) {
	for in, want := range map[string]string{
		"=HYPERLINK(1)": "'=HYPERLINK(1)", "+cmd": "'+cmd", "-cmd": "'-cmd", "@SUM(1)": "'@SUM(1)", "\t=1": "' =1", "\n=1": "'\n=1", "＝1": "'＝1",
		"-0.5": "-0.5", "+1e-3": "+1e-3", "-Inf": "-Inf", "text": "text", "": "", "a=b": "a=b",
		"two\nlines": "two\nlines", "\x1b[2J\u009bgone\r": " [2J gone ",
	} {
		require.Equal(t, []string{want}, inert([]string{in}), in)
	}
}
