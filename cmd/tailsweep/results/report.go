package results

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/progress"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/internal/jsonl"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/report"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/cost"
)

// Report is the verb report: it writes the HTML page.
func Report(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "report SWEEP [--to FILE.html]",
		Short: "Write a report: one HTML page with figures and sample grids",
		Args:  cli.Args(1, 1, "one sweep"),
	}
	path := cmd.Flags().String("to", "", "HTML file for the report (default SWEEP.html)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *path == "" {
			*path = args[0] + ".html"
		}
		if info, err := os.Stat(*path); err == nil && info.IsDir() {
			return cli.Usagef("report: --to is %q, a folder (valid: the name of a file)", *path)
		}
		in, err := reportInput(cmd.Context(), a, args[0])
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(*path), 0o755); err != nil {
			return err
		}
		if err := file.Create(*path, 0o644, func(w io.Writer) error { return report.Write(w, in) }); err != nil {
			return err
		}
		return a.Print(*path)
	}
	return cmd
}

// reportInput reads what a report shows. Temporal is asked how far the sweep is; the
// rest comes from the archive.
func reportInput(ctx context.Context, a *cli.App, name string) (report.Input, error) {
	arc, spec, text, err := a.Sweep(ctx, name)
	if err != nil {
		return report.Input{}, err
	}
	in := report.Input{
		Spec: spec, SpecYAML: string(text), Digest: spec.Digest(), Version: cli.ReadBuild().Version, Now: time.Now(),
		Grids: map[int][]byte{}, Curves: map[int][]sweep.CurvePoint{},
	}
	if in.Trials, err = arc.Trials(ctx, name); err != nil {
		return report.Input{}, err
	}
	if i := slices.IndexFunc(in.Trials, func(t sweep.Trial) bool { return t.Floor != nil }); i >= 0 {
		in.Floor = in.Trials[i].Evaluation // the same of every trial
	}
	var adding sync.Mutex
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(filesAtATime)
	shown := report.Shown(spec, in.Trials)
	for _, t := range shown {
		group.Go(func() error { return addFiles(reading, a, arc, name, t, len(shown), &in, &adding) })
	}
	if err := group.Wait(); err != nil {
		return report.Input{}, err
	}
	slices.Sort(in.Damaged)
	in.Progress = reportProgress(ctx, a, name, spec, in.Trials)
	return in, nil
}

// filesAtATime is how many trials' files are read at the same time.
const filesAtATime = 16

// addFiles adds the sample grid and the curve of a trial, of which so many are shown, where they
// are stored. A damaged curve is left out, with a message. in is changed, and messages printed,
// with adding locked.
func addFiles(ctx context.Context, a *cli.App, arc *archive.Archive, name string, t sweep.Trial, shown int, in *report.Input, adding *sync.Mutex) error {
	var grid []byte
	var noGrid error
	if t.Grid != "" {
		var err error
		if grid, err = arc.Grid(ctx, name, t.Number); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if grid, noGrid = report.Thumbnail(grid, shown); noGrid != nil {
			grid = nil
		}
	}
	curve, err := arc.Curve(ctx, name, t)
	var damaged *archive.DamagedError
	if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.As(err, &damaged) { // a trial that ended before its first checkpoint has none
		return err
	}
	var points []sweep.CurvePoint
	if err == nil {
		if points, err = jsonl.DecodeAll[sweep.CurvePoint](bytes.NewReader(curve), len(curve)); err != nil {
			return fmt.Errorf("loss curve of trial %d: %w", t.Number, err)
		}
	}
	adding.Lock()
	defer adding.Unlock()
	if noGrid != nil {
		a.Log("the report leaves out the sample grid of trial %d: %v", t.Number, noGrid)
	}
	if damaged != nil {
		a.Log("the report leaves out the loss curve of trial %d: %v", t.Number, damaged)
		in.Damaged = append(in.Damaged, t.Number)
	}
	if grid != nil {
		in.Grids[t.Number] = grid
	}
	if points != nil {
		in.Curves[t.Number] = points
	}
	return nil
}

// reportProgress asks Temporal how far the sweep is. Without an answer it returns
// what the ledger shows.
func reportProgress(ctx context.Context, a *cli.App, name string, spec *sweep.Spec, trials []sweep.Trial) conduct.Progress {
	c, err := a.Temporal(ctx)
	if err == nil {
		defer c.Close()
		var p conduct.Progress
		if p, err = progress.QueryProgress(ctx, c, name); err == nil {
			return progress.Recovered(ctx, a.Archive, p)
		}
	}
	a.Log("the report does not show the progress of the sweep: %v", err)
	return conduct.Progress{Phase: "unknown", Planned: cost.TrialCount(spec), GPUHours: analysis.SlotHours(trials)}
}
