package clitest

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/internal/store/storetest"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/specfile"
)

var regen = flag.Bool("regen", false, "rewrite the golden files")

// Golden compares text with testdata/name.
func Golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *regen {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run go test -regen once")
	require.Equal(t, string(want), got)
}

// Weights are the parameters of the two main losses.
func Weights(infonce, alignment float64) sweep.Params {
	return sweep.Params{"infonce.weight": sweep.Number(infonce), "alignment.weight": sweep.Number(alignment)}
}

// Begin puts a sweep into the archive, with a FAKE of its workflow.
func Begin(t *testing.T, arc *archive.Archive, spec *sweep.Spec, text []byte) {
	t.Helper()
	_, err := arc.Begin(t.Context(), spec, text, sweep.Identity{Namespace: "default"}, workflow(spec.Digest()))
	require.NoError(t, err)
}

// workflow is the digest of the spec of a FAKE workflow that runs already.
type workflow string

func (w workflow) Started(context.Context) (archive.Existing, error) {
	return archive.Existing{Digest: string(w), Owner: sweep.Identity{ID: "fake", Generation: 1, Namespace: "default"}}, nil
}
func (workflow) Start(context.Context, sweep.Identity) error { return nil }

// Archived is a store with one sweep of three finished trials, and one without any.
func Archived(t *testing.T) store.Store {
	t.Helper()
	objects := storetest.NewMemory()
	arc := archive.New(objects)
	for _, name := range []string{"done", "fresh"} {
		text, err := specfile.Init(name, sweep.MethodGrid)
		require.NoError(t, err)
		spec, err := specfile.Parse(name, []byte(text))
		require.NoError(t, err)
		Begin(t, arc, spec, []byte(text))
	}
	trial := func(number int, status sweep.Status, head, tail float64) sweep.Trial {
		return sweep.Trial{
			Assignment: sweep.Assignment{Number: number, Kind: sweep.KindSearch, Params: Weights(float64(number), 0), Seed: 1},
			Status:     status, Evaluation: sweep.Evaluation{Metrics: map[string]float64{"fid.head": head, "fid.tail": tail, "label_accuracy.head": 0.7}},
			Steps: 10, Losses: sweep.Losses{LossFirst: new(1.0), LossLast: new(0.25)}, Attempts: 1,
		}
	}
	failed := trial(2, sweep.StatusFailed, 0, 0)
	failed.Metrics = nil
	failed.Error = &sweep.Failure{Class: sweep.FailBug, Message: "first line\nsecond line"}
	// The ledger is in order of completion, not of number.
	require.NoError(t, arc.AppendSegment(t.Context(), "done", 0, []sweep.Trial{trial(1, sweep.StatusCompleted, 40, 50), failed}))
	require.NoError(t, arc.AppendSegment(t.Context(), "done", 1, []sweep.Trial{trial(0, sweep.StatusCompleted, 30, 60)}))
	log := filepath.Join(t.TempDir(), "log.txt")
	require.NoError(t, os.WriteFile(log, []byte("a line of the log\n"), 0o600))
	require.NoError(t, arc.PutLog(t.Context(), "done", 2, 1, log))
	return objects
}
