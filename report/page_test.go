package report

import (
	"bytes"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

var regen = flag.Bool("regen", false, "rewrite the golden files; look at them before you commit")

// golden compares got with testdata/name.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := "testdata/" + name
	if *regen {
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run with -regen")
	if !bytes.Equal(want, got) {
		t.Errorf("%s differs: run with -regen and look at the change", path)
	}
}

func render(t *testing.T, in Input) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, Write(&b, in))
	return b.String()
}

// TestWriteGolden compares the page with testdata. TAILSWEEP_REPORT_OUT=FILE also writes
// a larger page to look at.
func TestWriteGolden(t *testing.T) {
	in := fixture(t, 9)
	for number := range in.Grids {
		if number != 0 {
			delete(in.Grids, number) // one picture keeps the file small
		}
	}
	golden(t, "report.html", []byte(render(t, in)))
	if out := os.Getenv("TAILSWEEP_REPORT_OUT"); out != "" {
		require.NoError(t, os.WriteFile(out, []byte(render(t, fixture(t, 24))), 0o644))
	}
}

func TestWriteIsDeterministic(t *testing.T) {
	require.Equal(t, render(t, fixture(t, 12)), render(t, fixture(t, 12)))
}

func TestOneGridImagePerCompletedTrial(t *testing.T) {
	in := fixture(t, 9)
	html := render(t, in)
	completed := 0
	for _, trial := range in.Trials {
		if trial.Status == sweep.StatusCompleted {
			completed++
			require.Contains(t, html, fmt.Sprintf(`alt="Sample grid of trial %d"`, trial.Number))
		}
	}
	require.Equal(t, 10, completed)
	require.Equal(t, completed, strings.Count(html, "<img src=\"data:image/png;base64,"))
}

func TestStoppedTrials(t *testing.T) {
	in := fixture(t, 9)
	in.Trials[4].Status, in.Trials[4].Metrics = sweep.StatusStopped, nil
	in.Trials[4].Rungs = []sweep.Rung{{Step: 500, Metrics: map[string]float64{"fid.tail": 99}, Reason: "place 5 of 7 at step 500"}}
	html := render(t, in)
	require.Contains(t, html, "place 5 of 7 at step 500")
	require.Contains(t, html, "1 trial was stopped early by early_terminate; the ranking and the figures leave it out.")
	require.Contains(t, html, "2 trials did not complete", "a stopped trial is not counted")
	require.NotContains(t, html, `alt="Sample grid of trial 4"`)
	rows, err := csv.NewReader(bytes.NewReader(export(t, in.Spec, in.Trials))).ReadAll()
	require.NoError(t, err)
	require.Equal(t, "place 5 of 7 at step 500", rows[5][slices.Index(rows[0], "stop_reason")])
	require.Equal(t, "", rows[4][slices.Index(rows[0], "stop_reason")])
}

// The page loads nothing from outside and runs no script.
func TestPageLoadsAndRunsNothing(t *testing.T) {
	html := render(t, fixture(t, 9))
	require.NotContains(t, html, "<script")
	for _, m := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(html, -1) {
		require.Regexp(t, `^(data:|#)`, m[1])
	}
	require.NotRegexp(t, `url\(|@import|\son[a-z]+=`, html)
	require.NotContains(t, html, "ZgotmplZ", "html/template refused a value")
	for _, m := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(html, -1) {
		require.Contains(t, html, `id="`+m[1]+`"`)
	}
}

