package results

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trialview"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
)

// Front is the output of `tailsweep pareto -o json`.
type Front struct {
	analysis.Front
	Trials []trialview.Trial `json:"trials"`
}

// Pareto is the verb pareto: it lists the Pareto front.
func Pareto(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pareto SWEEP",
		Short: "List the Pareto front: trials that none beats in every metric",
		Long: `pareto lists the front, marks its knee (the compromise: beyond it a gain in one metric
costs much of another) and measures its hypervolume. Compare the hypervolumes of two
sweeps only with the same --reference. Where nothing is feasible there is no hypervolume.
With repeats, a configuration counts by its means over seeds: these are listed.`,
		Args: cli.Args(1, 1, "one sweep"),
	}
	output := cli.OutputFlag(cmd)
	corner := cmd.Flags().StringToString("reference", nil, "reference point of the hypervolume, METRIC=NUMBER for each metric of the spec (default: worse than the worst of front and baseline by 10 % of the range)")
	cmd.Flags().Lookup("reference").DefValue = "" // else the help shows [] as the default
	cmd.RunE = withTrials(a, func(spec *sweep.Spec, trials []sweep.Trial, args []string) error {
		reference, err := parseReference(spec, *corner)
		if err != nil {
			return err
		}
		f := analysis.NewFront(spec, trials, reference)
		list := trialview.WithMeans(spec, trials, f.Trials, "")
		marks := map[int]string{}
		if f.Knee != nil {
			marks[*f.Knee] = "knee"
		}
		lines := a.Lines(trialview.Table(spec, list, "FRONT", marks))
		if f.Hypervolume != nil {
			lines = append(lines, "", fmt.Sprintf("hypervolume %.4g from %s", *f.Hypervolume, referenceText(spec, f.Reference)))
		} else {
			lines = append(lines, "", "no hypervolume: "+f.NoVolume)
		}
		return a.PrintAs(output, Front{f, list}, lines...)
	})
	return cmd
}

// parseReference reads --reference: a number for each metric of the spec, or nil where
// it is not given.
func parseReference(spec *sweep.Spec, given map[string]string) ([]float64, error) {
	if len(given) == 0 {
		return nil, nil
	}
	var names []string
	reference := make([]float64, len(spec.Metrics))
	for k, o := range spec.Metrics {
		names = append(names, o.Name)
		text, ok := given[o.Name]
		if !ok {
			return nil, cli.Usagef("--reference: no value for %s, a metric of the spec", o.Name)
		}
		value, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(value) || math.IsInf(value, 0) {
			return nil, cli.Usagef("--reference: %s=%q is not a number", o.Name, text)
		}
		reference[k] = value
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(names, name) {
			return nil, cli.Usagef("--reference: %q is not a metric of the spec (valid: %s)", name, strings.Join(names, ", "))
		}
	}
	return reference, nil
}

// referenceText formats a reference as "kid.tail 66, coverage.head 0.3".
func referenceText(spec *sweep.Spec, reference map[string]float64) string {
	var parts []string
	for _, o := range spec.Metrics {
		parts = append(parts, fmt.Sprintf("%s %.4g", o.Name, reference[o.Name]))
	}
	return strings.Join(parts, ", ")
}
