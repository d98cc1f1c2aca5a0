package sweeps

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/progress"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trialview"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/connect"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep/analysis"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// Watch is the verb watch: it follows a sweep.
func Watch(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:   "watch SWEEP",
		Short: "Follow a sweep until it ends; Ctrl-C only detaches",
		Args:  cli.Args(1, 1, "one sweep"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return watch(cmd.Context(), a, args[0])
		},
	}
}

// watch follows a sweep to its end, also while the stack restarts. An interruption
// and a failed sweep are errors with their own exit codes.
func watch(ctx context.Context, a *cli.App, name string) error {
	screen := progress.NewScreen(a)
	var o *progress.Observer
	defer func() {
		if o != nil {
			o.Temporal.Close()
		}
	}()
	var last progress.View
	tick := time.NewTicker(progress.ViewEvery)
	defer tick.Stop()
	for {
		var v progress.View
		var err error
		if o == nil {
			o, err = observe(ctx, a, name)
		}
		if err == nil {
			v, err = o.View(ctx)
		}
		switch {
		case ctx.Err() != nil:
			screen.Show(last)
			return detached(a, name)
		case err == nil:
			last = v
			screen.Show(v)
			if v.Progress.EndedAt != nil {
				return ended(a, v)
			}
		case errors.Is(err, progress.ErrNoSweep):
			return cli.ExitWith(cli.ExitNotFound, fmt.Errorf("%w: Temporal does not know sweep %s, but the store has it: `tailsweep trials %s` shows its results; if it has none, `tailsweep run SPEC` starts it", err, name, name))
		case last.Spec == nil && errors.As(err, new(*archive.LedgerError)):
			return err
		case errors.Is(err, connect.ErrNoNamespace), o == nil && last.Spec == nil:
			return cli.NoAnswer(err)
		default: // the stack does not answer: keep the last view and retry
			if o != nil {
				last.Spec, last.Progress.Name = o.Spec, name
				o.Temporal.Close()
				o = nil
			}
			last.Notice = noAnswer(err)
			last.Now = time.Now()
			screen.Show(last)
		}
		select {
		case <-ctx.Done():
			return detached(a, name)
		case <-tick.C:
		}
	}
}

// noAnswer is the notice about an error for which there is no view.
func noAnswer(err error) string {
	if errors.Is(err, progress.ErrNoWorker) {
		return progress.ErrNoWorker.Error()
	}
	if _, failing := errors.AsType[*progress.FailingError](err); failing {
		return blockedText(err)
	}
	return "no answer, retrying (is the stack running? `tailsweep status`): " + text.FirstLine(err.Error())
}

// observe connects to Temporal and to the archive.
func observe(ctx context.Context, a *cli.App, name string) (*progress.Observer, error) {
	arc, spec, _, err := a.Sweep(ctx, name)
	if err != nil {
		return nil, err
	}
	target, err := connect.Resolve(a.Flags)
	if err != nil {
		return nil, err
	}
	c, err := a.Temporal(ctx)
	if err != nil {
		return nil, err
	}
	if err := elsewhere(ctx, a, c, arc, name); err != nil {
		c.Close()
		return nil, err
	}
	return &progress.Observer{Name: name, Namespace: target.Namespace(), Temporal: c, Archive: arc, Spec: spec}, nil
}

// detached reports that the sweep continues.
func detached(a *cli.App, name string) error {
	a.Log("\ndetached: sweep %s continues.\n  tailsweep watch %s     watch it again\n  tailsweep cancel %s    end it", name, name, name)
	return cli.Silently(cli.ExitInterrupted)
}

// maxRanked is the number of trials that are listed at the end of a sweep, best first.
const maxRanked = 5

// ended reports how the sweep ended and what can be done next.
func ended(a *cli.App, v progress.View) error {
	p := v.Progress
	lines := []string{""}
	ranked := analysis.Rank(v.Spec, v.Finished, "")
	if len(ranked) > 0 {
		lines = append(lines, a.Lines(trialview.Ranking(v.Spec, ranked[:min(maxRanked, len(ranked))]))...)
		if len(ranked) > maxRanked {
			lines = append(lines, fmt.Sprintf("the first %d of %d ranked trials: `tailsweep trials %s` lists all", maxRanked, len(ranked), p.Name))
		}
	} else {
		lines = append(lines, console.Wrapped("", trialview.NoBest(v.Spec, v.Finished, ""))...)
	}
	lines = append(lines, "", "next:")
	if len(ranked) > 0 {
		lines = append(lines,
			"  tailsweep report "+p.Name+" --to "+p.Name+".html",
			"  tailsweep pull "+p.Name+" --top-n 1 --to "+p.Name+"-best")
	} else if gated := analysis.Gated(v.Spec, v.Finished, ""); len(gated) > 0 {
		lines = append(lines,
			"  tailsweep report "+p.Name+" --to "+p.Name+".html",
			fmt.Sprintf("  tailsweep pull %s --trial %d --to %[1]s-trial", p.Name, gated[0].Number))
	} else {
		lines = append(lines, "  tailsweep describe "+p.Name)
		if n := len(v.Finished); n > 0 {
			lines = append(lines, fmt.Sprintf("  tailsweep logs %s %d", p.Name, v.Finished[n-1].Number))
		}
	}
	if p.Phase != conduct.PhaseCompleted {
		lines = append(lines, "  tailsweep resume "+p.Name)
	}
	if err := a.Print(lines...); err != nil {
		return err
	}
	return outcome(p)
}

// outcome is nil for a sweep that completed, or was stopped as asked.
func outcome(p conduct.Progress) error {
	switch p.Phase {
	case conduct.PhaseFailed, conduct.PhaseCancelled, conduct.PhaseTerminated:
		return fmt.Errorf("sweep %s %s: %s", p.Name, p.Phase, cmp.Or(p.Message, "see `tailsweep describe "+p.Name+"`"))
	default:
		return nil
	}
}
