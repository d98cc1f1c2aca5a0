package machine

import (
	"context"
	"fmt"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trialview"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/evaluate"
)

// Evaluate is the verb evaluate: it evaluates one checkpoint, without a sweep or as a
// child.
func Evaluate(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "evaluate DIR | --untrained SPEC | --samples DIR | --job FILE",
		Short: "Evaluate a checkpoint or images here, without any service",
		Long: `evaluate samples the model of a checkpoint folder and prints the metrics that its
spec asks for. With --untrained it evaluates the initial model of a spec, for comparison.

With --samples it evaluates images that any program has drawn: a folder with a folder of
PNG or JPEG files for each class (its name, or its number from 0), or a .npz file with the
arrays images (uint8, [N, S, S] or [N, S, S, 3]) and labels (integers, [N]). --dataset or
--images says with which real images they are compared. Their size must be that of the
dataset: they are not scaled. docs/evaluation.md says more.

With --job it is the child of a worker and writes JSON lines.`,
		Example: `  tailsweep evaluate best/trial-000007
  tailsweep evaluate --samples drawn --dataset my.yaml --grid drawn.png
  tailsweep evaluate --samples drawn.npz --dataset fashion-mnist-10k
  tailsweep evaluate --samples drawn --images photos -o json`,
		Args: cli.Args(0, 1, "one checkpoint folder"),
	}
	output := cli.OutputFlag(cmd)
	jobFile := cmd.Flags().String("job", "", "run this job as the child of a worker")
	untrained := cmd.Flags().String("untrained", "", "evaluate the untrained model of this spec")
	var h sampleFlags
	h.add(cmd.Flags())
	grid := cli.PNGFlag(cmd.Flags(), "grid", "", "write a PNG of the first samples of each class")
	name := cli.BackendFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *jobFile != "" {
			return cli.ChildExit(evaluate.RunChild(context.WithoutCancel(cmd.Context()), *jobFile, a.In, a.Out))
		}
		if err := h.check(len(args) == 1 || *untrained != ""); err != nil {
			return err
		}
		if h.samples != "" {
			e, err := h.run(cmd.Context(), a, name.Value)
			if err == nil {
				err = writeGrid(e.Result, *grid)
			}
			if err != nil {
				return err
			}
			return a.PrintAs(output, e, e.text()...)
		}
		if (len(args) == 1) == (*untrained != "") {
			return cli.Usagef("evaluate: give a checkpoint folder, --untrained SPEC or --samples")
		}
		var spec *sweep.Spec
		if *untrained != "" {
			var err error
			if spec, _, err = a.ReadSpec(*untrained); err != nil {
				return err
			}
		}
		if len(args) == 1 {
			if err := cli.CheckCheckpoint("evaluate", args[0]); err != nil {
				return err
			}
		}
		b, err := backend.Open(name.Value)
		if err != nil {
			return err
		}
		defer b.Close()
		m, err := openModel(b, spec, args)
		if err != nil {
			return cli.AsBadInput(err)
		}
		defer m.Close()
		if err := a.Download(cmd.Context(), m.Spec.Dataset); err != nil {
			return err
		}
		a.Log("%s on %s", b.Choice, b.Device)
		result, err := evaluate.Model(cmd.Context(), b, m, nil)
		if err != nil {
			return cli.AsBadInput(err)
		}
		if err := writeGrid(result, *grid); err != nil {
			return err
		}
		return a.PrintAs(output, result, resultText(result)...)
	}
	return cmd
}

// writeGrid writes the first samples of an evaluation to a PNG file, if path is not "".
func writeGrid(r *evaluate.Result, path string) error {
	if path == "" {
		return nil
	}
	if err := r.WriteGrid(path); err != nil {
		return cli.Usagef("evaluate: --grid: %w", err)
	}
	return nil
}

// openModel opens the untrained model of a spec, or the model of a folder.
func openModel(b *backend.Backend, untrained *sweep.Spec, args []string) (*trainer.Model, error) {
	if untrained != nil {
		return trainer.Untrained(b, *untrained, sweep.Assignment{Kind: sweep.KindSearch, Seed: untrained.Train.Seed})
	}
	return evaluate.Open(b, args[0])
}

// resultText formats an evaluation of a model.
func resultText(r *evaluate.Result) []string {
	return append(metricsText(r), fmt.Sprintf("at guidance %.4g, %s of each class, against %s of the rarest", r.Guidance, english.Plural(r.Samples, "sample", ""), english.Plural(r.Real, "real image", "")))
}

// metricsText formats the metrics next to their floor: the values of half of the real images.
func metricsText(r *evaluate.Result) []string {
	t := console.NewTable("METRIC", ">VALUE ± 95 %", ">FLOOR ± 95 %")
	for _, name := range sweep.MetricNames(r.Metrics) {
		value := trialview.Metric(r.Metrics, name)
		if within, ok := r.Within(name); ok {
			value += fmt.Sprintf(" ± %.2g", within)
		}
		floor := trialview.Metric(r.Floor, name)
		if within, ok := r.FloorWithin(name); ok {
			floor += fmt.Sprintf(" ± %.2g", within)
		}
		t.Row(name, value, floor)
	}
	lines := t.Plain()
	for _, left := range r.LeftOut {
		lines = append(lines, left.String())
	}
	return lines
}
