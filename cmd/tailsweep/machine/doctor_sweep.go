package machine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/progress"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// checkSweep checks a sweep in the object store, and repairs it if o says so. A fault
// that remains is exit code 1.
func checkSweep(ctx context.Context, a *cli.App, name string, o archive.CheckOptions, output *cli.Choice) error {
	arc, err := a.Archive(ctx)
	if err != nil {
		return err
	}
	o.Now = time.Now()
	o.Progress, err = progressOf(ctx, a, arc, name)
	if _, elsewhere := errors.AsType[*archive.ElsewhereError](err); elsewhere && o.Repair {
		return cli.ExitWith(cli.ExitUsage, err)
	}
	if err != nil {
		a.Log("the sweep could not be asked which segments it has; checking the store alone: %v", err)
	}
	checked, err := arc.Check(ctx, name, o)
	if _, removing := errors.AsType[*archive.RemovingError](err); removing {
		return cli.ExitWith(cli.ExitUsage, err)
	}
	if errors.Is(err, store.ErrNotFound) {
		return cli.NoSweep(name)
	}
	if err != nil {
		return err
	}
	if err := a.PrintAs(output, checked, checkedText(checked, console.Painter(a.Terminal().Colour))...); err != nil {
		return err
	}
	if checked.Faults() > 0 {
		return cli.Silently(cli.ExitFailure)
	}
	return nil
}

// progressOf asks Temporal for the progress of a sweep. That of another namespace, whose
// sweep has the name here, says nothing: an *archive.ElsewhereError.
func progressOf(ctx context.Context, a *cli.App, arc *archive.Archive, name string) (*conduct.Progress, error) {
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	c, err := a.Temporal(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	here, err := a.Here(ctx, c)
	if err != nil {
		return nil, err
	}
	var elsewhere *archive.ElsewhereError
	if err := arc.CheckTemporal(ctx, name, here); errors.As(err, &elsewhere) {
		return nil, err
	}
	p, err := progress.QueryProgress(ctx, c, name)
	if err != nil {
		return nil, err
	}
	return &p, nil
}

// checkedText has a line for each repair and for each finding.
func checkedText(c archive.Checked, paint console.Paint) []string {
	lines := []string{fmt.Sprintf("sweep %s: %d objects, %s", c.Sweep, c.Objects, text.Bytes(c.Bytes))}
	line := func(mark, part, what string) {
		lines = append(lines, fmt.Sprintf("%s  %-12s %s", mark, part, console.Printable(what)))
	}
	for _, r := range c.Repairs {
		line(paint(console.Green, "repaired"), "", r.Key+": "+r.Done)
		if r.Aside != "" {
			line("        ", "", "-> the damaged object is kept as "+r.Aside)
		}
	}
	for _, f := range c.Findings {
		mark := paint(levelColour[string(f.Level)], fmt.Sprintf("%-8s", f.Level))
		what := f.Found
		if f.Key != "" {
			what = f.Key + ": " + what
		}
		line(mark, f.Part, what)
		if f.Fix != "" {
			line("        ", "", "-> "+f.Fix)
		}
	}
	return lines
}
