package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

func export(t *testing.T, f Format, spec *sweep.Spec, trials []sweep.Trial) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, Export(&b, f, spec, trials))
	return b.Bytes()
}

func TestExportGolden(t *testing.T) {
	in := fixture(t, 9)
	golden(t, "trials.csv", export(t, FormatCSV, in.Spec, in.Trials))
	golden(t, "trials.json", export(t, FormatJSON, in.Spec, in.Trials))
}

// The same trials in another order of completion are the same file.
func TestExportDoesNotDependOnOrder(t *testing.T) {
	in := fixture(t, 9)
	back := slices.Clone(in.Trials)
	slices.Reverse(back)
	for _, f := range []Format{FormatCSV, FormatJSON} {
		require.Equal(t, string(export(t, f, in.Spec, in.Trials)), string(export(t, f, in.Spec, back)))
	}
	require.Equal(t, 11, back[0].Number, "the caller's slice is left alone")
}

func TestExportJSONReadsBack(t *testing.T) {
	in := fixture(t, 9)
	var got []sweep.Trial
	require.NoError(t, json.Unmarshal(export(t, FormatJSON, in.Spec, in.Trials), &got))
	require.Equal(t, in.Trials, got)
	require.JSONEq(t, "[]", string(export(t, FormatJSON, in.Spec, nil)))
}

func TestExportCSVKeepsEveryDigitAndQuotes(t *testing.T) {
	in := fixture(t, 0)
	in.Trials[0].Params[sweep.ParamInfonceWeight] = sweep.Number(0.30000000000000004)
	in.Trials[0].Error = &sweep.Failure{Class: sweep.FailBug, Message: "line one,\n\"line two\""}
	delete(in.Trials[1].Params, sweep.ParamInfonceWeight)
	rows, err := csv.NewReader(bytes.NewReader(export(t, FormatCSV, in.Spec, in.Trials))).ReadAll()
	require.NoError(t, err)
	column := func(name string) int { return slices.Index(rows[0], name) }
	require.Equal(t, "0.30000000000000004", rows[1][column("param.infonce.weight")])
	require.Equal(t, "", rows[2][column("param.infonce.weight")])
	require.Equal(t, "line one,\n\"line two\"", rows[1][column("error")])
	require.Equal(t, "2026-11-20T09:30:00Z", rows[1][column("started_at")])
}

func TestExportRefusesUnknownFormat(t *testing.T) {
	err := Export(&strings.Builder{}, "parquet", fixture(t, 0).Spec, nil)
	require.ErrorContains(t, err, `"parquet" (valid: csv, json)`)
}

func TestExportReportsTheWriter(t *testing.T) {
	in := fixture(t, 0)
	for _, f := range []Format{FormatCSV, FormatJSON} {
		require.ErrorContains(t, Export(failingWriter{}, f, in.Spec, in.Trials), "disk full")
	}
}
