package conformance

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// fake returns the configuration that checks the fake program with a planted fault.
func fake(t *testing.T, protocol, fault string) Config {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	command := []string{self, "fake-" + protocol, fault}
	if protocol == sweep.ProtocolPlain {
		command = append(command, "${args}", "--seed=${seed}", "--until=${until}", "--every=${checkpoint_every}", "--resume=${resume}", "--staging=${staging}")
	}
	return Config{
		Spec: sweep.Spec{
			Name:    "fake",
			Train:   sweep.Train{Seed: 1},
			Trainer: &sweep.Trainer{Command: command, Protocol: protocol, SecondsToSave: 2},
			Metrics: []sweep.Objective{{Name: "score", Goal: sweep.Maximize}},
		},
		Params: sweep.Params{"lr": sweep.Number(0.1)}, Steps: 200, Limit: 20 * time.Second, Version: "test",
	}
}

// check runs the suite on a fake program.
func checkFake(t *testing.T, c Config) Report {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	report, err := Run(ctx, c)
	require.NoError(t, err)
	require.Len(t, report.Checks, len(Names()))
	for _, c := range report.Checks {
		t.Logf("%-14s %-14s %s", c.Level, c.Name, c.Found)
		require.NotEmpty(t, c.Found, c.Name)
		require.Equal(t, c.Level == Warning || c.Level == Fault, c.Fix != "", "%s: what to do", c.Name)
	}
	return report
}

func TestTheCorrectProgramPasses(t *testing.T) {
	t.Parallel()
	for _, protocol := range sweep.TrainerProtocols() {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			config := fake(t, protocol, "none")
			config.Steps = 800 // on a busy machine, too, it is interrupted in the middle
			for _, c := range checkFake(t, config).Checks {
				if c.Name == Samples {
					continue // there is no dataset
				}
				require.Equal(t, OK, c.Level, "%s: %s", c.Name, c.Found)
			}
		})
	}
}

// found is what the suite must find.
type found struct {
	check string
	level Level
	says  string
}

