package machine

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/program/conformance"
)

// checkProgram is a plain program in shell, too short to be interrupted. With --fault=1 it saves
// nothing.
const checkProgram = `set -eu
for a; do case $a in --lr=*) lr=${a#*=} ;; --fault=*) fault=${a#*=} ;; esac; done
case $lr in *[!0-9.]*) echo "lr is not a number" >&2; exit 2 ;; esac
i=0; [ -z "$TAILSWEEP_RESUME" ] || i=$(cat "$TAILSWEEP_RESUME/i")
while [ $i -lt $TAILSWEEP_UNTIL ]; do
  i=$((i+1)); echo "step=$i loss=0.$i"
  if [ $fault = 0 ] && { [ $((i % TAILSWEEP_CHECKPOINT_EVERY)) = 0 ] || [ $i = $TAILSWEEP_UNTIL ]; }; then
    mkdir $TAILSWEEP_STAGING/part; echo $i > $TAILSWEEP_STAGING/part/i; mv $TAILSWEEP_STAGING/part $TAILSWEEP_STAGING/step-$i; echo "checkpoint: $i"
  fi
done
echo "score=$lr"
`

// trainerCheck runs the verb, and returns what it printed and its exit code.
func trainerCheck(t *testing.T, args ...string) (out, log string, code int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := TrainerCheck(&cli.App{Out: &stdout, Err: &stderr})
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	return stdout.String(), stderr.String() + cli.Message(err), cli.CodeOf(err)
}

func TestTrainerCheck(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()) // no other process has files there
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("train.sh", []byte(checkProgram), 0o600))
	flags := []string{"--protocol", "plain", "--steps", "8", "--metric", "score", "--param", "lr=0.5"}

	out, log, code := trainerCheck(t, append(flags, "--param", "fault=0", "-o", "json", "--", "sh", "train.sh")...)
	require.Equal(t, cli.ExitOK, code, out+log)
	require.Contains(t, log, "training without a break, 8 steps")
	var report conformance.Report
	require.NoError(t, json.Unmarshal([]byte(out), &report))
	require.Equal(t, []string{"sh", "train.sh"}, report.Command)
	require.Equal(t, 8, report.Steps)
	require.Equal(t, conformance.OK, report.Check(conformance.Parts).Level, out)
	require.Equal(t, conformance.Warning, report.Check(conformance.OtherSeed).Level, "it has no seed")

	out, _, code = trainerCheck(t, append(flags, "--param", "fault=1", "--", "sh", "train.sh")...)
	require.Equal(t, cli.ExitOK, code, "warnings alone")
	require.Contains(t, out, "warning  checkpoints   the program wrote no checkpoint\n")
	require.Contains(t, out, "                       -> save a checkpoint at each multiple")
	require.Contains(t, out, "sh train.sh: 0 faults, ")

	out, _, code = trainerCheck(t, append(flags, "--", "sh", "missing.sh")...)
	require.Equal(t, cli.ExitFailure, code)
	require.Contains(t, out, "fault    start         no message: ")
	require.Contains(t, out, "-> the program is started in a new folder with its files alone")
	require.Contains(t, out, "-        not checked   checkpoints, metrics, ")
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "tailsweep-files-*"))
	require.NoError(t, err)
	require.Empty(t, left, "its files are removed")
}

func TestTrainerCheckOfASpec(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "train.sh"), []byte(checkProgram), 0o600))
	spec := filepath.Join(dir, "spec.yaml")
	require.NoError(t, os.WriteFile(spec, []byte(`apiVersion: tailsweep/v1
name: checked
method: random
trainer: {command: [sh, train.sh], protocol: plain, files: [train.sh]}
train: {steps: 1000, seed: 3}
parameters:
  lr: {min: 0.1, max: 0.9}
  fault: {values: [0]}
metrics: [{name: score, goal: maximize}]
budget: {run_cap: 3}
`), 0o600))
	out, log, code := trainerCheck(t, "--spec", spec, "--steps", "8", "-o", "json", "--param", "lr=0.25")
	require.Equal(t, cli.ExitOK, code, out+log)
	var report conformance.Report
	require.NoError(t, json.Unmarshal([]byte(out), &report))
	require.Equal(t, sweep.Params{"lr": sweep.Number(0.25), "fault": sweep.Number(0)}, report.Params)
	require.Equal(t, "at until: score", report.Check(conformance.Metrics).Found)

	_, log, code = trainerCheck(t, "--spec", spec, "--param", "rate=1")
	require.Equal(t, cli.ExitUsage, code)
	require.Contains(t, log, "no such parameter (valid: fault, lr)")
	_, log, code = trainerCheck(t, "--spec", spec, "--", "sh")
	require.Equal(t, cli.ExitUsage, code)
	require.Contains(t, log, "--spec gives the command")
	_, log, code = trainerCheck(t, "--spec", "../../../examples/first.yaml")
	require.Equal(t, cli.ExitUsage, code)
	require.Contains(t, log, "has no trainer")
}

func TestTrainerCheckRefusesBadFlags(t *testing.T) {
	for want, args := range map[string][]string{
		"the command is missing":                  nil,
		"valid: NAME=VALUE":                       {"--param", "lr", "--", "true"},
		`--env "A"`:                               {"--env", "A", "--", "true"},
		"trainer.env.AWS_REGION":                  {"--env", "AWS_REGION=x", "--", "true"},
		"trainer.pass_env[0]":                     {"--pass-env", "TEMPORAL_API_KEY", "--", "true"},
		"trainer.files[0]":                        {"--files", "../x", "--", "true"},
		"trainer.files[0]: does not exist in /":   {"--files", "missing.py", "--", "true"},
		"--limit 0s (valid: a time above 0":       {"--limit", "0s", "--", "true"},
		"valid: 4 to 1000000":                     {"--steps", "3", "--", "true"},
		"neither a parameter nor a value of the ": {"--protocol", "plain", "--", "true", "${unknown}"},
	} {
		_, log, code := trainerCheck(t, args...)
		require.Contains(t, log, want)
		if want != "valid: 4 to 1000000" { // the root command makes it bad input
			require.Equal(t, cli.ExitUsage, code, log)
		}
	}
}
