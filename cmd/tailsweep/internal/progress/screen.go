package progress

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trialview"
	"github.com/tailsweep/tailsweep/sweep/stopping"
	"github.com/tailsweep/tailsweep/workflows"
)

func phaseColour(p workflows.Phase) string {
	switch p {
	case workflows.PhaseCompleted, workflows.PhaseRunning:
		return console.Green
	case workflows.PhaseFailed, workflows.PhaseCancelled:
		return console.Red
	default:
		return console.Yellow
	}
}

// How often watch looks, and how often it writes where no screen is.
const (
	LookEvery  = time.Second
	writeEvery = 15 * time.Second
)

// Screen shows views: redrawn in place on a terminal, as lines elsewhere.
type Screen interface{ Show(v View) }

// NewScreen makes the screen for the output of a.
func NewScreen(a *cli.App) Screen {
	if a.Terminal().Live {
		return &liveScreen{app: a}
	}
	return &plainScreen{out: a.Out}
}

// liveScreen redraws the view over itself.
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
	lines = lines[:min(len(lines), t.Height-1)] // what has scrolled away cannot be drawn over
	for _, line := range lines {
		b.WriteString("\r" + line + "\x1b[K\n")
	}
	b.WriteString("\x1b[J")
	s.drawn = len(lines)
	_, _ = io.WriteString(s.app.Out, b.String()) // a screen that is gone shows nothing
}

// plainScreen writes a line for each thing that happens, and one now and then.
type plainScreen struct {
	out    io.Writer
	before View
	wrote  time.Time // the last progress line
}

func (s *plainScreen) Show(v View) {
	for _, line := range changes(s.before, v, v.Now.Sub(s.wrote) >= writeEvery) {
		_, _ = fmt.Fprintf(s.out, "%s %s\n", v.Now.Format(time.TimeOnly), line)
		s.wrote = v.Now
	}
	s.before = v
}

// changes tells what happened between two views, and, when progress is asked
// for, how far the running trials are.
func changes(before, now View, progress bool) []string {
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
		text := trialview.Metrics(t.Metrics, trialview.Columns(now.Spec))
		if why := trialview.Trouble(t); why != "" {
			text = console.Printable(why)
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
			lines = append(lines, fmt.Sprintf("trial %d started: %s", r.Number, trialview.Params(r.Params)))
		}
		if v := r.Verdict; v != nil && v.Step > judged[r.Number] && v.Decision == stopping.GoOn {
			lines = append(lines, fmt.Sprintf("trial %d goes on: %s", r.Number, v.Reason))
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
			if l.Stage == StageTraining && l.Loss > 0 {
				line += fmt.Sprintf(" loss %.4f, %.1f steps/s", l.Loss, l.StepsPerSecond)
			}
			lines = append(lines, line)
		}
	}
	return lines
}
