package results

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/progress"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trialview"
	"github.com/tailsweep/tailsweep/internal/connect"
	"github.com/tailsweep/tailsweep/sweep"
)

// Trials is the verb trials: it lists the finished trials.
func Trials(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "trials SWEEP",
		Short: "List the finished trials with their parameters and metrics",
		Args:  cli.Args(1, 1, "one sweep"),
	}
	output := cli.OutputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		_, spec, trials, err := a.Trials(ctx, args[0])
		if err != nil {
			return err
		}
		slices.SortFunc(trials, byNumber)
		list := trialview.WithFeasibility(spec, trials, trials)
		if err := a.PrintAs(output, list, a.Lines(trialview.Table(spec, list, "SOURCE", requested(trials)))...); err != nil {
			return err
		}
		if why := whyQueued(ctx, a, spec); why != "" {
			a.Log("%s", why)
		}
		return nil
	}
	return cmd
}

// askTimeout bounds the time in which trials asks Temporal why trials of the sweep wait.
const askTimeout = 2 * time.Second

// whyQueued says why trials of the sweep wait; "" where none waits or Temporal does not answer.
func whyQueued(ctx context.Context, a *cli.App, spec *sweep.Spec) string {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	target, err := connect.Resolve(a.Flags)
	if err != nil {
		return ""
	}
	c, err := a.Temporal(ctx)
	if err != nil {
		return ""
	}
	defer c.Close()
	return progress.WhyQueued(ctx, c, target.Namespace(), spec)
}

// requested marks the trials that users asked for, by number.
func requested(trials []sweep.Trial) map[int]string {
	marks := make(map[int]string)
	for _, t := range trials {
		if t.Request > 0 {
			marks[t.Number] = t.Reason.Sampler
		}
	}
	return marks
}

func byNumber(a, b sweep.Trial) int { return cmp.Compare(a.Number, b.Number) }

// finished returns the finished trial with this number.
func finished(spec *sweep.Spec, trials []sweep.Trial, number int) (sweep.Trial, error) {
	i := slices.IndexFunc(trials, func(t sweep.Trial) bool { return t.Number == number })
	if i < 0 {
		return sweep.Trial{}, cli.NoFinishedTrial(spec.Name, number)
	}
	return trials[i], nil
}

// withTrials makes the RunE of a verb that shows the finished trials of its first argument.
func withTrials(a *cli.App, show func(spec *sweep.Spec, trials []sweep.Trial, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		_, spec, trials, err := a.Trials(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return show(spec, trials, args)
	}
}
