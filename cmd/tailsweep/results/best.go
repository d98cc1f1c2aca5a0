package results

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trialview"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
)

// BestTrial is the output of `tailsweep best -o json`: a trial, and how it compares with
// the others.
type BestTrial struct {
	trialview.Trial
	Contest analysis.Contest `json:"contest"`
}

// Best is the verb best: it prints the best trial.
func Best(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "best SWEEP",
		Short: "Show the best trial, and the trials that may be as good",
		Long: `best shows the first trial in the ranking: feasible trials come before undecided ones,
then the first metric of the spec decides, then the next one. A trial that failed a
gate is never the best. With repeats, a configuration counts by its mean over seeds,
which is printed with the trial's own values.
The noise between the seeds of the baseline and of repeated configurations shows which
other configurations may be as good.`,
		Args: cli.Args(1, 1, "one sweep"),
	}
	output := cli.OutputFlag(cmd)
	metric := cli.MetricFlag(cmd.Flags(), "rank by this metric instead of the spec's first")
	cmd.RunE = withTrials(a, func(spec *sweep.Spec, trials []sweep.Trial, args []string) error {
		if err := cli.CheckMetric(spec, *metric); err != nil {
			return err
		}
		best, ok := analysis.Best(spec, trials, *metric)
		if !ok {
			return noBest(spec, trials, *metric, "`tailsweep trials %s` lists the trials")
		}
		contest, _ := analysis.NewContest(spec, trials, *metric)
		b := BestTrial{trialview.WithMeans(spec, trials, []sweep.Trial{best}, *metric)[0], contest}
		return a.PrintAs(output, b, bestText(spec, b)...)
	})
	return cmd
}

// noBest is the error that a sweep has no best trial. help says what to do; its %s is the sweep.
func noBest(spec *sweep.Spec, trials []sweep.Trial, metric, help string) error {
	return cli.NotFoundf("sweep %q has no best trial: %s; "+help, spec.Name, trialview.NoBest(spec, trials, metric), spec.Name)
}

// bestText formats a trial with all its metrics.
func bestText(spec *sweep.Spec, t BestTrial) []string {
	values := spec.Values(t.Trial.Trial)
	names := sweep.MetricNames(values)
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
		value := fmt.Sprintf("%-9.4g", values[name])
		if within, ok := t.Within(name); ok {
			value += fmt.Sprintf(" ± %-7.2g", within)
		}
		if t.Mean != nil && t.Mean.Seeds > 1 {
			if mean, ok := t.Mean.Values[name]; ok {
				value += fmt.Sprintf(" mean of %s %-9.4g", english.Plural(t.Mean.Seeds, "seed", ""), mean)
			}
		}
		if floor, ok := t.Floor[name]; ok {
			value += fmt.Sprintf(" floor %.4g", floor)
			if within, ok := t.FloorWithin(name); ok {
				value += fmt.Sprintf(" ± %.2g", within)
			}
		}
		add(name, "%s", strings.TrimRight(value, " "))
	}
	for _, left := range t.LeftOut {
		add("left out", "%s", left)
	}
	if t.Samples > 0 {
		add("measured on", "%s of each class, against %s of the rarest", english.Plural(t.Samples, "sample", ""), english.Plural(t.Real, "real image", ""))
	}
	if t.Feasibility != "" {
		add("constraints", "%s", t.Feasibility.OfBest())
	}
	add("not distinguishable", "%s", contestText(t))
	if spec.Trainer != nil {
		add("steps", "%d, by %s", t.Steps, cli.CommandText(spec))
	} else {
		add("guidance", "%.4g", t.Guidance)
		add("steps", "%d, backend %s", t.Steps, cmp.Or(t.Backend, "unknown"))
	}
	if t.Checkpoint != "" {
		add("checkpoint", "%s", t.Checkpoint)
	}
	return lines
}

// maxListed is the number of trials that a line lists.
const maxListed = 12

// contestText lists the trials that may be as good as the best.
func contestText(t BestTrial) string {
	c := t.Contest
	switch {
	case c.Configurations == 1:
		return "there is no other configuration"
	case c.Freedom == 0:
		return "unknown: each configuration has one seed"
	}
	level := "none"
	if len(c.Level) > 0 {
		level = english.PluralWord(len(c.Level), "trial ", "trials ") + text.Numbers(c.Level, maxListed)
	}
	level += fmt.Sprintf(" of %s; standard deviation of %s between seeds: %.3g", english.Plural(c.Configurations-1, "other configuration", ""), c.Metric, c.Noise)
	if c.Best != t.Number {
		level += fmt.Sprintf("; by the mean over seeds trial %d is the best", c.Best)
	}
	return level
}
