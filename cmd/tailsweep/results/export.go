package results

import (
	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/report"
)

// Export is the verb export: it prints trials for other programs.
func Export(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export SWEEP",
		Short: "Print the finished trials for other programs, as CSV or JSON",
		Args:  cli.Args(1, 1, "one sweep"),
	}
	format := &cli.Choice{Value: string(report.FormatCSV), Valid: []string{string(report.FormatCSV), string(report.FormatJSON)}}
	cmd.Flags().VarP(format, "output", "o", "form of the output")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		_, spec, trials, err := a.Trials(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return report.Export(a.Out, report.Format(format.Value), spec, trials)
	}
	return cmd
}
