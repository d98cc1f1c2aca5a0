package results

import (
	"errors"
	"math"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trialview"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
)

// Pull is the verb pull: it downloads checkpoints.
func Pull(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pull SWEEP --to DIR",
		Short: "Download the best checkpoints, verified, each with a model card",
		Example: `  tailsweep pull my-sweep --top-n 3 --to best
  tailsweep pull my-sweep --trial 7 --to trial-7 --state`,
		Args: cli.Args(1, 1, "one sweep"),
	}
	f := cmd.Flags()
	topN := cli.Within(f, "top-n", f.Int("top-n", 1, "number of trials, best first"), 1, math.MaxInt)
	metric := cli.MetricFlag(f, "rank by this metric instead of the spec's first")
	trial := cli.Within(f, "trial", f.Int("trial", 0, "number of the trial to download (default: the best trials)"), 0, math.MaxInt)
	state := f.Bool("state", false, "also download what resuming needs: optimizer state and raw weights")
	dir := f.String("to", "", "output folder; each trial gets a folder in it; nothing is written if one fails")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !cmd.Flags().Changed("trial") {
			*trial = -1
		}
		switch {
		case *dir == "":
			return cli.Usagef("pull: --to DIR is missing (valid: the folder for the checkpoints)")
		case *trial >= 0 && (cmd.Flags().Changed("top-n") || *metric != ""):
			return cli.Usagef("pull: --trial cannot be used with --top-n or --metric")
		}
		ctx, name := cmd.Context(), args[0]
		arc, spec, trials, err := a.Trials(ctx, name)
		if err != nil {
			return err
		}
		if err := cli.CheckMetric(spec, *metric); err != nil {
			return err
		}
		chosen, err := choose(spec, trials, *trial, *topN, *metric)
		if err != nil {
			return err
		}
		if kept := spec.Checkpoints.SaveSweepBest; *metric == "" && len(chosen) > kept {
			return cli.Usagef("pull: --top-n is %d, but this sweep keeps the checkpoints of its best %d (checkpoints.save_sweep_best): use --top-n %d", *topN, kept, kept)
		}
		var pulled []string
		for _, t := range chosen {
			p := archive.Pull{Sweep: name, Trial: t, Dir: *dir, State: *state}
			if err := arc.Pull(ctx, p); err != nil {
				for _, folder := range pulled { // all of them or none
					err = errors.Join(err, os.RemoveAll(folder))
				}
				_ = os.Remove(*dir) // only where it is empty
				return pullError(err)
			}
			pulled = append(pulled, p.Folder())
		}
		var lines []string
		for i, t := range chosen {
			lines = append(lines, trialview.Line(spec, t.Number, spec.Values(t), t.Params)+"  "+filepath.Clean(pulled[i]))
		}
		return a.Print(lines...)
	}
	return cmd
}

// choose returns the trial with this number, or for -1 the n best.
func choose(spec *sweep.Spec, trials []sweep.Trial, number, n int, metric string) ([]sweep.Trial, error) {
	if number >= 0 {
		t, err := finished(spec, trials, number)
		return []sweep.Trial{t}, err
	}
	ranked := analysis.Distinct(spec, analysis.Rank(spec, trials, metric))
	if len(ranked) == 0 {
		return nil, noBest(spec, trials, metric, "--trial N pulls any trial, `tailsweep trials %s` lists them")
	}
	return ranked[:min(n, len(ranked))], nil
}

func pullError(err error) error {
	switch {
	case errors.Is(err, archive.ErrNotEmpty):
		return cli.ExitWith(cli.ExitUsage, err)
	case errors.Is(err, store.ErrNotFound):
		return cli.ExitWith(cli.ExitNotFound, err)
	default:
		return err
	}
}