func TestHostileTextIsEscaped(t *testing.T) {
	const evil = `</style></title><script>alert(1)</script><img src=x onerror=alert(2)>"'` + "`{{.Spec}}"
	in := fixture(t, 9)
	in.Spec.Name, in.Spec.Description, in.SpecYAML, in.Digest, in.Version = evil, evil, "a: b\n"+evil, evil, evil
	in.Progress.Phase, in.Progress.Message = evil, evil
	in.Spec.Dataset.Name, in.Spec.Model.Arch = evil, evil
	for i := range in.Trials {
		in.Trials[i].Params[evil] = sweep.Word(evil)
		in.Trials[i].Checkpoint, in.Trials[i].Backend = evil, evil
		in.Trials[i].Status = sweep.StatusCompleted
		in.Trials[i].Error = &sweep.Failure{Class: sweep.FailureClass(evil), Message: evil}
	}
	in.Spec.Metrics[0].Name = evil
	for _, trial := range in.Trials {
		if trial.Metrics != nil {
			trial.Metrics[evil] = 1
		}
	}
	html := render(t, in)
	require.NotContains(t, html, "<script")
	require.NotContains(t, html, "<img src=x")
	require.Equal(t, 1, strings.Count(html, "</style>"))
	require.NotContains(t, html, "ZgotmplZ")
	require.Contains(t, html, "&lt;script&gt;alert(1)")
}

// Only a valid PNG is embedded.
func TestBrokenPictureIsReportedNotEmbedded(t *testing.T) {
	in := fixture(t, 1)
	in.Grids[0] = []byte("<svg onload=alert(1)>")
	delete(in.Grids, 1)
	html := render(t, in)
	require.Contains(t, html, "The stored picture cannot be shown: png: invalid format")
	require.NotContains(t, html, "onload")
	require.Contains(t, html, "1 completed trials have no grid")
	require.Equal(t, 2, strings.Count(html, "<img "))
}

// A page can be written at every stage of a sweep.
func TestIncompleteSweeps(t *testing.T) {
	in := fixture(t, 9)
	in.Trials, in.Grids, in.Curves, in.Floor, in.Progress = nil, nil, nil, sweep.Evaluation{}, conduct.Progress{Phase: conduct.PhaseRunning}
	html := render(t, in)
	for _, want := range []string{"No trial has completed with a value of fid.tail yet", "No trial has finished yet", "No loss curve was stored",
		"No sample grid was stored", "No completed trial has both fid.head and fid.tail", "had not ended"} {
		require.Contains(t, html, want)
	}
	require.NotContains(t, html, "NaN")

	one := fixture(t, 0)
	one.Trials = one.Trials[:1]
	html = render(t, one)
	require.NotContains(t, html, "NaN")
	require.NotContains(t, html, "Inf")
	require.Contains(t, html, "The baseline itself, trial 0, has the best fid.tail")

	require.ErrorContains(t, Write(&bytes.Buffer{}, Input{}), "no spec")
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteReportsAnErrorOfTheWriter(t *testing.T) {
	require.ErrorContains(t, Write(failingWriter{}, fixture(t, 1)), "disk full")
}

// The page of a sweep of thousands of trials stays small enough for a browser.
func TestLargeSweepStaysBounded(t *testing.T) {
	in := fixture(t, 2000)
	long := make([]sweep.CurvePoint, 5000)
	for i := range long {
		long[i] = sweep.CurvePoint{Step: i + 1, Loss: 1 / float64(i+1)}
	}
	for i := range in.Curves {
		in.Curves[i] = long
	}
	in.Grids = map[int][]byte{}
	picture := bytes.Repeat([]byte("not a picture "), 1000)
	for _, trial := range in.Trials {
		in.Grids[trial.Number] = picture
	}
	html := render(t, in)
	require.Contains(t, html, "trials of lower rank are not drawn")
	require.Contains(t, html, "trials of lower rank are not shown")
	require.Less(t, len(html), 4<<20)

	shown := Shown(in.Spec, in.Trials)
	require.LessOrEqual(t, len(shown), maxShown+3, "the best, and the three of the baseline")
	require.Equal(t, len(shown), strings.Count(html, `<figure class="card`))
	for _, baseline := range in.Trials[:3] {
		require.True(t, slices.ContainsFunc(shown, func(o sweep.Trial) bool { return o.Number == baseline.Number }))
	}
}
