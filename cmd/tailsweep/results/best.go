package results

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trialview"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
)

// BestTrial is what `tailsweep best -o json` prints: a trial and how sure it is.
type BestTrial struct {
	trialview.Judged
	Contest analysis.Contest `json:"contest"`
}

func Best(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "best SWEEP",
		Short: "The best trial, and which cannot be told from it",
		Long: `Best shows the trial that comes first: feasible ones before undecided ones, then
by the first metric of the spec, ties by the next. A trial that failed one of the
spec's gates is never the best. Where the spec asks for repeats
a setting counts by its mean over seeds. What the seeds of the baseline and of
repeated settings tell about noise says which other settings may be as good.`,
		Args: cli.Args(1, 1, "one sweep"),
	}
	output := cli.OutputFlag(cmd)
	metric := cmd.Flags().String("metric", "", "order by this metric instead, fid.head for example")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := cli.CheckMetric(*metric); err != nil {
			return err
		}
		spec, trials, err := a.LoadTrials(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		best, ok := analysis.Best(spec, trials, *metric)
		if !ok {
			return noRank(spec, trials, *metric, "`tailsweep trials %s` lists what there is")
		}
		contest, _ := analysis.NewContest(spec, trials, *metric)
		b := BestTrial{trialview.Judge(spec, trials, []sweep.Trial{best})[0], contest}
		if output.Value == "json" {
			return a.PrintJSON(b)
		}
		return a.Print(bestText(b)...)
	}
	return cmd
}

// noRank is the error of a sweep that has no trial to show first: none completed, or
// all of them failed a gate. help names what can be done with the sweep, %s.
func noRank(spec *sweep.Spec, trials []sweep.Trial, metric, help string) error {
	why := cmp.Or(analysis.GatedText(spec, trials, metric), "no trial completed")
	return cli.ExitWith(cli.ExitNotFound, fmt.Errorf("sweep %q has no best trial: %s; "+help, spec.Name, why, spec.Name))
}

// bestText is one trial in full, for people.
func bestText(t BestTrial) []string {
	names := sweep.MetricNames(t.Metrics)
	width := 21
	for _, name := range names {
		width = max(width, len(name))
	}
	lines := []string{fmt.Sprintf("trial %d (%s, seed %d)", t.Number, t.Kind, t.Seed)}
	add := func(name, format string, args ...any) {
		lines = append(lines, fmt.Sprintf("  %-*s "+format, append([]any{width, name}, args...)...))
	}
	add("parameters", "%s", trialview.Params(t.Params))
	for _, name := range names {
		text := fmt.Sprintf("%.4g", t.Metrics[name])
		if floor, ok := t.Floor[name]; ok {
			text = fmt.Sprintf("%-9s floor %.4g", text, floor)
		}
		add(name, "%s", text)
	}
	if t.Samples > 0 {
		add("taken on", "%s and %s of each class", english.Plural(t.Samples, "sample", ""), english.Plural(t.Real, "real image", ""))
	}
	if t.Feasibility != "" {
		add("constraints", "%s", t.Feasibility)
	}
	add("not distinguishable", "%s", levelText(t))
	add("guidance", "%.4g", t.Guidance)
	add("steps", "%d, backend %s", t.Steps, cmp.Or(t.Backend, "unknown"))
	if t.Checkpoint != "" {
		add("checkpoint", "%s", t.Checkpoint)
	}
	return lines
}

// maxLevel is how many trials a line names.
const maxLevel = 12

// levelText names the trials that may be as good as the best.
func levelText(t BestTrial) string {
	c := t.Contest
	switch {
	case c.Settings == 1:
		return "there is no other setting"
	case c.Freedom == 0:
		return "unknown: one seed each"
	}
	text := "none"
	if len(c.Level) > 0 {
		var names []string
		for _, number := range c.Level[:min(len(c.Level), maxLevel)] {
			names = append(names, fmt.Sprint(number))
		}
		text = "trials " + strings.Join(names, ", ")
		if len(c.Level) == 1 {
			text = "trial " + names[0]
		}
		if more := len(c.Level) - len(names); more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
	}
	text += fmt.Sprintf(", of %d others; %s of one training varies by %.3g from seed to seed", c.Settings-1, c.Metric, c.Noise)
	if c.Best != t.Number {
		text += fmt.Sprintf("; by the mean over its seeds trial %d is the best", c.Best)
	}
	return text
}
