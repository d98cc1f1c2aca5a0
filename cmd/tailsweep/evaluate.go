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

// resultText is an evaluation for people, beside the floor: what half of the real
// images would get.
func resultText(r *evaluate.Result) []string {
	t := newTable("METRIC", ">VALUE", ">FLOOR")
	for _, name := range sweep.MetricNames(r.Metrics) {
		value := metricText(r.Metrics, name)
		if s, ok := r.Spread[name]; ok {
			value += fmt.Sprintf(" ± %.2g", s)
		}
		t.row(name, value, metricText(r.Floor, name))
	}
	return append(t.render(0, painter(false)), fmt.Sprintf("at guidance %.4g, %d samples and %d real images a class", r.Guidance, r.SamplesPerClass, r.RealPerClass))
}

// sampleTitle names a model among n.
func sampleTitle(m *trainer.Model, n int) string {
	if n == 1 {
		return ""
	}
	return fmt.Sprintf("trial %d (%s): %s", m.Assignment.Number, m.Assignment.Kind, paramsText(m.Assignment.Params))
}

func newSample(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sample DIR [DIR ...] --to FILE.png",
		Short: "Draw samples of each class from pulled checkpoints, with the same noise",
		Long: `sample draws pictures of each class. Of several folders, a baseline and a trial for
example, the pictures of one class and noise stand side by side.`,
		Args: args(1, 6, "checkpoint folders"),
	}
	f := cmd.Flags()
	path := f.String("to", "", "the picture, a PNG (default samples.png)")
	guidance := f.Float64("guidance", 1, "guidance scale")
	steps := f.Int("steps", 0, "denoising steps (default: the spec's, of its sampler)")
	columns := f.Int("columns", 10, "samples of each class")
	layout := &choice{value: string(evaluate.LayoutClasses), valid: []string{string(evaluate.LayoutClasses), string(evaluate.LayoutHeadTail)}}
	f.Var(layout, "layout", "every class below the other, or the head beside the tail")
	name := backendFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *columns < 1 || *columns > 100 {
			return usagef("sample: --columns is %d, want 1 to 100", *columns)
		}
		if *path == "" {
			*path = "samples.png"
		}
		if !strings.HasSuffix(strings.ToLower(*path), ".png") {
			return usagef("sample: --to is %q, want a name that ends in .png: the picture is a PNG", *path)
		}
		for _, dir := range args {
			if _, err := os.Stat(filepath.Join(dir, checkpoint.ManifestName)); errors.Is(err, os.ErrNotExist) {
				return usagef("sample: %s has no %s: give the folder of one trial, such as one that `tailsweep pull` made", dir, checkpoint.ManifestName)
			}
		}
		b, err := backend.Open(name.value)
		if err != nil {
			return err
		}
		defer b.Close()
		o := evaluate.GridOptions{Columns: *columns, Layout: evaluate.Layout(layout.value)}
		var models []*trainer.Model
		for _, dir := range args {
			m, err := evaluate.Open(b, dir)
			if err != nil {
				return err
			}
			defer m.Close()
			models, o.Guidance, o.Titles = append(models, m), append(o.Guidance, *guidance), append(o.Titles, sampleTitle(m, len(args)))
		}
		if *steps == 0 {
			*steps = models[0].Spec.Evaluate.Steps()
		}
		if *steps < 1 || *steps > 1000 {
			return usagef("sample: --steps is %d, want 1 to 1000", *steps)
		}
		a.say("%s on %s", b.Choice, b.Device)
		o.Steps = *steps
		if err := evaluate.SampleGrids(cmd.Context(), models, *path, o); err != nil {
			return err
		}
		return a.print(filepath.Clean(*path))
	}
	return cmd
}
