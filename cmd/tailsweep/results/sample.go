package results

import (
	"cmp"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trialview"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/evaluate"
)

// sampleTitle is the title of a model; "" where it is the only one.
func sampleTitle(m *trainer.Model, n int) string {
	if n == 1 {
		return ""
	}
	return fmt.Sprintf("trial %d (%s): %s", m.Assignment.Number, m.Assignment.Kind, trialview.Params(m.Assignment.Params))
}

// Sample is the verb sample: it draws samples from checkpoints.
func Sample(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sample DIR [DIR ...] [--to FILE.png]",
		Short: "Draw samples of each class from pulled checkpoints",
		Long: `sample draws samples of each class. With several folders, for example of a baseline and
of a trial, samples of the same class and noise are shown side by side.`,
		Args: cli.Args(1, 6, "checkpoint folders"),
	}
	f := cmd.Flags()
	path := cli.PNGFlag(f, "to", "samples.png", "PNG file for the samples")
	guidance := f.Float64("guidance", 1, "guidance scale")
	steps := cli.Within(f, "steps", f.Int("steps", 0, "denoising steps (default: as in the spec)"), 1, sweep.DiffusionSteps)
	columns := cli.Within(f, "columns", f.Int("columns", 10, "samples of each class"), 1, 100)
	layout := &cli.Choice{Value: string(evaluate.LayoutClasses), Valid: cli.Words([]evaluate.Layout{evaluate.LayoutClasses, evaluate.LayoutHeadTail})}
	f.Var(layout, "layout", "classes: one row for each class; head-tail: the head next to the tail")
	name := cli.BackendFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		for _, dir := range args {
			if err := cli.CheckCheckpoint("sample", dir); err != nil {
				return err
			}
		}
		b, err := backend.Open(name.Value)
		if err != nil {
			return err
		}
		defer b.Close()
		o := evaluate.GridOptions{Columns: *columns, Layout: evaluate.Layout(layout.Value)}
		var models []*trainer.Model
		for _, dir := range args {
			m, err := evaluate.Open(b, dir)
			if err != nil {
				return cli.AsBadInput(err)
			}
			defer m.Close()
			models, o.Guidance, o.Titles = append(models, m), append(o.Guidance, *guidance), append(o.Titles, sampleTitle(m, len(args)))
		}
		a.Log("%s on %s", b.Choice, b.Device)
		o.Steps = cmp.Or(*steps, models[0].Spec.Evaluate.Steps())
		if err := evaluate.SampleGrids(cmd.Context(), models, *path, o); err != nil {
			return cli.AsBadInput(err)
		}
		return a.Print(filepath.Clean(*path))
	}
	return cmd
}
