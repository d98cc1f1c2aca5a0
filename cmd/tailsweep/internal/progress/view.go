package progress

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize/english"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trialview"
	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// View is a sweep at one moment, as watch shows it.
type View struct {
	Spec     *sweep.Spec
	Progress conduct.Progress
	Finished []sweep.Trial     // in order of completion
	Live     map[int]LiveTrial // running trials, by number
	Now      time.Time         // by the clock of this machine
	Speed    float64           // steps per second of a trial that trains, of late; 0: not known
	Waiting  string            // one line: why trials are queued
	Notice   string            // one line, "the stack does not answer; ..."
}

// Stages of a running trial.
const (
	stageQueued     = "queued"   // for a training slot
	stageStarting   = "starting" // the child
	stageLoading    = "loading"  // the backend is open
	stageCompiling  = "compiling"
	StageTraining   = "training"
	stageEvaluating = "evaluating"
	stageAfter      = "waiting after"           // a failure; the class and what comes next follow
	stageVerdict    = "waiting for the verdict" // at a rung
	stagePublishing = "publishing"
	stageTrained    = "trained, queued" // for a slot for the evaluation
	stageRunning    = "running"         // its heartbeat was not read
)

// LiveTrial is the last heartbeat of a running trial, or what it waits for.
type LiveTrial struct {
	Stage          string
	Trained        bool     // only the evaluation remains
	Step, Steps    int      // of the training, or samples of the evaluation
	Loss           *float64 // nil: no point of the curve yet
	StepsPerSecond float64
	Attempt        int
	LastError      string    // of the attempt before, while the next one waits
	Since          time.Time // when the attempt got a slot, or began to wait for one; zero if that is not known

	worker string // identity of the worker that has the trial now
}

// text is the stage with the number of the attempt, from the second on.
func (l LiveTrial) text() string {
	stage := cmp.Or(l.Stage, stageRunning)
	if l.queued() && l.Trained {
		stage = stageTrained
	}
	if l.Attempt > 1 {
		stage += fmt.Sprintf(" #%d", l.Attempt)
	}
	return stage
}

// queued reports whether the trial waits for a training slot.
func (l LiveTrial) queued() bool { return l.Stage == stageQueued }

// Count counts the trials of a sweep that have started and not finished: those that run,
// those that wait for a training slot, and those that are not in live.
func Count(p conduct.Progress, live map[int]LiveTrial) (running, queued, unknown int) {
	for _, r := range p.Running {
		switch l, seen := live[r.Number]; {
		case !seen:
			unknown++
		case l.queued():
			queued++
		default:
			running++
		}
	}
	return running, queued, unknown
}

// Unfinished is the text of Count: "1 running, 2 queued"; "" for none.
func Unfinished(p conduct.Progress, live map[int]LiveTrial) string {
	running, queued, unknown := Count(p, live)
	var parts []string
	for _, c := range []struct {
		n    int
		what string
	}{{running, "running"}, {queued, "queued"}, {unknown, "running or queued"}} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	return strings.Join(parts, ", ")
}

// Trial is the line about a trial that has not finished.
func (v View) Trial(r conduct.Running) string {
	l := v.Live[r.Number]
	state, since := "is "+l.text()+" since ", l.Since
	switch {
	case v.Progress.EndedAt != nil:
		state, since = "has no result, started ", r.StartedAt
	case since.IsZero() && l.queued():
		since = r.StartedAt
	case since.IsZero():
		return fmt.Sprintf("trial %d is %s: %s", r.Number, l.text(), trialview.Params(r.Params))
	}
	return fmt.Sprintf("trial %d %s%s: %s", r.Number, state, since.Local().Format(time.DateTime), trialview.Params(r.Params))
}

// remaining estimates the time until the training ends; false where it is unknown.
func (l LiveTrial) remaining() (time.Duration, bool) {
	if l.Stage != StageTraining || l.StepsPerSecond <= 0 || l.Step >= l.Steps {
		return 0, false
	}
	return time.Duration(float64(l.Steps-l.Step) / l.StepsPerSecond * float64(time.Second)), true
}

// maxFinished is the number of finished trials that are listed, the latest ones.
const maxFinished = 12

