package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/workflows"
)

// view is a sweep as watch shows it: what Temporal and the archive said last.
type view struct {
	Spec     *sweep.Spec
	Progress workflows.Progress
	Finished []sweep.Trial     // in order of completion
	Live     map[int]liveTrial // by number; of running trials
	Now      time.Time         // on this machine
	Notice   string            // one line, "the stack does not answer; ..."
}

// Stages of a running trial.
const (
	stageQueued     = "queued"   // for a training slot
	stageStarting   = "starting" // its child loads data and compiles
	stageTraining   = "training"
	stageEvaluating = "evaluating"
	stageRetrying   = "retrying"
	stagePublishing = "publishing"
	stageTrained    = "trained, queued" // for a slot to be evaluated in
)

// liveTrial is what a running trial's last heartbeat said.
type liveTrial struct {
	Stage          string
	Trained        bool // what remains is evaluation
	Step, Steps    int  // of training, or pictures of the evaluation
	Loss           float64
	StepsPerSecond float64
	Attempt        int
}

// remaining is the time until training ends; ok is false when nothing tells, or when
// all steps are done.
func (l liveTrial) remaining() (time.Duration, bool) {
	if l.Stage != stageTraining || l.StepsPerSecond <= 0 || l.Step >= l.Steps {
		return 0, false
	}
	return time.Duration(float64(l.Steps-l.Step) / l.StepsPerSecond * float64(time.Second)), true
}

// trainingShare is a guess at the share of a trial's time that training takes,
// the rest being evaluation. It only smooths the estimate of the whole.
const trainingShare = 0.85

// fraction is how much of a trial is done, in [0, 1].
func (l liveTrial) fraction() float64 {
	done := 0.0
	if l.Steps > 0 {
		done = min(1, float64(l.Step)/float64(l.Steps))
	}
	switch {
	case l.Stage == stagePublishing:
		return 1
	case l.Trained:
		return trainingShare + (1-trainingShare)*done
	default:
		return trainingShare * done
	}
}

// eta estimates when the sweep ends: from how long the finished trials have taken,
// and before there is one from the speed of those that train. ok is false when
// neither tells, when the sweep does not run, or when all that it has yet to do is
// what nobody measures: a trial that publishes, or that nobody has taken up again.
func (v view) eta() (time.Duration, bool) {
	p := v.Progress
	if p.Planned == 0 || p.Phase != workflows.PhaseRunning || p.StartedAt.IsZero() {
		return 0, false
	}
	done, rate, steps := float64(p.Finished), 0.0, 0
	for _, r := range p.Running {
		l := v.Live[r.Number]
		done += l.fraction()
		if l.Stage == stageTraining && l.StepsPerSecond > 0 {
			rate += l.StepsPerSecond
			steps = l.Steps
		}
	}
	left := float64(p.Planned) - done
	if left <= 0 {
		return 0, false
	}
	if p.Finished == 0 { // what has passed was compiling and waiting, too: go by the steps
		if rate == 0 {
			return 0, false
		}
		return time.Duration(left * float64(steps) / trainingShare / rate * float64(time.Second)), true
	}
	return time.Duration(float64(v.Now.Sub(p.StartedAt)) * left / done), true
}

// columns are the metrics that tables show: head and tail first, then the sweep's
// own objectives.
func columns(spec *sweep.Spec) []string {
	names := []string{"fid.head", "fid.tail"}
	if spec == nil {
		return names
	}
	for _, m := range spec.Metrics {
		if !slices.Contains(names, m.Name) && len(names) < 4 {
			names = append(names, m.Name)
		}
	}
	return names
}

// maxFinished is how many of the latest finished trials the view lists.
const maxFinished = 12

// render draws the view in lines of at most width columns; colour adds ANSI codes,
// which do not count.
func (v view) render(width int, colour bool) []string {
	paint := painter(colour)
	var lines []string
	add := func(format string, a ...any) { lines = append(lines, clip(fmt.Sprintf(format, a...), width)) }
	p := v.Progress

	add("%s  %s", paint(bold, p.Name), paint(phaseColour(p.Phase), string(p.Phase)))
	add("%s", v.summary())
	if p.Message != "" {
		add("%s", printable(p.Message))
	}
	if len(p.Running) > 0 {
		lines = append(lines, "")
		t := newTable(">TRIAL", "STAGE", ">STEP", ">LOSS", ">STEPS/S", ">LEFT", "PARAMETERS")
		for _, r := range p.Running {
			t.row(v.runningRow(r)...)
		}
		lines = append(lines, t.render(width, paint)...)
	}
	if len(v.Finished) > 0 {
		lines = append(lines, "")
		lines = append(lines, v.finishedTable().render(width, paint)...)
	}
	if p.Best != nil {
		lines = append(lines, "")
		add("best: trial %d  %s  %s", p.Best.Number, metricsText(p.Best.Metrics, columns(v.Spec)), paramsText(p.Best.Params))
	}
	if v.Notice != "" {
		lines = append(lines, "")
		add("%s", paint(yellow, printable(v.Notice)))
	}
	return lines
}

