package workflows

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// The typed keys of the search attributes.
var (
	keyState    = temporal.NewSearchAttributeKeyKeyword(AttrState)
	keySweep    = temporal.NewSearchAttributeKeyKeyword(AttrSweep)
	keyDone     = temporal.NewSearchAttributeKeyInt64(AttrDone)
	keyBestHead = temporal.NewSearchAttributeKeyFloat64(AttrBestHead)
	keyBestTail = temporal.NewSearchAttributeKeyFloat64(AttrBestTail)
	keyGPUHours = temporal.NewSearchAttributeKeyFloat64(AttrGPUHours)
)

// upsert shows search attributes. A failure only affects lists in the UI: it is logged.
func upsert(ctx workflow.Context, updates []temporal.SearchAttributeUpdate) {
	if err := workflow.UpsertTypedSearchAttributes(ctx, updates...); err != nil {
		workflow.GetLogger(ctx).Warn("cannot show search attributes", "error", err)
	}
}

// headAndTail are the updates for the metrics of head and tail of a spec, where they have
// values.
func headAndTail(spec *sweep.Spec, metrics map[string]float64) []temporal.SearchAttributeUpdate {
	head, tail := spec.HeadAndTail()
	var updates []temporal.SearchAttributeUpdate
	if v, ok := metrics[head.Name]; ok {
		updates = append(updates, keyBestHead.ValueSet(v))
	}
	if v, ok := metrics[tail.Name]; ok {
		updates = append(updates, keyBestTail.ValueSet(v))
	}
	return updates
}

// label is a trial in a few words: "#3 alignment.weight=0 infonce.weight=0.3".
func label(a sweep.Assignment) string {
	words := []string{fmt.Sprintf("#%d", a.Number)}
	if a.Kind == sweep.KindBaseline {
		words = append(words, fmt.Sprintf("baseline seed=%d", a.Seed))
	}
	for _, name := range names(a.Params) {
		words = append(words, name+"="+a.Params[name].String())
	}
	return strings.Join(words, " ")
}

func names(p sweep.Params) []string {
	sorted := make([]string, 0, len(p))
	//workflowcheck:ignore
	for name := range p {
		sorted = append(sorted, name)
	}
	slices.Sort(sorted)
	return sorted
}

// clip shortens a summary to what the server accepts.
func clip(s string) string { return text.Clip(s, summaryLimit) }

// stateOf is a trial's state for lists: running until it has a status.
func stateOf(t sweep.Trial) string {
	if t.Status == "" {
		return string(conduct.PhaseRunning)
	}
	return string(t.Status)
}

// show puts the trial into the Temporal UI; doing is what happens now.
func (t *trial) show(doing string) {
	workflow.SetCurrentDetails(t.last, trialDetails(t.machine.Result, doing))
	if state := stateOf(t.machine.Result); state != t.shown {
		t.shown = state
		upsert(t.last, append([]temporal.SearchAttributeUpdate{
			keySweep.ValueSet(t.spec.Name), keyState.ValueSet(state),
		}, headAndTail(t.spec, t.spec.Values(t.machine.Result))...))
	}
}

// page is Markdown, one entry per line.
type page []string

func (p *page) line(format string, args ...any) { *p = append(*p, fmt.Sprintf(format, args...)) }

func (p page) String() string { return strings.Join(p, "\n") + "\n" }

// metrics adds a table, in the order of sweep's list.
func (p *page) metrics(metrics map[string]float64) {
	if len(metrics) == 0 {
		return
	}
	p.line("\n| metric | value |\n|---|---|")
	for _, name := range sweep.MetricNames(metrics) {
		p.line("| %s | %.5g |", name, metrics[name])
	}
}

// rungs adds the metrics at each rung, and the verdict.
func (p *page) rungs(rungs []sweep.Rung) {
	for _, r := range rungs {
		why := ""
		if r.Reason != "" {
			why = ": " + r.Reason
		}
		p.line("\n**Rung at step %d**%s", r.Step, why)
		p.metrics(r.Metrics)
	}
}

// trialDetails is a trial as Markdown.
func trialDetails(t sweep.Trial, doing string) string {
	var p page
	if doing != "" {
		doing = ": " + doing
	}
	p.line("**Trial %d** is %s%s\n", t.Number, stateOf(t), doing)
	p.line("| parameter | value |\n|---|---|")
	for _, name := range names(t.Params) {
		p.line("| %s | %s |", name, t.Params[name])
	}
	p.line("| seed | %d |\n", t.Seed)
	if t.Error != nil {
		p.line("**%s**: %s\n", t.Error.Class, text.FirstLine(t.Error.Message))
	}
	checkpoint := ""
	if t.Checkpoint != "" {
		checkpoint = ", last checkpoint: `" + t.Checkpoint + "`"
	}
	p.line("Attempts: %d, trained steps: %d%s", t.Attempts, t.Steps, checkpoint)
	p.metrics(t.Metrics)
	p.rungs(t.Rungs)
	return p.String()
}

