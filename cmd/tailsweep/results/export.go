package results

import (
	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/report"
)

func Export(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export SWEEP",
		Short: "Print every finished trial for other programs",
		Args:  cli.Args(1, 1, "one sweep"),
	}
	format := &cli.Choice{Value: string(report.FormatCSV), Valid: []string{string(report.FormatCSV), string(report.FormatJSON)}}
	cmd.Flags().VarP(format, "output", "o", "form of what is printed")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		spec, trials, err := a.LoadTrials(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return report.Export(a.Out, report.Format(format.Value), spec, trials)
	}
	return cmd
}