// summary is the line of counts and times.
func (v view) summary() string {
	p := v.Progress
	parts := []string{ofPlanned(p.Finished, p.Planned)}
	for _, s := range []sweep.Status{sweep.StatusStopped, sweep.StatusDiverged, sweep.StatusFailed, sweep.StatusCancelled} {
		if n := p.Counts[s]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	queued := 0
	for _, r := range p.Running {
		if l, seen := v.Live[r.Number]; seen && l.Stage == stageQueued {
			queued++
		}
	}
	if n := len(p.Running) - queued; n > 0 {
		parts = append(parts, fmt.Sprintf("%d running", n))
	}
	if queued > 0 {
		parts = append(parts, fmt.Sprintf("%d queued", queued))
	}
	if !p.StartedAt.IsZero() {
		end := v.Now
		if p.EndedAt != nil {
			end = *p.EndedAt
		}
		parts = append(parts, "for "+short(end.Sub(p.StartedAt)))
	}
	if left, ok := v.eta(); ok {
		parts = append(parts, leftText(left))
	}
	return strings.Join(parts, ", ")
}

func (v view) runningRow(r workflows.RunningTrial) []string {
	l, seen := v.Live[r.Number]
	if !seen {
		l.Stage = stageQueued
	}
	if l.Stage == stageQueued && l.Trained {
		l.Stage = stageTrained
	}
	row := []string{fmt.Sprint(r.Number), l.Stage, "", "", "", "", paramsText(r.Params)}
	if l.Attempt > 1 {
		row[1] = fmt.Sprintf("%s #%d", l.Stage, l.Attempt)
	}
	if l.Steps > 0 {
		row[2] = fmt.Sprintf("%d/%d", l.Step, l.Steps)
	}
	if l.Stage == stageTraining && l.Loss > 0 {
		row[3] = fmt.Sprintf("%.4f", l.Loss)
		row[4] = fmt.Sprintf("%.1f", l.StepsPerSecond)
	}
	if left, ok := l.remaining(); ok {
		row[5] = short(left)
	}
	return row
}

func (v view) finishedTable() *table {
	names := columns(v.Spec)
	titles := []string{">TRIAL", "STATUS"}
	for _, name := range names {
		titles = append(titles, ">"+strings.ToUpper(name))
	}
	t := newTable(append(titles, "PARAMETERS")...)
	finished := v.Finished
	if len(finished) > maxFinished {
		finished = finished[len(finished)-maxFinished:]
	}
	for _, trial := range finished {
		row := []string{fmt.Sprint(trial.Number), string(trial.Status)}
		for _, name := range names {
			row = append(row, metricText(trial.Metrics, name))
		}
		note := paramsText(trial.Params)
		if why := trialTrouble(trial); why != "" {
			note = why
		}
		t.row(append(row, note)...)
	}
	return t
}

// trialTrouble says why a trial failed or was stopped early; "" for any other.
func trialTrouble(t sweep.Trial) string {
	if t.Error != nil {
		return errorText(t.Error)
	}
	if len(t.Gates) > 0 {
		return "failed its gates: " + strings.Join(t.Gates, "; ")
	}
	return t.StopReason()
}

// errorText is the first line of what a trial failed with.
func errorText(f *sweep.Failure) string {
	first, _, _ := strings.Cut(f.Message, "\n")
	return string(f.Class) + ": " + first
}

// ofPlanned is "3 trials", or "3 of 12 trials".
func ofPlanned(n, planned int) string {
	if planned == 0 {
		return counted(n, "trial")
	}
	return fmt.Sprintf("%d of %s", n, counted(planned, "trial"))
}

// counted is a number of things that take an s when they are many.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// paramsText is "a=1 b=0", by name; "defaults" when nothing is set.
func paramsText(p sweep.Params) string {
	if len(p) == 0 {
		return "defaults"
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(p)) {
		parts = append(parts, name+"="+valueText(p[name]))
	}
	return strings.Join(parts, " ")
}

// valueText shortens a number for people; JSON output has all its digits.
func valueText(v sweep.Value) string {
	if v.IsWord() {
		return v.String()
	}
	return fmt.Sprintf("%.4g", v.Float())
}

func metricText(metrics map[string]float64, name string) string {
	if x, ok := metrics[name]; ok {
		return fmt.Sprintf("%.4g", x)
	}
	return "-"
}

func metricsText(metrics map[string]float64, names []string) string {
	var parts []string
	for _, name := range names {
		parts = append(parts, name+" "+metricText(metrics, name))
	}
	return strings.Join(parts, "  ")
}

// leftText is an estimate for people. The last seconds of one would be wrong: after
// the last picture of an evaluation come its metrics, which report no progress.
func leftText(left time.Duration) string {
	if left < time.Minute {
		return "about a minute left"
	}
	return "about " + short(left) + " left"
}

// short is a duration in at most two units: 4s, 3m10s, 2h05m, 3d4h.
func short(d time.Duration) string {
	d = max(0, d).Round(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%dd%dh", int(d.Hours())/24, int(d.Hours())%24)
	}
}

// clip shortens a line to width columns, ANSI codes not counted.
func clip(s string, width int) string {
	if width <= 0 || visible(s) <= width {
		return s
	}
	var b strings.Builder
	n, coloured := 0, false
	for i := 0; i < len(s); {
		if code := ansiAt(s[i:]); code > 0 {
			b.WriteString(s[i : i+code])
			i, coloured = i+code, true
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if n == width-1 {
			b.WriteRune('…')
			break
		}
		b.WriteRune(r)
		i, n = i+size, n+1
	}
	if coloured {
		b.WriteString(reset)
	}
	return b.String()
}
