package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/evaluate"
)

func newEvaluate(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "evaluate DIR | evaluate --untrained SPEC | evaluate --job FILE",
		Short: "Judge a pulled checkpoint by hand, without any service",
		Long: `evaluate samples the model of a checkpoint folder and prints its metrics, judged as
its spec says. With --untrained it judges the model that trainings of a spec start
from: the number that a trained one is compared with.

With --job it is a worker's child and speaks JSON lines.`,
		Args: args(0, 1, "one checkpoint folder"),
	}
	output := outputFlag(cmd)
	jobFile := cmd.Flags().String("job", "", "be a worker's child for this job")
	untrained := cmd.Flags().String("untrained", "", "judge the untrained model of this spec")
	name := backendFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *jobFile != "" {
			return asChild(evaluate.RunChild(context.WithoutCancel(cmd.Context()), *jobFile, a.in, a.out))
		}
		if (len(args) == 1) == (*untrained != "") {
			return usagef("evaluate: want a checkpoint folder, or --untrained SPEC")
		}
		var spec *sweep.Spec
		if *untrained != "" {
			var err error
			if spec, _, err = a.readSpec(*untrained); err != nil {
				return err
			}
		}
		b, err := backend.Open(name.value)
		if err != nil {
			return err
		}
		defer b.Close()
		m, err := openModel(b, spec, args)
		if err != nil {
			return err
		}
		defer m.Close()
		if err := a.fetch(cmd.Context(), m.Spec.Dataset); err != nil {
			return err
		}
		a.say("%s on %s", b.Choice, b.Device)
		result, err := evaluate.Model(cmd.Context(), b, m, nil)
		if err != nil {
			return asBadInput(err)
		}
		if output.value == "json" {
			return a.printJSON(result)
		}
		return a.print(resultText(result)...)
	}
	return cmd
}

// openModel opens the untrained model of a spec, or that of a folder.
func openModel(b *backend.Backend, untrained *sweep.Spec, args []string) (*trainer.Model, error) {
	if untrained != nil {
		return trainer.Untrained(b, *untrained, sweep.Assignment{Kind: sweep.KindSearch, Seed: untrained.Train.Seed})
	}
	return evaluate.Open(b, args[0])
}

// resultText is an evaluation for people, beside what real images would get.
func resultText(r *evaluate.Result) []string {
	t := newTable("METRIC", ">VALUE", ">REAL IMAGES")
	for _, m := range sweep.MetricList() {
		if _, ok := r.Metrics[m.Name]; ok {
			t.row(m.Name, metricText(r.Metrics, m.Name), metricText(r.Floor, m.Name))
		}
	}
	return append(t.render(0, painter(false)), fmt.Sprintf("at guidance %.4g, %d samples a class", r.Guidance, r.SamplesPerClass))
}

func newSample(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sample DIR -o FILE.png",
		Short: "Draw samples of each class from a pulled checkpoint",
		Args:  args(1, 1, "one checkpoint folder"),
	}
	f := cmd.Flags()
	path := f.StringP("output", "o", "", "the picture, a PNG (default samples.png)")
	guidance := f.Float64("guidance", 1, "guidance scale")
	steps := f.Int("steps", 0, "denoising steps (default: the spec's, of its sampler)")
	columns := f.Int("columns", 10, "samples of each class")
	name := backendFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *columns < 1 || *columns > 100 {
			return usagef("sample: --columns is %d, want 1 to 100", *columns)
		}
		if *path == "" {
			*path = "samples.png"
		}
		if !strings.HasSuffix(strings.ToLower(*path), ".png") {
			return usagef("sample: -o is %q, want a name that ends in .png: the picture is a PNG", *path)
		}
		if _, err := os.Stat(filepath.Join(args[0], checkpoint.ManifestName)); errors.Is(err, os.ErrNotExist) {
			return usagef("sample: %s has no %s: give the folder of one trial, such as one that `tailsweep pull` made", args[0], checkpoint.ManifestName)
		}
		b, err := backend.Open(name.value)
		if err != nil {
			return err
		}
		defer b.Close()
		m, err := evaluate.Open(b, args[0])
		if err != nil {
			return err
		}
		defer m.Close()
		if *steps == 0 {
			*steps = m.Spec.Evaluate.Steps()
		}
		if *steps < 1 || *steps > 1000 {
			return usagef("sample: --steps is %d, want 1 to 1000", *steps)
		}
		a.say("%s on %s", b.Choice, b.Device)
		if err := evaluate.SampleGrid(cmd.Context(), m, *path, *guidance, *steps, *columns); err != nil {
			return err
		}
		return a.print(filepath.Clean(*path))
	}
	return cmd
}
