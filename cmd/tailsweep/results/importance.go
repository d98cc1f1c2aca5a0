package results

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
)

// Importance is the verb importance: it prints the importance of parameters.
func Importance(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "importance SWEEP",
		Short: "Show which parameters decide whether a trial is among the best",
		Long: `importance shows how much each parameter alone explains whether a configuration is among
the best (PED-ANOVA), first among all configurations, then among the better half.
"noise" means: no significant effect. Without --metric it covers every metric of the
spec.`,
		Args: cli.Args(1, 1, "one sweep"),
	}
	output := cli.OutputFlag(cmd)
	metric := cli.MetricFlag(cmd.Flags(), "only this metric")
	f := cmd.Flags()
	top := cli.Within(f, "top", f.Float64("top", analysis.DefaultTop, "share of the configurations that count as the best, at most 0.4"), cli.AboveZero, 0.4)
	cmd.RunE = withTrials(a, func(spec *sweep.Spec, trials []sweep.Trial, args []string) error {
		objectives := spec.Metrics
		if err := cli.CheckMetric(spec, *metric); err != nil {
			return err
		}
		if *metric != "" {
			objectives = []sweep.Objective{{Name: *metric}}
		}
		var found []analysis.Importance
		var lines []string
		for i, o := range objectives {
			im, err := analysis.NewImportance(spec, trials, o.Name, *top)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			if i > 0 {
				lines = append(lines, "")
			}
			found, lines = append(found, im), append(lines, importanceText(a, im)...)
		}
		return a.PrintAs(output, found, lines...)
	})
	return cmd
}

// importanceText formats the importance among all configurations and among the better
// half side by side.
func importanceText(a *cli.App, im analysis.Importance) []string {
	global, local := im.Global, im.Local
	title := fmt.Sprintf("%s: the best %d of all %d configurations, and the best %d of the better %d",
		im.Metric, global.Top, global.Configurations, local.Top, local.Configurations)
	t := console.NewTable("PARAMETER", ">OF ALL", "", "", ">OF THE BETTER", "")
	for _, p := range global.Parameters {
		name := p.Name
		if p.Active < global.Configurations {
			name += fmt.Sprintf(" (in %d)", p.Active)
		}
		l := local.Parameter(p.Name)
		t.Row(name, percent(p), bar(p.Share), noiseText(p), percent(l), noiseText(l))
	}
	return append([]string{title}, a.Lines(t)...)
}

func percent(p analysis.ParameterImportance) string { return fmt.Sprintf("%.0f %%", p.Percent()) }

// bar draws a share with a block for each tenth.
func bar(share float64) string { return strings.Repeat("█", int(10*share+0.5)) }

func noiseText(p analysis.ParameterImportance) string {
	if p.Noise {
		return "noise"
	}
	return ""
}