// show puts the sweep into the Temporal UI and its numbers into Prometheus when they
// changed: at once if its phase or what blocks it changed, otherwise at most once every
// showEvery, since each time costs as much as several activities.
func (s *sweepRun) show() {
	p := s.progress()
	workflow.SetCurrentDetails(s.ctx, sweepDetails(p))
	now := viewOf(p)
	if now == s.shown {
		return
	}
	wait := s.showAfter.Sub(workflow.Now(s.ctx))
	if wait > 0 && now.phase == s.shown.phase && now.blocked == s.shown.blocked && !s.machine.Closed && !s.continuing {
		s.showLater(wait)
		return
	}
	s.shown, s.showAfter = now, workflow.Now(s.ctx).Add(showEvery)
	updates := append([]temporal.SearchAttributeUpdate{
		keySweep.ValueSet(p.Name), keyState.ValueSet(string(p.Phase)),
		keyDone.ValueSet(int64(p.Finished)), keyGPUHours.ValueSet(p.GPUHours),
	}, headAndTail(s.machine.Spec(), bestMetrics(p))...)
	upsert(s.ctx, updates)
	head, tail := s.machine.Spec().HeadAndTail()
	memo := map[string]any{memoTrials: now.counts, memoBest: now.best, MemoBlocked: now.blocked, MemoHead: head.Name, MemoTail: tail.Name}
	if err := workflow.UpsertMemo(s.ctx, memo); err != nil {
		workflow.GetLogger(s.ctx).Warn("cannot show the memo", "error", err)
	}
	s.record()
}

// showLater has run call show after a time.
func (s *sweepRun) showLater(wait time.Duration) {
	if s.showing {
		return
	}
	s.showing = true
	workflow.Go(s.ctx, func(ctx workflow.Context) {
		err := workflow.NewTimerWithOptions(ctx, wait, workflow.TimerOptions{Summary: "show the latest numbers"}).Get(ctx, nil)
		if err != nil {
			workflow.GetLogger(ctx).Error("a timer is lost", "error", err)
		}
		s.showing, s.changed = false, true
	})
}

// record exports the sweep's numbers to Prometheus, one activity at a time; the latest
// values win. The activity is local: it costs no workflow task. Only the end of the run
// waits for it.
func (s *sweepRun) record() {
	if s.recording {
		return
	}
	s.recording = true
	workflow.Go(s.ctx, func(ctx workflow.Context) {
		for recorded := (view{}); recorded != s.shown; {
			recorded = s.shown
			in := activities.RecordInput{Sweep: s.machine.Spec().Name, Numbers: Numbers(s.progress())}
			if err := workflow.ExecuteLocalActivity(recording(ctx), "Record", in).Get(ctx, nil); err != nil {
				workflow.GetLogger(ctx).Warn("cannot record the sweep's numbers", "error", err)
			}
		}
		s.recording = false
	})
}

// Numbers are a sweep's gauges.
func Numbers(p conduct.Progress) activities.SweepNumbers {
	n := activities.SweepNumbers{
		Objectives: p.Objectives, Free: p.Free,
		Running: len(p.Running), ByStatus: p.Counts, Planned: p.Planned, Best: bestMetrics(p),
		GPUHours: p.GPUHours, Active: p.EndedAt == nil,
	}
	for _, b := range p.Blocked {
		n.Blocked = append(n.Blocked, b.Reason)
	}
	return n
}

func bestMetrics(p conduct.Progress) map[string]float64 {
	if p.Best == nil {
		return nil
	}
	return p.Best.Metrics
}

// blockedLimit bounds the cause of a block in the memo, in bytes. It is long enough for the
// key of a damaged object and the command that repairs it.
const blockedLimit = 1000

// view is what lists show of a sweep; it is compared to see what changed.
type view struct {
	phase    conduct.Phase
	finished int
	counts   string
	best     string
	blocked  string
}

func viewOf(p conduct.Progress) view {
	v := view{phase: p.Phase, finished: p.Finished, counts: countsText(p)}
	if len(p.Blocked) > 0 {
		v.blocked = text.Clip(p.Blocked[0].Text(), blockedLimit)
	}
	if p.Best != nil {
		v.best = label(sweep.Assignment{Number: p.Best.Number, Params: p.Best.Params})
	}
	return v
}

const timeFormat = "2006-01-02 15:04:05 MST"

// countsText is "3 completed, 1 failed, 2 running of 12".
func countsText(p conduct.Progress) string {
	var parts []string
	for _, status := range sweep.StatusList() {
		if n := p.Counts[status]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, status))
		}
	}
	parts = append(parts, fmt.Sprintf("%d running", len(p.Running)))
	text := strings.Join(parts, ", ")
	if p.Planned > 0 {
		text += fmt.Sprintf(" of %d", p.Planned)
	}
	return text
}

// sweepDetails is a sweep as Markdown.
func sweepDetails(progress conduct.Progress) string {
	var p page
	message := ""
	if progress.Message != "" {
		message = " (" + text.FirstLine(progress.Message) + ")"
	}
	p.line("**Sweep %s** is %s%s\n", progress.Name, progress.Phase, message)
	p.line("| | |\n|---|---|\n| trials | %s |\n| GPU-hours | %.3g |", countsText(progress), progress.GPUHours)
	if best := progress.Best; best != nil {
		p.line("| best | %s |", label(sweep.Assignment{Number: best.Number, Params: best.Params}))
		p.metrics(best.Metrics)
	}
	for _, b := range progress.Blocked {
		p.line("\n**Blocked** since %s: %s", b.Since.Format(timeFormat), b.Text())
	}
	if len(progress.Running) > 0 {
		p.line("\nRunning:\n")
		for _, r := range progress.Running {
			verdict := ""
			if r.Verdict != nil {
				verdict = "; " + r.Verdict.Reason
			}
			p.line("- %s, since %s%s", label(r.Assignment), r.StartedAt.Format(timeFormat), verdict)
		}
	}
	return p.String()
}
