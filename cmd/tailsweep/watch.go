package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/internal/connect"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
	"github.com/tailsweep/tailsweep/sweep/stopping"
	"github.com/tailsweep/tailsweep/workflows"
)

// How often watch looks, and how often it writes where no screen is.
const (
	lookEvery  = time.Second
	writeEvery = 15 * time.Second
)

func newWatch(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "watch SWEEP",
		Short: "Follow a sweep until it ends; Ctrl-C only detaches",
		Args:  args(1, 1, "one sweep"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.watch(cmd.Context(), args[0])
		},
	}
}

// watch follows a sweep to its end, over restarts of the stack. It returns an
// error with a code of its own when it was interrupted or the sweep failed.
func (a *app) watch(ctx context.Context, name string) error {
	screen := a.newScreen()
	var o *observer
	defer func() {
		if o != nil {
			o.temporal.Close()
		}
	}()
	var last view
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		var v view
		var err error
		if o == nil {
			o, err = a.observe(ctx, name)
		}
		if err == nil {
			v, err = o.look(ctx)
		}
		switch {
		case ctx.Err() != nil:
			screen.show(last)
			return a.detached(name)
		case err == nil:
			last = v
			screen.show(v)
			if v.Progress.EndedAt != nil {
				return a.ended(v)
			}
		case errors.Is(err, errNoSweep):
			return &codedError{exitNotFound, fmt.Errorf("%w: %s is in the store only; `tailsweep trials %s` has its results, `tailsweep run` with its spec starts it if there are none", err, name, name)}
		case o == nil && last.Spec == nil, errors.Is(err, connect.ErrNoNamespace):
			return err
		default: // the stack is away: keep the last view and come back
			if o != nil {
				last.Spec, last.Progress.Name = o.spec, name
				o.temporal.Close()
				o = nil
			}
			first, _, _ := strings.Cut(err.Error(), "\n")
			last.Notice = "no answer, trying again (is the stack up? `tailsweep status`): " + first
			last.Now = time.Now()
			screen.show(last)
		}
		select {
		case <-ctx.Done():
			return a.detached(name)
		case <-tick.C:
		}
	}
}

// observe connects to both services.
func (a *app) observe(ctx context.Context, name string) (*observer, error) {
	arc, err := a.archive(ctx)
	if err != nil {
		return nil, err
	}
	spec, _, err := loadSpec(ctx, arc, name)
	if err != nil {
		return nil, err
	}
	c, err := a.temporal(ctx)
	if err != nil {
		return nil, err
	}
	return &observer{name: name, temporal: c, archive: arc, spec: spec}, nil
}

// detached says that the sweep goes on.
func (a *app) detached(name string) error {
	a.say("\ndetached: sweep %s goes on.\n  tailsweep watch %s     come back\n  tailsweep cancel %s    end it", name, name, name)
	return silently(exitInterrupted)
}

// ended says how the sweep ended and what can be done next.
func (a *app) ended(v view) error {
	p := v.Progress
	t := a.terminal()
	lines := append([]string{""}, resultLines(v.Spec, v.Finished, t.width, painter(t.colour))...)
	lines = append(lines, "", "next:")
	if _, ok := analysis.Best(v.Spec, v.Finished, ""); ok {
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
	if p.Phase != workflows.PhaseCompleted {
		lines = append(lines, "  a sweep that has ended is not run again: give the spec another name, then tailsweep run")
	}
	if err := a.print(lines...); err != nil {
		return err
	}
	switch p.Phase {
	case workflows.PhaseFailed, workflows.PhaseCancelled:
		reason := p.Message
		if reason == "" {
			reason = "see `tailsweep describe " + p.Name + "`"
		}
		return &codedError{exitFailure, fmt.Errorf("sweep %s %s: %s", p.Name, p.Phase, reason)}
	default:
		return nil
	}
}

// resultLines ranks the best trials beside the baseline.
func resultLines(spec *sweep.Spec, trials []sweep.Trial, width int, paint paint) []string {
	ranked := analysis.Rank(spec, trials, "")
	if len(ranked) == 0 {
		if text := analysis.GatedText(spec, trials, ""); text != "" {
			return wrapped("", text)
		}
		return []string{"no trial completed"}
	}
	names := columns(spec)
	titles := []string{"RANK", ">TRIAL", "KIND"}
	for _, name := range names {
		titles = append(titles, ">"+strings.ToUpper(name))
	}
	t := newTable(append(titles, "PARAMETERS")...)
	for i, trial := range ranked[:min(5, len(ranked))] {
		row := []string{fmt.Sprint(i + 1), fmt.Sprint(trial.Number), string(trial.Kind)}
		for _, name := range names {
			row = append(row, metricText(trial.Metrics, name))
		}
		t.row(append(row, paramsText(trial.Params))...)
	}
	return t.render(width, paint)
}

// screen shows views: redrawn in place on a terminal, as lines elsewhere.
type screen interface{ show(v view) }

func (a *app) newScreen() screen {
	if a.terminal().live {
		return &liveScreen{app: a}
	}
	return &plainScreen{out: a.out}
}

// liveScreen redraws the view over itself.
type liveScreen struct {
	app   *app
	drawn int // lines on the screen
}

func (s *liveScreen) show(v view) {
	t := s.app.terminal()
	var b strings.Builder
	if s.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", s.drawn)
	}
	lines := v.render(t.width, t.colour)
	lines = lines[:min(len(lines), t.height-1)] // what has scrolled away cannot be drawn over
	for _, line := range lines {
		b.WriteString("\r" + line + "\x1b[K\n")
	}
	b.WriteString("\x1b[J")
	s.drawn = len(lines)
	_, _ = io.WriteString(s.app.out, b.String()) // a screen that is gone shows nothing
}

