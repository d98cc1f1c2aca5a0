package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/clitest"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/store/storetest"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

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
	require.InDelta(t, 11*1+1*11-1, *f.Hypervolume, 1e-9)
	clitest.Golden(t, "best.txt", cmdline(t, objects, "", "best", "done").out)
}

func TestUnknownMetric(t *testing.T) {
	objects := clitest.Archived(t)
	for _, arguments := range [][]string{{"best", "done"}, {"importance", "done"}, {"pull", "done", "--to", t.TempDir()}} {
		r := cmdline(t, objects, "", append(arguments, "--metric", "fid.tial")...)
		require.Equal(t, cli.ExitUsage, r.Code, arguments)
		require.Contains(t, r.Err, "--metric fid.tial: unknown metric (valid: {fid, kid,", arguments)
		require.Contains(t, r.Err, "{all, head, medium, tail}", arguments)
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
	require.Contains(t, r.Err, "the report leaves out the loss curve of trial 3: "+key+" is damaged")
	page, err = os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, strings.Contains(string(page), "Trials whose stored loss curve is damaged, and which are not drawn: 3."))
	r = cmdline(t, objects, "", "doctor", "done", "--read-data")
	require.Equal(t, cli.ExitFailure, r.Code)
	require.Contains(t, r.out, key)
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
