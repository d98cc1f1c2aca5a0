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

// Front is what `tailsweep pareto -o json` prints: a sweep.Front with judged trials.
type Front struct {
	analysis.Front
	Trials []trialview.Judged `json:"trials"`
}

func Pareto(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pareto SWEEP",
		Short: "The trials that no other beats in every metric of the spec",
		Long: `Pareto lists the front, marks its knee (the compromise beyond which a gain in one
metric costs much of another) and measures its hypervolume. Two sweeps compare by
hypervolume only from the same --reference.`,
		Args: cli.Args(1, 1, "one sweep"),
	}
	output := cli.OutputFlag(cmd)
	corner := cmd.Flags().StringToString("reference", nil, "measure the hypervolume from here, fid.tail=80,fid.head=40 (default: a tenth of its range beyond the worst of the front and of the baseline)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		spec, trials, err := a.LoadTrials(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		reference, err := parseReference(spec, *corner)
		if err != nil {
			return err
		}
		f := analysis.NewFront(spec, trials, reference)
		list := trialview.Judge(spec, trials, f.Trials)
		if output.Value == "json" {
			return a.PrintJSON(Front{f, list})
		}
		marks := map[int]string{}
		if f.Knee != nil {
			marks[*f.Knee] = "knee"
		}
		if err := a.PrintTable(trialview.Table(spec, list, marks)); err != nil || len(list) == 0 {
			return err
		}
		return a.Print("", fmt.Sprintf("hypervolume %.4g from %s", f.Hypervolume, referenceText(spec, f.Reference)))
	}
	return cmd
}

// parseReference reads --reference: nil when it was not given, else a number for
// each metric of the spec.
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
			return nil, cli.Usagef("--reference: %s=%q is no number", o.Name, text)
		}
		reference[k] = value
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(names, name) {
			return nil, cli.Usagef("--reference: %q is no metric of the spec; valid: %s", name, strings.Join(names, ", "))
		}
	}
	return reference, nil
}

// referenceText is "fid.tail 66, fid.head 33", in the order of the spec.
func referenceText(spec *sweep.Spec, reference map[string]float64) string {
	var parts []string
	for _, o := range spec.Metrics {
		parts = append(parts, fmt.Sprintf("%s %.4g", o.Name, reference[o.Name]))
	}
	return strings.Join(parts, ", ")
}
