package results

import (
	"cmp"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trialview"
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
	cmd.RunE = withTrials(a, func(spec *sweep.Spec, trials []sweep.Trial, args []string) error {
		slices.SortFunc(trials, byNumber)
		list := trialview.WithFeasibility(spec, trials, trials)
		return a.PrintAs(output, list, a.Lines(trialview.Table(spec, list, requested(trials)))...)
	})
	return cmd
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
		return sweep.Trial{}, cli.NotFoundf("sweep %q has no finished trial %d; `tailsweep trials %[1]s` lists the finished trials", spec.Name, number)
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
