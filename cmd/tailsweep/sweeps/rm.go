package sweeps

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/internal/text"
)

// removed is an entry of the output of `tailsweep rm -o json`.
type removed struct {
	Sweep     string `json:"sweep"`
	Removed   bool   `json:"removed"` // false: the answer was no
	Objects   int    `json:"objects"`
	Bytes     int64  `json:"bytes"`
	Workflows int    `json:"workflows"`  // closed runs that Temporal deletes
	NameTaken bool   `json:"name_taken"` // Temporal still has workflows of the name
}

// Rm is the verb rm: it removes sweeps.
func Rm(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rm SWEEP...",
		Short: "Remove sweeps that have ended, with results and checkpoints",
		Long: `rm removes everything that the object store has of the sweeps, and their closed
workflows from Temporal, so that the names are free. It refuses a sweep that runs, and
one that the spec of another sweep names in from, or may name because it cannot be read,
unless that sweep is removed with it. An rm that was interrupted can be run again:
of several sweeps, those that are gone are skipped.`,
		Args: cli.Args(1, math.MaxInt, "one sweep or more"),
	}
	output := cli.OutputFlag(cmd)
	yes := cmd.Flags().Bool("yes", false, "do not ask")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		e, err := openExecutions(ctx, a)
		if err != nil {
			return err
		}
		defer e.client.Close()
		r := remover{e.archive, e, time.Now}
		var names, what []string
		var all []doomed
		var gone error
		ordered := r.archive.RemovalOrder(ctx, args)
		for _, name := range ordered {
			var elsewhere *archive.ElsewhereError
			if err := e.archive.CheckTemporal(ctx, name, e.here); errors.As(err, &elsewhere) {
				return cli.ExitWith(cli.ExitUsage, err)
			}
			d, err := r.look(ctx, name, ordered...)
			if len(ordered) > 1 && cli.CodeOf(err) == cli.ExitNotFound {
				gone = err
				a.Log("no sweep %q: it is skipped", name)
				continue
			}
			if err != nil {
				return err
			}
			names, all, what = append(names, name), append(all, d), append(what, fmt.Sprintf("sweep %s: %s", name, d.text()))
		}
		if len(names) == 0 {
			return gone
		}
		if !*yes {
			sure, err := a.Confirm(ctx, "rm", "remove "+strings.Join(what, "; ")+"?", "nothing was removed")
			if err != nil {
				return err
			}
			if !sure {
				return a.PrintAs(output, untouched(names), "nothing was removed")
			}
		}
		results, lines := make([]removed, 0, len(names)), []string{}
		for i, name := range names {
			result, err := r.remove(ctx, name, all[i], a.Log)
			if err != nil && len(results) > 0 {
				return errors.Join(err, a.PrintAs(output, results, lines...))
			}
			if err != nil {
				return err
			}
			results, lines = append(results, result), append(lines, "removed "+what[i])
			if result.NameTaken {
				lines = append(lines, fmt.Sprintf("Temporal still has workflows of sweep %s, and `tailsweep run` refuses the name: `tailsweep rm %[1]s` completes the removal", name))
			}
		}
		return a.PrintAs(output, results, lines...)
	}
	return cmd
}

// untouched is the output where the answer was no.
func untouched(names []string) []removed {
	all := make([]removed, len(names))
	for i, name := range names {
		all[i].Sweep = name
	}
	return all
}

// sweepExecutions are the workflows of a sweep as rm needs them.
type sweepExecutions interface {
	SweepRuns(ctx context.Context, name string) (running, known bool, err error)
	All(ctx context.Context, name string) ([]execution, error)
	Delete(ctx context.Context, x execution) error
	Deleted(ctx context.Context, runs []execution) bool
}

// remover removes sweeps.
type remover struct {
	archive    *archive.Archive
	executions sweepExecutions
	now        func() time.Time
}

// doomed is what there is of a sweep.
type doomed struct {
	objects archive.Removal
	runs    []execution
	with    []string // sweeps that are removed by the same command
}

func (d doomed) text() string {
	return fmt.Sprintf("%s with %s, %s in Temporal", english.Plural(d.objects.Objects, "object", ""), text.Bytes(d.objects.Bytes),
		english.Plural(len(d.runs), "workflow run", ""))
}

// look returns what there is to remove of a sweep, or why it may not be removed together with
// others.
func (r remover) look(ctx context.Context, name string, with ...string) (doomed, error) {
	var d doomed
	objects, err := r.archive.Removal(ctx, name)
	absent := errors.Is(err, store.ErrNotFound)
	switch {
	case err == nil:
		d.objects = *objects
	case !absent:
		return d, err
	}
	var known bool
	if d.runs, known, err = r.ended(ctx, name); err != nil {
		return d, err
	}
	if absent && !known {
		return d, cli.NoSweep(name)
	}
	if !known {
		if err := archive.CheckKnown(name, d.objects.Newest, r.now()); err != nil {
			return d, cli.ExitWith(cli.ExitUsage, err)
		}
	}
	d.with = with
	return d, r.unneeded(ctx, name, with)
}

