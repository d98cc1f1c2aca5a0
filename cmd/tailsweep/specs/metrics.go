package specs

import (
	"cmp"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/sweep"
)

// listedMetric is a line of `tailsweep metrics`.
type listedMetric struct {
	Name  string     `json:"name"`
	Goal  sweep.Goal `json:"goal"`           // which way is better
	Unit  string     `json:"unit,omitempty"` // ratio, seconds, ...
	About string     `json:"about"`
}

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
		var list []listedMetric
		t := console.NewTable("METRIC", "GOAL", "UNIT", "ABOUT")
		for _, m := range sweep.MetricList() {
			list = append(list, listedMetric{Name: m.Name, Goal: m.Goal, Unit: m.Unit, About: m.About})
			t.Row(m.Name, string(m.Goal), cmp.Or(m.Unit, "-"), m.About)
		}
		return a.PrintAs(output, list, a.Lines(t)...)
	}
	return cmd
}
