package steering

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/sweep/specfile"
)

const programSpec = `apiVersion: tailsweep/v1
name: prog
method: random
trainer:
  command: [sh, train.sh]
  files: [train.sh]
train: {steps: 10}
parameters:
  lr: {min: 0.1, max: 1}
metrics: [{name: val_loss, goal: minimize}]
budget: {run_cap: 2}
`

// An edit of a spec with a trainer compares the files. The text that the store has of the spec
// has their digests, and needs no file.
func TestEditOfASpecWithATrainer(t *testing.T) {
	t.Setenv("TAILSWEEP_STATE_DIR", t.TempDir())
	app := &cli.App{Err: &bytes.Buffer{}}
	dir := t.TempDir()
	path := filepath.Join(dir, "spec.yaml")
	require.NoError(t, os.WriteFile(path, []byte(programSpec), 0o600))
	_, err := edit(nil)(app, []string{path})
	require.ErrorContains(t, err, "trainer.files[0]: does not exist")
	require.Equal(t, cli.ExitUsage, cli.CodeOf(err))

	require.NoError(t, os.WriteFile(filepath.Join(dir, "train.sh"), []byte("abc"), 0o600))
	c, err := edit(nil)(app, []string{path})
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(c.Spec.Trainer.Digests["train.sh"], "ba7816bf8f01"))

	stored, err := specfile.WithPaths([]byte(programSpec), c.Spec)
	require.NoError(t, err)
	elsewhere := filepath.Join(t.TempDir(), "spec.yaml")
	require.NoError(t, os.WriteFile(elsewhere, stored, 0o600))
	again, err := edit(nil)(app, []string{elsewhere})
	require.NoError(t, err)
	require.Equal(t, c.Spec.Digest(), again.Spec.Digest())
}