// render formats the view in lines of at most width columns. ANSI colour codes do not
// count.
func (v View) render(width int, colour bool) []string {
	paint := console.Painter(colour)
	var lines []string
	plain := func(_, s string) string { return s }
	add := func(code, s string) {
		colour := plain
		if code != "" {
			colour = paint
		}
		for _, line := range console.WrapTo(width, console.Printable(address.Redact(s))) {
			lines = append(lines, colour(code, text.Fit(line, width)))
		}
	}
	p := v.Progress
	params := v.params()

	lines = append(lines, text.Fit(paint(console.Bold, p.Name)+"  "+paint(phaseColour(p.Phase), string(p.Phase)), width))
	add("", v.Summary())
	add("", p.Message)
	for _, b := range p.Blocked {
		add(console.Yellow, Blocked(b, v.Now))
	}
	add("", v.Waiting)
	if len(p.Running) > 0 {
		lines = append(lines, "")
		t := console.NewTable(">TRIAL", "STAGE", ">STEP", ">LOSS", ">STEPS/S", ">LEFT", "PARAMETERS")
		for _, r := range p.Running {
			t.Row(v.runningRow(r, params)...)
		}
		lines = append(lines, t.Render(width, paint)...)
	}
	if len(v.Finished) > 0 {
		lines = append(lines, "")
		latest := v.latest()
		lines = append(lines, trialview.Finished(v.Spec, latest, params).Render(width, paint)...)
	}
	if p.Best != nil {
		lines = append(lines, "")
		add("", fmt.Sprintf("best: trial %d  %s  %s", p.Best.Number, v.bestResult(), params(p.Best.Params)))
	}
	if e, ok := lastChange(p); ok && p.EndedAt == nil {
		lines = append(lines, "")
		add("", "last change: "+changeText(e))
	}
	if v.Notice != "" {
		lines = append(lines, "")
		add(console.Yellow, v.Notice)
	}
	return lines
}

// bestResult formats the metrics of the best trial: with repeats the means over the seeds of
// its configuration, by which it is the best.
func (v View) bestResult() string {
	if v.Spec != nil && v.Spec.Repeats != nil {
		if s, ok := analysis.Standings(v.Spec, v.Finished, "")[v.Progress.Best.Number]; ok {
			return fmt.Sprintf("%s  (mean of %s)", trialview.Metrics(v.Spec, s.Values), english.Plural(s.Seeds, "seed", ""))
		}
	}
	return trialview.Metrics(v.Spec, v.Progress.Best.Metrics)
}

// latest are the finished trials that are listed.
func (v View) latest() []sweep.Trial { return v.Finished[max(0, len(v.Finished)-maxFinished):] }

// params formats the parameters of the trials that are shown, in short.
func (v View) params() func(sweep.Params) string {
	var shown []sweep.Params
	for _, r := range v.Progress.Running {
		shown = append(shown, r.Params)
	}
	for _, t := range v.latest() {
		shown = append(shown, t.Params)
	}
	return trialview.Short(shown)
}

// lastChange is the last command that changed the sweep, or was refused late.
func lastChange(p conduct.Progress) (e conduct.CommandEntry, ok bool) {
	for _, e := range slices.Backward(p.CommandLog) {
		if e.Command != conduct.EntryEnd && (e.Change != "" || e.Refused != "") {
			return e, true
		}
	}
	return e, false
}

func changeText(e conduct.CommandEntry) string {
	what := e.Change
	if e.Refused != "" {
		what = "refused: " + e.Refused
	}
	return console.Printable(fmt.Sprintf("%s by %s: %s", e.Command, e.By, what))
}

// Blocked says what the sweep cannot do, for how long and why.
func Blocked(b conduct.Block, now time.Time) string {
	return fmt.Sprintf("blocked for %s: %s", text.Duration(now.Sub(b.Since)), console.Printable(b.Text()))
}

// Summary is the line of counts and times.
func (v View) Summary() string {
	p := v.Progress
	parts := []string{trialview.CountOf(p.Finished, p.Planned)}
	for _, s := range []sweep.Status{sweep.StatusStopped, sweep.StatusDiverged, sweep.StatusFailed, sweep.StatusCancelled} {
		if n := p.Counts[s]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	if n := Unfinished(p, v.Live); n != "" {
		parts = append(parts, n)
	}
	if n := len(p.Queue); n > 0 {
		parts = append(parts, fmt.Sprintf("%d requested", n))
	}
	if n := len(p.Pinned); n > 0 {
		parts = append(parts, fmt.Sprintf("%d pinned", n))
	}
	if !p.StartedAt.IsZero() {
		parts = append(parts, "for "+text.Duration(p.Elapsed(v.Now)))
	}
	if left, ok := v.ETA(); ok {
		parts = append(parts, leftText(left))
	}
	return strings.Join(parts, ", ")
}

func (v View) runningRow(r conduct.Running, params func(sweep.Params) string) []string {
	l := v.Live[r.Number]
	row := []string{fmt.Sprint(r.Number), l.text(), "", "", "", "", params(r.Params)}
	if l.LastError != "" {
		row[6] = console.Printable(l.LastError)
	}
	if l.Steps > 0 {
		row[2] = fmt.Sprintf("%d/%d", l.Step, l.Steps)
	}
	if l.Stage == StageTraining && l.Loss != nil {
		row[3] = fmt.Sprintf("%.4f", *l.Loss)
		row[4] = fmt.Sprintf("%.1f", l.StepsPerSecond)
	}
	if left, ok := l.remaining(); ok {
		row[5] = text.Duration(left)
	}
	return row
}

// leftText formats a time left, without seconds: the metrics after the last sample of
// an evaluation report no progress.
func leftText(left time.Duration) string {
	if left < time.Minute {
		return "about a minute left"
	}
	return "about " + text.Duration(left) + " left"
}