// unneeded returns an error if another sweep than those that are removed with it needs a sweep.
func (r remover) unneeded(ctx context.Context, name string, with []string) error {
	err := r.archive.CheckUnneeded(ctx, name, with...)
	if needed, ok := errors.AsType[*archive.NeededError](err); ok {
		return cli.Usagef("rm: %w", needed)
	}
	return err
}

// ended returns the workflow runs of a sweep, or an error if one of them runs. known is false
// if Temporal has none of the sweep itself.
func (r remover) ended(ctx context.Context, name string) (runs []execution, known bool, err error) {
	running, known, err := r.executions.SweepRuns(ctx, name)
	if err != nil {
		return nil, known, err
	}
	if running {
		return nil, known, cli.Usagef("rm: sweep %s is running: end it first (`tailsweep cancel %[1]s`)", name)
	}
	if runs, err = r.executions.All(ctx, name); err != nil {
		return nil, known, err
	}
	var alive []string
	for _, x := range runs {
		if x.running {
			alive = append(alive, x.id)
		}
	}
	if len(alive) > 0 {
		return nil, known, cli.Usagef("rm: sweep %s has ended, but workflows of it run: %s: wait for them, or terminate them", name, text.List(alive, 5))
	}
	return runs, known, nil
}

// remove removes what look has found, unless the sweep was continued since, or another one
// that needs it was started: it looks again before and after it marks the sweep as being
// removed. The workflows are last, and that of the sweep only when those of its trials are
// gone: while Temporal knows the sweep, an rm that was interrupted can be run again, and no
// new sweep of the name starts, whose trials could not start under the same ids.
func (r remover) remove(ctx context.Context, name string, d doomed, log func(string, ...any)) (removed, error) {
	result := removed{Sweep: name, Removed: true, Objects: d.objects.Objects, Bytes: d.objects.Bytes}
	ended := func() (err error) {
		if d.runs, _, err = r.ended(ctx, name); err != nil {
			return err
		}
		return r.unneeded(ctx, name, d.with)
	}
	if err := ended(); err != nil {
		return result, err
	}
	if d.objects.Objects > 0 {
		reported := r.now()
		err := r.archive.RemoveSweep(ctx, name, d.objects.Owner, ended, func(n int) {
			if now := r.now(); now.Sub(reported) >= 5*time.Second {
				reported = now
				log("removed %d of %d objects", n, d.objects.Objects)
			}
		})
		if err != nil {
			return result, r.raced(ctx, name, err)
		}
	}
	trials, own := ofTrials(d.runs, name)
	for _, runs := range [][]execution{trials, own} {
		for _, x := range runs {
			err := r.executions.Delete(ctx, x)
			if errors.Is(err, errNotAllowed) {
				log("the workflows stay in Temporal until its retention is over: %v", err)
				result.NameTaken = true
				return result, nil
			}
			if err != nil {
				return result, fmt.Errorf("%w (run it again, it continues)", err)
			}
			result.Workflows++
		}
		waiting := time.AfterFunc(5*time.Second, func() {
			log("Temporal deletes %s, for which rm waits up to %s", english.Plural(len(runs), "workflow run", ""), deletedWithin)
		})
		deleted := r.executions.Deleted(ctx, runs)
		waiting.Stop()
		if !deleted {
			result.NameTaken = true
			return result, nil
		}
	}
	return result, nil
}

// raced returns the error of a removal that ended because the sweep is no longer what it was:
// usually another rm removes it at the same time. Other errors are returned as they are.
func (r remover) raced(ctx context.Context, name string, err error) error {
	changed, isChanged := errors.AsType[*archive.HolderError](err)
	if !isChanged && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	owner, now := r.archive.Owner(ctx, name)
	if now == nil {
		now = r.archive.CheckContinued(ctx, name, owner)
	}
	_, removing := errors.AsType[*archive.RemovingError](now)
	switch {
	case errors.Is(now, store.ErrNotFound):
		return cli.NotFoundf("rm: another `tailsweep rm` has removed sweep %s meanwhile: the object store has nothing of it any more", name)
	case removing:
		return cli.Usagef("rm: another `tailsweep rm` has taken over the removal of sweep %s and continues it, so this one ends: "+
			"if that one is interrupted, `tailsweep rm %[1]s` completes it", name)
	case now == nil && isChanged:
		return cli.Usagef("rm: %w", changed)
	}
	return err
}

// ofTrials separates the runs of a sweep's trials from those of the sweep itself.
func ofTrials(runs []execution, name string) (trials, own []execution) {
	for _, x := range runs {
		if strings.Contains(strings.TrimPrefix(x.id, "sweep/"+name), "/") {
			trials = append(trials, x)
		} else {
			own = append(own, x)
		}
	}
	return trials, own
}
