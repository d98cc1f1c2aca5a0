package results

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/report"
	"github.com/tailsweep/tailsweep/sweep"
)

// Export is the verb export: it prints trials for other programs.
func Export(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export SWEEP",
		Short: "Print the finished trials for other programs, as CSV or JSON",
		Args:  cli.Args(1, 1, "one sweep"),
	}
	format := &cli.Choice{Value: cli.FormatCSV, Valid: []string{cli.FormatCSV, cli.FormatJSON}}
	cmd.Flags().VarP(format, "output", "o", "output format")
	cmd.RunE = withTrials(a, func(spec *sweep.Spec, trials []sweep.Trial, args []string) error {
		if format.Value == cli.FormatCSV {
			return report.ExportCSV(a.Out, spec, trials)
		}
		slices.SortFunc(trials, byNumber)
		return a.PrintJSON(append([]sweep.Trial{}, trials...)) // always an array
	})
	return cmd
}
