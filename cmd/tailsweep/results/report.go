package results

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/progress"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/report"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
	"github.com/tailsweep/tailsweep/sweep/cost"
	"github.com/tailsweep/tailsweep/trainer/job"
	"github.com/tailsweep/tailsweep/workflows"
)

func Report(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "report SWEEP --to FILE.html",
		Short: "Write one static page: history, head against tail, sample grids",
		Args:  cli.Args(1, 1, "one sweep"),
	}
	path := cmd.Flags().String("to", "", "the page (default SWEEP.html)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *path == "" {
			*path = args[0] + ".html"
		}
		if info, err := os.Stat(*path); err == nil && info.IsDir() {
			return cli.Usagef("report: --to is %q, a folder: want the name of the page", *path)
		}
		in, err := reportInput(cmd.Context(), a, args[0])
		if err != nil {
			return err
		}
		if err := writeWhole(*path, func(w io.Writer) error { return report.Write(w, in) }); err != nil {
			return err
		}
		return a.Print(*path)
	}
	return cmd
}

// reportInput gathers what a page is made from. Only the archive is needed;
// Temporal adds how far the sweep is.
func reportInput(ctx context.Context, a *cli.App, name string) (report.Input, error) {
	arc, err := a.Archive(ctx)
	if err != nil {
		return report.Input{}, err
	}
	spec, text, err := cli.LoadSpec(ctx, arc, name)
	if err != nil {
		return report.Input{}, err
	}
	in := report.Input{
		Spec: spec, SpecYAML: string(text), Digest: spec.Digest(), Version: cli.ReadBuild().Version, Now: time.Now(),
		Grids: map[int][]byte{}, Curves: map[int][]job.Point{},
	}
	if in.Trials, err = arc.Trials(ctx, name); err != nil {
		return report.Input{}, err
	}
	for _, t := range in.Trials {
		if in.Floor == nil { // the same of every trial
			in.Floor = t.Floor
		}
		if err := addPictures(ctx, arc, name, t, &in); err != nil {
			return report.Input{}, err
		}
	}
	in.Progress = reportProgress(ctx, a, name, spec, in.Trials)
	return in, nil
}

// addPictures adds a trial's grid and curve, those that are there.
func addPictures(ctx context.Context, arc *archive.Archive, name string, t sweep.Trial, in *report.Input) error {
	if t.Grid != "" {
		grid, err := arc.Grid(ctx, name, t.Number)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err == nil {
			in.Grids[t.Number] = grid
		}
	}
	curve, err := arc.Curve(ctx, name, t)
	if errors.Is(err, store.ErrNotFound) {
		return nil // it ended before its first checkpoint
	}
	if err == nil {
		in.Curves[t.Number], err = decodeCurve(curve)
	}
	return err
}

// decodeCurve reads a curve.jsonl.
func decodeCurve(data []byte) ([]job.Point, error) {
	var points []job.Point
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		var p job.Point
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			return nil, fmt.Errorf("loss curve, point %d: %w", len(points), err)
		}
		points = append(points, p)
	}
	return points, nil
}

// reportProgress asks Temporal, and tells what the ledger alone shows when that
// is away or has forgotten the sweep.
func reportProgress(ctx context.Context, a *cli.App, name string, spec *sweep.Spec, trials []sweep.Trial) report.Progress {
	rp := report.Progress{Phase: "unknown", Planned: cost.TrialCount(spec), GPUHours: analysis.SlotHours(trials)}
	c, err := a.Temporal(ctx)
	if err == nil {
		defer c.Close()
		var p workflows.Progress
		if p, err = progress.QueryProgress(ctx, c, name); err == nil {
			rp = report.Progress{
				Phase: string(p.Phase), Message: p.Message, Planned: p.Planned, Running: len(p.Running),
				GPUHours: p.GPUHours, StartedAt: p.StartedAt,
			}
			if p.EndedAt != nil {
				rp.EndedAt = *p.EndedAt
			}
		}
	}
	if err != nil {
		a.Say("the page does not say how far the sweep is: %v", err)
	}
	return rp
}

// writeWhole writes a file that is complete or not there: under another name
// first. Missing folders are made.
func writeWhole(path string, write func(io.Writer) error) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	err = write(f)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
