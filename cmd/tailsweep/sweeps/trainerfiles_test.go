package sweeps

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/store/storetest"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/specfile"
)

const programSpec = `apiVersion: tailsweep/v1
name: prog
method: random
trainer:
  command: [sh, train.sh] # mine
  files: [train.sh, lib]
train: {steps: 10}
parameters:
  lr: {min: 0.1, max: 1}
metrics: [{name: val_loss, goal: minimize}]
budget: {run_cap: 2}
`

// launched reads a spec with two files, as run does.
func launched(t *testing.T, app *cli.App, loss string) *launch {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "lib"), 0o755))
	for path, content := range map[string]string{"spec.yaml": programSpec, "train.sh": "echo 1", "lib/loss.sh": loss} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, path), []byte(content), 0o600))
	}
	path := filepath.Join(dir, "spec.yaml")
	spec, text, err := app.ReadChecked(t.Context(), path)
	require.NoError(t, err)
	files, err := app.ReadTrainer(path, text, spec)
	require.NoError(t, err)
	return &launch{app: app, spec: spec, path: path, text: text, files: files}
}

// begun starts the sweep of l, without Temporal.
func begun(t *testing.T, arc *archive.Archive, l *launch) error {
	t.Helper()
	text, err := specfile.WithPaths(l.text, l.spec)
	require.NoError(t, err)
	_, err = arc.Begin(t.Context(), l.spec, text, sweep.Identity{Cluster: "c", Namespace: "default"}, &storing{arc: arc, l: l})
	return err
}

// storing is a workflow whose start stores the files, as that of run does.
type storing struct {
	arc      *archive.Archive
	l        *launch
	existing archive.Existing
}

func (w *storing) Started(context.Context) (archive.Existing, error) { return w.existing, nil }

func (w *storing) Start(ctx context.Context, owner sweep.Identity) error {
	if err := w.arc.PutTrainerFiles(ctx, w.l.spec.Name, owner, w.l.files); err != nil {
		return err
	}
	w.existing = archive.Existing{Digest: w.l.spec.Digest(), Owner: owner}
	return nil
}

func TestRunStoresTheFilesOfATrainer(t *testing.T) {
	t.Setenv("TAILSWEEP_STATE_DIR", t.TempDir())
	var log bytes.Buffer
	app := &cli.App{Out: &log, Err: &log}
	arc := archive.New(storetest.NewMemory())
	first := launched(t, app, "x=1")
	require.NoError(t, begun(t, arc, first))
	stored, err := arc.TrainerFiles(t.Context(), "prog", first.spec.Trainer.Digests)
	require.NoError(t, err)
	require.Equal(t, map[string][]byte{"train.sh": []byte("echo 1"), "lib/loss.sh": []byte("x=1")}, stored)

	// The same files in another folder are the same sweep.
	same := launched(t, app, "x=1")
	require.Equal(t, first.spec.Digest(), same.spec.Digest())
	require.NoError(t, begun(t, arc, same))
	require.NoError(t, same.refuseOther(t.Context(), arc))

	// Another content is another spec, and the message names the file.
	other := launched(t, app, "x=2")
	require.NotEqual(t, first.spec.Digest(), other.spec.Digest())
	err = other.refuseOther(t.Context(), arc)
	require.ErrorContains(t, err, "lib/loss.sh differs from what sweep prog was started with")
	require.NotContains(t, err.Error(), "train.sh")
	require.Equal(t, cli.ExitUsage, cli.CodeOf(err))
	require.Contains(t, log.String(), "trainer.digests.lib/loss.sh")

	// The spec that is stored is complete, and a rerun needs no file of this machine.
	spec, text, err := arc.LoadSpec(t.Context(), "prog")
	require.NoError(t, err)
	require.Contains(t, string(text), "# mine")
	again, _, err := renamed(spec, text, "prog-2")
	require.NoError(t, err)
	require.Equal(t, spec.Trainer.Digests, again.Trainer.Digests)
	rerun := &launch{app: app, spec: again, path: "rerun of prog", text: text, files: stored}
	require.NoError(t, rerun.checkData(t.Context()))
	require.NoError(t, begun(t, arc, rerun))
	_, err = arc.TrainerFiles(t.Context(), "prog-2", again.Trainer.Digests)
	require.NoError(t, err)
}
