package specs

import (
	"cmp"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/sweep"
)

// Metrics is the verb metrics: it lists the metrics that a spec can name.
func Metrics(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "metrics",
		Short: "List the metrics that a spec can name",
		Long: `metrics lists the metrics that the metrics, constraints and gates of a spec can name.
The FID of a single class is fid.class.NAME.`,
		Args: cli.Args(0, 0, "no arguments"),
	}
	output := cli.OutputFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		t := console.NewTable("METRIC", "GOAL", "UNIT", "ABOUT")
		for _, m := range sweep.MetricList() {
			t.Row(m.Name, string(m.Goal), cmp.Or(m.Unit, "-"), m.About)
		}
		return a.PrintAs(output, sweep.MetricList(), a.Lines(t)...)
	}
	return cmd
}