// TestPlantedFaults checks that the suite finds each planted fault, and finds no fault in what it
// leaves alone.
func TestPlantedFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		protocol, fault string
		finds           []found
	}{
		{"json", "ignores-resume", []found{{Resume, Fault, "began at step 0"}}},
		{"json", "repeats-steps", []found{{Resume, Fault, "step 75"}}},
		{"json", "forgets-state", []found{{Parts, Fault, "score"}, {Kill, Fault, "score"}, {Resume, OK, ""}}},
		{"json", "announces-first", []found{{Checkpoints, Fault, "step"}}},
		{"json", "writes-later", []found{{Checkpoints, Fault, "changed after it was announced"}}},
		{"json", "outside", []found{{Checkpoints, Fault, "elsewhere-step-50"}}},
		{"json", "link", []found{{Checkpoints, Fault, "link"}}},
		{"json", "writes-manifest", []found{{Checkpoints, Fault, "MANIFEST.json"}}},
		{"json", "only-last-checkpoint", []found{{Checkpoints, Fault, "no checkpoint of step 50, 100, 150"}}},
		{"json", "no-last-checkpoint", []found{{Checkpoints, Fault, "no checkpoint at until"}}},
		{"json", "no-checkpoints", []found{{Checkpoints, Warning, "wrote no checkpoint"}}},
		{"json", "no-metrics", []found{{Metrics, Fault, "score"}}},
		{"json", "metrics-of-another-step", []found{{Metrics, Fault, "metrics of step 199"}}},
		{"json", "thousand-metrics", []found{{Metrics, Fault, "at most 64"}}},
		{"json", "thousand-losses", []found{{Loss, Fault, "at most 32"}}},
		{"json", "prints-nan", []found{{Messages, Fault, "NaN"}}},
		{"json", "type-misspelt", []found{{Messages, Fault, `"progres"`}}},
		{"json", "python-words", []found{{Messages, Fault, "double quotes"}}},
		{"json", "on-stderr", []found{{Messages, Fault, "standard error"}}},
		{"json", "ignores-sigterm", []found{{Terminate, Fault, "ignored SIGTERM"}, {Kill, OK, ""}}},
		{"json", "hangs-at-sigterm", []found{{Terminate, Fault, "seconds_to_save"}}},
		{"json", "ends-at-sigterm", []found{{Terminate, Fault, "no checkpoint was saved"}}},
		{"json", "preempted-without-checkpoint", []found{{Terminate, Fault, "no checkpoint was saved"}}},
		{"json", "seed-unused", []found{{OtherSeed, Warning, "exactly the same"}, {SameSeed, OK, ""}}},
		{"json", "clock-as-seed", []found{{SameSeed, Warning, "one seed"}}},
		{"json", "parameter-unused", []found{{Parameter, Warning, "lr"}}},
		{"json", "takes-any-word", []found{{BadValue, Warning, "lr"}}},
		{"json", "resume-or-not", []found{{NoFolder, Fault, "reports done"}}},
		{"json", "depends-on-until", []found{{Parts, Fault, "score"}}},
		{"json", "bytes-depend-on-until", []found{{Parts, Warning, "args.txt"}}},
		{"json", "metrics-of-the-clock", []found{{SameSeed, Warning, "seconds"}, {Parts, OK, ""}}},
		{"json", "done-early", []found{{Done, Fault, "done at step 100"}}},
		{"json", "steps-fall", []found{{Progress, Fault, "step is 3 after step 9"}}},
		{"json", "no-loss", []found{{Loss, Warning, "no loss"}}},
		{"json", "loss-has-another-name", []found{{Loss, Warning, "train_loss"}}},
		{"json", "silent-progress", []found{{Progress, Fault, "no step"}}},
		{"json", "crashes", []found{{Done, Fault, "ModuleNotFoundError"}}},
		{"json", "exit-silently", []found{{Start, Fault, "exit code 0"}}},
		{"json", "no-last-message", []found{{Done, Fault, "exit code 0"}}},
		{"json", "garbage", []found{{Start, Fault, "exit code 3"}}},
		{"json", "flood", []found{{Output, Warning, "MiB"}}},
		{"json", "leaves", []found{{Processes, Warning, "fake-sleep"}}},
		{"json", "leaves-apart", []found{{Processes, Warning, "fake-sleep"}}},

		{"plain", "ignores-resume", []found{{Resume, Fault, "repeats steps"}}},
		{"plain", "depends-on-until", []found{{Parts, Fault, "score"}}},
		{"plain", "announces-first", []found{{Checkpoints, Fault, "step"}}},
		{"plain", "no-metrics", []found{{Metrics, Fault, "score"}}},
		{"plain", "no-checkpoints", []found{{Checkpoints, Warning, "wrote no checkpoint"}}},
		{"plain", "no-loss", []found{{Loss, Warning, "no loss"}}},
		{"plain", "words", []found{{Messages, Fault, "= or :"}}},
		{"plain", "ignores-sigterm", []found{{Terminate, Fault, "ignored SIGTERM"}}},
		{"plain", "no-handler", []found{{Terminate, Warning, "no checkpoint was saved"}}},
		{"plain", "exit-1", []found{{Done, Fault, "exit code 1"}}},
		{"plain", "fails", []found{{Done, Fault, "exit code 1"}}},
		{"plain", "takes-any-word", []found{{BadValue, Warning, "lr"}}},
		{"plain", "metrics-file", []found{{Metrics, OK, "score"}}},
	} {
		t.Run(c.protocol+"/"+c.fault, func(t *testing.T) {
			t.Parallel()
			config := fake(t, c.protocol, c.fault)
			for _, f := range c.finds {
				config.only = append(config.only, f.check)
			}
			report := checkFake(t, config)
			for _, f := range c.finds {
				got := report.Check(f.check)
				require.Equal(t, f.level, got.Level, f.check)
				require.Contains(t, got.Found, f.says, f.check)
			}
		})
	}
}

// TestASilentProgramEndsAtTheLimit checks that nothing hangs.
func TestASilentProgramEndsAtTheLimit(t *testing.T) {
	t.Parallel()
	c := fake(t, "json", "silent")
	c.Limit = 300 * time.Millisecond
	report := checkFake(t, c)
	require.Equal(t, Fault, report.Check(Start).Level)
	require.Contains(t, report.Check(Start).Found, "no message within")
	require.Equal(t, 1, report.Starts)
}

// TestStepsAreFound checks that a training lasts long enough to be interrupted.
func TestStepsAreFound(t *testing.T) {
	t.Parallel()
	c := fake(t, "json", "none")
	c.Steps, c.Lasting = 0, 300*time.Millisecond
	report := checkFake(t, c)
	require.Greater(t, report.Steps, 2*firstSteps)
	require.Equal(t, OK, report.Check(Terminate).Level, report.Check(Terminate).Found)
}

// TestInterruptEndsAll checks that the end of the context ends the suite and the program.
func TestInterruptEndsAll(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := fake(t, "json", "silent")
	c.Log = func(string) { cancel() }
	_, err := Run(ctx, c)
	require.ErrorIs(t, err, context.Canceled)
}
