package progress

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trialview"
	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/stopping"
)

func phaseColour(p conduct.Phase) string {
	switch p {
	case conduct.PhaseCompleted, conduct.PhaseRunning:
		return console.Green
	case conduct.PhaseFailed, conduct.PhaseCancelled, conduct.PhaseTerminated:
		return console.Red
	default:
		return console.Yellow
	}
}

// How often watch makes a view, and how often it prints one without a terminal.
const (
	ViewEvery  = time.Second
	writeEvery = 15 * time.Second
)

// Screen shows views: redrawn on a terminal, otherwise as lines.
type Screen interface{ Show(v View) }

// NewScreen makes the screen for the output of a.
func NewScreen(a *cli.App) Screen {
	if a.Terminal().Live {
		return &liveScreen{app: a}
	}
	return &plainScreen{out: a.Out}
}

// liveScreen redraws the view in place.
type liveScreen struct {
	app   *cli.App
	drawn int // lines on the screen
}

func (s *liveScreen) Show(v View) {
	t := s.app.Terminal()
	var b strings.Builder
	if s.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", s.drawn)
	}
	lines := v.render(t.Width, t.Colour)
	lines = lines[:min(len(lines), t.Height-1)] // lines that scrolled out of the terminal cannot be redrawn
	for _, line := range lines {
		b.WriteString("\r" + console.Safe(line) + "\x1b[K\n")
	}
	b.WriteString("\x1b[J")
	s.drawn = len(lines)
	_, _ = io.WriteString(s.app.Out, b.String()) // without a terminal there is nothing to show
}

// plainScreen prints a line for each change, and the progress every writeEvery.
type plainScreen struct {
	out    io.Writer
	before View
	wrote  time.Time // the last progress line
}

func (s *plainScreen) Show(v View) {
	for _, line := range changes(s.before, v, v.Now.Sub(s.wrote) >= writeEvery) {
		_, _ = fmt.Fprintf(s.out, "%s %s\n", v.Now.Format(time.TimeOnly), console.Printable(address.Redact(line)))
		s.wrote = v.Now
	}
	s.before = v
}

// changes has a line for each change between two views, and with progress also the
// state of the running trials.
func changes(before, now View, progress bool) []string {
	var lines []string
	if now.Waiting != "" && before.Waiting == "" {
		lines = append(lines, now.Waiting)
	}
	if now.Notice != "" && now.Notice != before.Notice {
		lines = append(lines, now.Notice)
	}
	if now.Notice == "" && before.Notice != "" {
		lines = append(lines, "the sweep continues")
	}
	if p := now.Progress; p.Phase != before.Progress.Phase {
		line := fmt.Sprintf("sweep %s: %s", p.Name, p.Phase)
		if p.Phase == conduct.PhasePaused {
			line += "; tailsweep resume " + p.Name + " continues it"
		}
		lines = append(lines, line)
	}
	for _, b := range now.Progress.Blocked {
		if !slices.ContainsFunc(before.Progress.Blocked, func(o conduct.Block) bool { return o.Kind == b.Kind && o.Reason == b.Reason }) {
			lines = append(lines, Blocked(b, now.Now))
		}
	}
	if len(before.Progress.Blocked) > 0 && len(now.Progress.Blocked) == 0 {
		lines = append(lines, "no longer blocked")
	}
	if e, ok := lastChange(now.Progress); ok {
		if shown, _ := lastChange(before.Progress); shown.Number != e.Number {
			lines = append(lines, changeText(e))
		}
	}
	for _, t := range now.Finished[min(len(before.Finished), len(now.Finished)):] {
		text := cmp.Or(console.Printable(trialview.Reason(t)), trialview.Result(now.Spec, t))
		lines = append(lines, fmt.Sprintf("trial %d %s: %s", t.Number, t.Status, text))
	}
	ran, rung := map[int]bool{}, map[int]int{} // rung: the step of the last verdict
	for _, r := range before.Progress.Running {
		ran[r.Number] = true
		if r.Verdict != nil {
			rung[r.Number] = r.Verdict.Step
		}
	}
	for _, r := range now.Progress.Running {
		if !ran[r.Number] {
			lines = append(lines, fmt.Sprintf("trial %d started: %s", r.Number, trialview.Params(r.Params)))
		}
		if v := r.Verdict; v != nil && v.Step > rung[r.Number] && v.Decision == stopping.Continue {
			lines = append(lines, fmt.Sprintf("trial %d continues: %s", r.Number, v.Reason))
		}
	}
	if progress && now.Notice == "" && now.Progress.EndedAt == nil {
		lines = append(lines, now.Summary())
		for _, r := range now.Progress.Running {
			l := now.Live[r.Number]
			if l.Steps == 0 {
				continue
			}
			line := fmt.Sprintf("trial %d %s", r.Number, l.Stage)
			if l.Step > 0 {
				line += fmt.Sprintf(" %d/%d", l.Step, l.Steps)
			}
			if l.Stage == StageTraining && l.Loss != nil {
				line += fmt.Sprintf(" loss %.4f, %.1f steps/s", *l.Loss, l.StepsPerSecond)
			}
			lines = append(lines, line)
		}
	}
	return lines
}
