package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/clitest"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/store/storetest"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

// ofProgram is a spec with a trainer of one file, in a folder that has it.
func ofProgram(t *testing.T, files string) (path string) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "train.sh"), []byte("echo"), 0o600))
	path = filepath.Join(dir, "spec.yaml")
	require.NoError(t, os.WriteFile(path, []byte(`apiVersion: tailsweep/v1
name: prog
method: random
trainer:
  command: [sh, train.sh]
  files: `+files+`
  seconds_per_step: 1
train: {steps: 10}
parameters:
  lr: {min: 0.1, max: 1}
metrics: [{name: val_loss, goal: minimize}]
budget: {run_cap: 2}
`), 0o600))
	return path
}

func TestFilesOfATrainerAreChecked(t *testing.T) {
	t.Setenv("TAILSWEEP_STATE_DIR", t.TempDir())
	r := cmdline(t, nil, "", "validate", ofProgram(t, "[train.sh]"))
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	path := ofProgram(t, "[train.sh, none.py, ../x.py]")
	for _, arguments := range [][]string{{"validate", path}, {"plan", path}, {"run", path}} {
		r := cmdline(t, nil, "", arguments...)
		require.Equal(t, cli.ExitUsage, r.Code, r.Err)
		require.Contains(t, r.Err, path+":6:21: trainer.files[1]: does not exist", arguments[0])
		require.Contains(t, r.Err, path+":6:30: trainer.files[2]: is not below the folder of the spec's file (../x.py", arguments[0])
	}
	path = ofProgram(t, "[none.py]")
	r = cmdline(t, nil, "", "train", path, "--to", t.TempDir())
	require.Equal(t, cli.ExitUsage, r.Code, r.Err)
	require.Contains(t, r.Err, "trainer.files[0]: does not exist")
}

// Only the program itself can sample its checkpoints.
func TestCheckpointsOfAProgramAreNotSampled(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "mine")
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "w.pt"), []byte("w"), 0o600))
	dir, err := checkpoint.Seal(parent, dir, checkpoint.Manifest{Step: 1, Provenance: checkpoint.Provenance{Command: []string{"python", "train.py"}}}, nil)
	require.NoError(t, err)
	for _, arguments := range [][]string{
		{"sample", dir, "--to", filepath.Join(parent, "s.png")}, {"generate", dir, "-n", "1", "--to", filepath.Join(parent, "g")}, {"cas", dir}, {"evaluate", dir},
	} {
		r := cmdline(t, nil, "", arguments...)
		require.Equal(t, cli.ExitUsage, r.Code, r.Err)
		require.Contains(t, r.Err, dir+" is the checkpoint of a program (python train.py), and tailsweep cannot sample it", arguments[0])
	}

	path := ofProgram(t, "[train.sh]")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	spec, _, err := (&cli.App{}).ReadSpec(path)
	require.NoError(t, err)
	objects := storetest.NewMemory()
	clitest.Begin(t, archive.New(objects), spec, text)
	r := cmdline(t, objects, "", "generate", "prog", "-n", "1", "--to", filepath.Join(parent, "g"))
	require.Equal(t, cli.ExitUsage, r.Code, r.Err)
	require.Contains(t, r.Err, "the trials of prog were trained by a program (sh train.sh)")
}