// plainScreen writes a line for each thing that happens, and one now and then.
type plainScreen struct {
	out    io.Writer
	before view
	wrote  time.Time // the last progress line
}

func (s *plainScreen) show(v view) {
	for _, line := range changes(s.before, v, v.Now.Sub(s.wrote) >= writeEvery) {
		_, _ = fmt.Fprintf(s.out, "%s %s\n", v.Now.Format(time.TimeOnly), line)
		s.wrote = v.Now
	}
	s.before = v
}

// changes tells what happened between two views, and, when progress is asked
// for, how far the running trials are.
func changes(before, now view, progress bool) []string {
	var lines []string
	if now.Notice != "" && before.Notice == "" {
		lines = append(lines, now.Notice)
	}
	if now.Notice == "" && before.Notice != "" {
		lines = append(lines, "it goes on")
	}
	if p := now.Progress; p.Phase != before.Progress.Phase {
		line := fmt.Sprintf("sweep %s: %s", p.Name, p.Phase)
		if p.Phase == workflows.PhasePaused {
			line += "; tailsweep resume " + p.Name + " goes on"
		}
		lines = append(lines, line)
	}
	for _, t := range now.Finished[min(len(before.Finished), len(now.Finished)):] {
		text := metricsText(t.Metrics, columns(now.Spec))
		if why := trialTrouble(t); why != "" {
			text = printable(why)
		}
		lines = append(lines, fmt.Sprintf("trial %d %s: %s", t.Number, t.Status, text))
	}
	ran, judged := map[int]bool{}, map[int]int{} // judged: at which step
	for _, r := range before.Progress.Running {
		ran[r.Number] = true
		if r.Verdict != nil {
			judged[r.Number] = r.Verdict.Step
		}
	}
	for _, r := range now.Progress.Running {
		if !ran[r.Number] {
			lines = append(lines, fmt.Sprintf("trial %d started: %s", r.Number, paramsText(r.Params)))
		}
		if v := r.Verdict; v != nil && v.Step > judged[r.Number] && v.Decision == stopping.GoOn {
			lines = append(lines, fmt.Sprintf("trial %d goes on: %s", r.Number, v.Reason))
		}
	}
	if progress && now.Notice == "" && now.Progress.EndedAt == nil {
		lines = append(lines, now.summary())
		for _, r := range now.Progress.Running {
			l := now.Live[r.Number]
			if l.Steps == 0 {
				continue
			}
			line := fmt.Sprintf("trial %d %s", r.Number, l.Stage)
			if l.Step > 0 {
				line += fmt.Sprintf(" %d/%d", l.Step, l.Steps)
			}
			if l.Stage == stageTraining && l.Loss > 0 {
				line += fmt.Sprintf(" loss %.4f, %.1f steps/s", l.Loss, l.StepsPerSecond)
			}
			lines = append(lines, line)
		}
	}
	return lines
}
