package sweeps

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/text"
)

// collected is the output of `tailsweep gc -o json`.
type collected struct {
	Sweeps  []collectedSweep `json:"sweeps"`
	Removed bool             `json:"removed"` // false: it is only listed
	Objects int              `json:"objects"`
	Bytes   int64            `json:"bytes"`
}

type collectedSweep struct {
	Name    string            `json:"name"`
	Garbage []archive.Garbage `json:"garbage"`
	Fault   string            `json:"fault,omitempty"` // why nothing of it is listed, or removed
}

// GC is the verb gc: it lists and removes what no sweep needs.
func GC(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "gc [SWEEP]",
		Short: "List or remove checkpoints and files that no sweep needs",
		Long: `gc lists the objects in the store that nothing needs: checkpoints of finished trials
that the sweep does not keep, checkpoints, logs, curves and grids of trials that neither
run nor have a result, and uploads of a checkpoint that did not complete within a day.
With --yes it removes them. It never lists objects needed by: the best trials, pinned
trials, trials that run, trials that a command could continue. If these are not known,
for example because the ledger is damaged, it lists nothing of the sweep and prints
the reason. If a damaged state and command log may have lost pins, --pins-are-complete
says that the pins that the sweep has now are all that are wanted.`,
		Args: cli.Args(0, 1, "at most one sweep"),
	}
	output := cli.OutputFlag(cmd)
	yes := cmd.Flags().Bool("yes", false, "remove what is listed")
	pins := cmd.Flags().Bool("pins-are-complete", false, "list also if pins of SWEEP may have been lost")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		if *pins && len(args) == 0 {
			return cli.Usagef("gc: --pins-are-complete needs the name of the sweep whose pins are complete")
		}
		e, err := openExecutions(ctx, a)
		if err != nil {
			return err
		}
		defer e.client.Close()
		names, err := namesToCollect(ctx, e.archive, args)
		if err != nil {
			return err
		}
		found, err := collect(ctx, e.archive, e, names, *yes, archive.GarbageOptions{Now: time.Now(), PinsComplete: *pins})
		if err != nil {
			return err
		}
		if err := a.PrintAs(output, found, collectedText(a, found)...); err != nil {
			return err
		}
		if slices.ContainsFunc(found.Sweeps, func(s collectedSweep) bool { return s.Fault != "" }) {
			return cli.Silently(cli.ExitFailure)
		}
		return nil
	}
	return cmd
}

// namesToCollect are the sweeps of the arguments, or all.
func namesToCollect(ctx context.Context, arc *archive.Archive, args []string) (names []string, err error) {
	if len(args) == 1 {
		_, _, err := cli.LoadSpec(ctx, arc, args[0])
		return args, err
	}
	stored, err := arc.Sweeps(ctx)
	for _, s := range stored {
		names = append(names, s.Name)
	}
	return names, err
}

// collect lists the garbage of the sweeps, and removes it if remove is set. A sweep whose
// garbage is not known does not keep the others from being looked at.
func collect(ctx context.Context, arc *archive.Archive, w archive.Workflows, names []string, remove bool, o archive.GarbageOptions) (collected, error) {
	all := collected{Sweeps: make([]collectedSweep, 0, len(names)), Removed: remove}
	for _, name := range names {
		s := collectedSweep{Name: name, Garbage: []archive.Garbage{}}
		owner, err := arc.Owner(ctx, name)
		var garbage []archive.Garbage
		if err == nil {
			garbage, err = arc.Garbage(ctx, name, w, o)
		}
		if err == nil && remove {
			garbage, err = arc.Collect(ctx, name, owner, garbage, w) // also what it removed before an error
		}
		if garbage != nil {
			s.Garbage = garbage
		}
		switch {
		case ctx.Err() != nil:
			return all, ctx.Err()
		case err != nil:
			s.Fault = err.Error()
		}
		for _, g := range s.Garbage {
			all.Objects += g.Objects
			all.Bytes += g.Bytes
		}
		all.Sweeps = append(all.Sweeps, s)
	}
	return all, nil
}

// mostTrials is how many trials a line of gc lists.
const mostTrials = 8

// collectedText is a table of the garbage by sweep and kind, a line for each fault, and
// the sum.
func collectedText(a *cli.App, c collected) []string {
	t := console.NewTable("SWEEP", "KIND", ">COUNT", ">OBJECTS", ">BYTES", "TRIALS")
	var faults []string
	for _, s := range c.Sweeps {
		if s.Fault != "" {
			faults = append(faults, s.Name+": "+console.Printable(s.Fault))
		}
		for _, kind := range archive.GarbageKinds() {
			var sum archive.Garbage
			var trials []int
			count := 0
			for _, g := range s.Garbage {
				if g.Kind != kind {
					continue
				}
				count++
				sum.Objects += g.Objects
				sum.Bytes += g.Bytes
				if !slices.Contains(trials, g.Trial) {
					trials = append(trials, g.Trial)
				}
			}
			if count > 0 {
				t.Row(s.Name, string(kind), fmt.Sprint(count), fmt.Sprint(sum.Objects), text.Bytes(sum.Bytes), text.Numbers(trials, mostTrials))
			}
		}
	}
	var lines []string
	if c.Objects > 0 {
		lines = append(a.Lines(t), "")
	}
	lines = append(lines, faults...)
	sum := english.Plural(c.Objects, "object", "") + " with " + text.Bytes(c.Bytes)
	switch {
	case c.Objects == 0:
		return append(lines, "nothing to remove")
	case c.Removed:
		return append(lines, "removed "+sum)
	default:
		return append(lines, sum+"; `tailsweep gc --yes` removes them")
	}
}
