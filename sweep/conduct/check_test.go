package conduct

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
	"github.com/tailsweep/tailsweep/sweep/space"
	"github.com/tailsweep/tailsweep/sweep/stopping"
)

// ledger is what the state machine has accounted for.
func (w *world) ledger() []sweep.Trial { return slices.Concat(w.segments[:w.m.Segments]...) }

// slots is the time that the ledger's trials held slots.
func (w *world) slots() time.Duration {
	var sum time.Duration
	for _, t := range w.ledger() {
		sum += time.Duration(t.TrainTime * float64(time.Second))
	}
	return sum
}

// sameFaults is how many trials at the end of the ledger failed with the same fault;
// most is the longest such row.
func sameFaults(ledger []sweep.Trial) (most int) {
	row, fault := 0, ""
	for _, t := range ledger {
		if t.Status == sweep.StatusCancelled {
			continue
		}
		own := ""
		if t.Status == sweep.StatusFailed { // the world's messages differ in their first word, or in numbers alone
			own = string(t.Error.Class) + strings.Fields(t.Error.Message)[0]
		}
		switch {
		case own == "":
			row = 0
		case row > 0 && own == fault:
			row++
		default:
			row, fault = 1, own
		}
		most = max(most, row)
	}
	return most
}

// issued checks an action as it is issued. A Save of a state alone may be larger (see doc.go), but
// none that the simulation plays is.
func (w *world) issued(a Action) {
	if n := SizeOf(a); n > 256<<10 {
		w.fail("a payload has %d bytes: %T", n, a)
	}
	switch a := a.(type) {
	case Suggest:
		w.suggesting[a.ID] = w.m.Spec()
		if a.Segments != w.m.Segments {
			w.fail("a suggestion uses %d segments of the ledger, it has %d", a.Segments, w.m.Segments)
		}
		if edited := len(w.changed) > 0; a.Edited != edited && w.resets == 0 {
			w.fail("the spec was changed: %v, a suggestion is asked for as if that were %v", edited, a.Edited)
		}
	case Start:
		w.checkStart(a.Assignment)
	case SendVerdict:
		w.checkAnswer(a)
	case CancelTrial:
		if w.m.Phase != PhaseCancelling {
			w.fail("trial %d is cancelled while the sweep is %s", a.Trial, w.m.Phase)
		}
	case Curate:
		for _, t := range w.m.pointed() {
			if slices.Contains(a.Remove, t.Checkpoint) {
				w.fail("checkpoint %s is pointed at and removed", t.Checkpoint)
			}
		}
	}
}

func (w *world) checkStart(a sweep.Assignment) {
	n, baselines := a.Number, len(space.Baselines(w.m.Spec()))
	again := n < w.decided
	w.decided = max(w.decided, n+1)
	if again || w.born(n) { // it was decided before, by the rules of that time
		return
	}
	if w.phase != PhaseRunning {
		w.fail("trial %d starts while the sweep is %s", n, w.phase)
	}
	if most := sameFaults(w.ledger()[w.since:]); most >= 3 {
		w.fail("trial %d starts after %d equal faults in a row", n, most)
	}
	if a.Request > 0 {
		if !w.asked[a.Request] {
			w.fail("trial %d starts for request %d, which nobody made", n, a.Request)
		}
		if err := space.CheckPoint(w.m.Spec(), a.Params); err != nil && a.Reason.Sampler != sweep.SourceRetry {
			w.fail("requested trial %d starts outside of the space of the spec in force: %v", n, err)
		}
		return
	}
	if n < baselines {
		if a.Kind != sweep.KindBaseline {
			w.fail("trial %d is no baseline trial", n)
		}
		return
	}
	if err := space.CheckPoint(w.m.Spec(), a.Params); err != nil {
		w.fail("search trial %d starts outside of the space of the spec in force: %v", n, err)
	}
	b := w.m.Spec().Budget
	if b.RunCap > 0 && n-baselines-w.m.Retried >= b.RunCap {
		w.fail("search trial %d starts, budget.run_cap is %d", n-baselines, b.RunCap)
	}
	if b.GPUHours > 0 && w.slots().Hours() >= b.GPUHours {
		w.fail("trial %d starts after %g of %g gpu_hours", n, w.slots().Hours(), b.GPUHours)
	}
	if wall := time.Duration(b.WallClock); wall > 0 && w.now.Sub(w.m.StartedAt)-w.m.Idle >= wall {
		w.fail("trial %d starts after %v of wall_clock %v", n, w.now.Sub(w.m.StartedAt)-w.m.Idle, wall)
	}
}

func (w *world) checkAnswer(a SendVerdict) {
	if slices.ContainsFunc(w.ledger(), func(t sweep.Trial) bool { return t.Number == a.Trial }) {
		return
	}
	at := [2]int{a.Trial, a.Verdict.Step}
	if first, given := w.verdicts[at]; given && first != a.Verdict.Verdict && (w.resets == 0 || !w.edited) {
		w.fail("trial %d at step %d: the verdict was %v and is now %v", a.Trial, a.Verdict.Step, first, a.Verdict.Verdict)
	}
	w.verdicts[at] = a.Verdict.Verdict
	if a.Trial < len(space.Baselines(w.m.Spec())) && a.Verdict.Decision == stopping.Stop {
		w.fail("baseline trial %d is stopped", a.Trial)
	}
}

// check checks what is true after every event.
func (w *world) check() {
	m := w.m
	n := len(m.Running)
	if n > w.m.Spec().MaxConcurrentTrials && n > w.ran && w.resets == 0 {
		w.fail("%d trials are running, max_concurrent_trials is %d", n, w.m.Spec().MaxConcurrentTrials)
	}
	w.ran = n
	ledger := w.ledger()
	counts := map[sweep.Status]int{}
	for _, t := range ledger {
		counts[t.Status]++
		if !m.isFinished(t.Number) {
			w.fail("trial %d is in the ledger and not finished", t.Number)
		}
	}
	if m.finished() != len(ledger) {
		w.fail("%d trials are finished, the ledger has %d", m.finished(), len(ledger))
	}
	if fmt.Sprint(counts) != fmt.Sprint(m.Counts) {
		w.fail("counts are %v, the ledger has %v", m.Counts, counts)
	}
	if m.SlotTime != w.slots() {
		w.fail("slot time is %v, the ledger has %v", m.SlotTime, w.slots())
	}
	for n := range m.Next {
		if !m.isFinished(n) && m.running(n) == nil {
			w.fail("trial %d is neither running nor finished", n)
		}
	}
	w.checkCheckpoints(ledger)
	w.checkRungs(ledger)
	w.checkBlocked()
	w.checkRequests(ledger)
	w.checkRetries()
	if w.resets == 0 && m.Idle != w.idle {
		w.fail("the sweep has been idle for %v, the state says %v", w.idle, m.Idle)
	}
	stuck := slices.ContainsFunc(w.trials, func(p *player) bool { return p.stuck && m.running(p.a.Number) != nil })
	if shown := slices.ContainsFunc(m.Progress("").Blocked, func(b Block) bool { return b.Kind == KindTrial }); shown != stuck && !w.m.Phase.Final() {
		w.fail("a trial is blocked: %v, and shown: %v", stuck, shown)
	}
}

// checkRequests checks that each request that was accepted is in the list of requests,
// running or in the ledger, once.
func (w *world) checkRequests(ledger []sweep.Trial) {
	if w.resets > 0 {
		return
	}
	found := map[int]int{}
	fitter := space.NewFitter(w.m.Spec())
	for _, a := range w.m.Queue {
		found[a.Request]++
		if params, ok, same := fitter.Fit(a); ok && !same && a.Reason.Sampler != sweep.SourceRetry {
			w.fail("request %d has the parameters %s, and in the spec in force they are %s", a.Request, a.Params.Key(), params.Key())
		}
	}
	for _, r := range w.m.Running {
		found[r.Request]++
	}
	for _, t := range ledger {
		found[t.Request]++
	}
	for id := range w.asked {
		switch {
		case w.dropped[id] && found[id] > 0:
			w.fail("request %d is there, and an edit dropped it", id)
		case w.dropped[id]:
		case found[id] != 1:
			w.fail("request %d is there %d times", id, found[id])
		}
	}
}

// checkRetries checks that a configuration and seed has one retry at a time.
func (w *world) checkRetries() {
	if w.resets > 0 {
		return
	}
	asked := slices.Clone(w.m.Queue)
	for _, r := range w.m.Running {
		asked = append(asked, r.Assignment)
	}
	seen := map[string]bool{}
	for _, a := range asked {
		if a.Reason.Sampler != sweep.SourceRetry {
			continue
		}
		key := fmt.Sprint(a.Params.Key(), " seed ", a.Seed)
		if seen[key] {
			w.fail("%s is retried twice at a time", key)
		}
		seen[key] = true
	}
}

// checkCheckpoints checks that each checkpoint of the ledger that is there is kept, or
// scheduled for removal.
func (w *world) checkCheckpoints(ledger []sweep.Trial) {
	for _, t := range ledger {
		pinned := slices.Contains(w.m.Pinned, t.Number)
		kept := among(w.m.Leaders, t) || among(w.m.Gated, t)
		switch {
		case t.Checkpoint == "" || t.Status == sweep.StatusFailed || t.Status == sweep.StatusCancelled || t.Limit != "":
			if t.Checkpoint != "" && (!w.stored[t.Checkpoint] || slices.Contains(w.m.Removals, t.Checkpoint)) {
				w.fail("%s of a trial that is %s is not kept", t.Checkpoint, t.Status)
			}
		case pinned && w.safe[t.Number] && slices.Contains(w.m.Removals, t.Checkpoint) && w.resets == 0:
			w.fail("%s is pinned and scheduled for removal", t.Checkpoint)
		case kept && slices.Contains(w.m.Removals, t.Checkpoint):
			w.fail("%s is kept and scheduled for removal", t.Checkpoint)
		case !kept && !pinned && !w.everPinned[t.Number] && w.stored[t.Checkpoint] && !slices.Contains(w.m.Removals, t.Checkpoint):
			w.fail("%s is neither kept nor scheduled for removal", t.Checkpoint)
		}
	}
}

// checkRungs checks that the results at rungs of the ledger's trials are remembered, since
// verdicts depend on them.
func (w *world) checkRungs(ledger []sweep.Trial) {
	if w.edited { // which may change the rungs
		return
	}
	for _, t := range ledger {
		for _, r := range t.Rungs {
			known := 0
			for _, o := range w.m.Rungs {
				if o.Trial == t.Number && o.Step == r.Step {
					known++
				}
			}
			if known != 1 && t.Kind == sweep.KindSearch {
				w.fail("the result of trial %d at step %d is remembered %d times", t.Number, r.Step, known)
			}
		}
	}
}

// checkBlocked checks that an outstanding task is in flight, or said to be blocked.
func (w *world) checkBlocked() {
	for _, place := range w.m.places() {
		t := *place
		if t == nil || w.ended || w.m.Phase.Final() && t.Kind != KindSave {
			continue
		}
		blocked := slices.ContainsFunc(w.m.Blocked, func(b Block) bool { return b.Kind == t.Kind })
		if w.find(string(t.Kind), t.ID) < 0 && !blocked {
			w.fail("%s is outstanding, and neither in flight nor blocked", t.Kind)
		}
	}
}

// checkSilent checks, when nothing is in flight, that the end of a trial that the
// state machine has received is known.
func (w *world) checkSilent() {
	if len(w.m.Blocked) > 0 {
		return
	}
	for n, p := range w.trials {
		if p.suspected && p.closed && w.m.running(n) != nil {
			w.fail("trial %d has ended, the machine has received that event and waits for the clock", n)
		}
	}
}

// checkEnd checks a sweep that has ended.
func (w *world) checkEnd() {
	if w.cut { // as it was restored
		return
	}
	m := w.m
	gaveUp := strings.Contains(m.Message, "given up")
	if gaveUp && m.CancelledAt == nil && !strings.Contains(m.Message, "point at the best") && !strings.Contains(m.Message, "store the commands") {
		w.fail("a sweep that nobody cancelled gives up: %s", m.Message)
	}
	if !gaveUp && w.resets == 0 && !maps.Equal(w.changed, w.versions) {
		w.fail("commands %v changed the spec, the versions of %v are stored", slices.Sorted(maps.Keys(w.changed)), slices.Sorted(maps.Keys(w.versions)))
	}
	if !gaveUp && w.resets == 0 {
		w.checkSaved()
	}
	if !gaveUp && !m.LedgerBroken {
		w.checkLedger()
		w.checkKept()
	}
	if len(w.bugs) == 0 {
		w.checkReason()
	} else if m.Phase != PhaseFailed || !strings.Contains(m.Message, ": on purpose") && sameFaults(w.ledger()[w.since:]) < 3 {
		w.fail("a bug ends the sweep as %s: %q", m.Phase, m.Message)
	}
}

// checkSaved checks that the state after the last command is stored.
func (w *world) checkSaved() {
	var saved State
	if err := json.Unmarshal(w.saved, &saved); err != nil {
		w.fail("the stored state does not come back from JSON: %v", err)
	}
	if saved.Phase != w.m.Phase || saved.Entries != w.m.Entries {
		w.fail("the sweep is %s with %d entries, the stored state is %s with %d", w.m.Phase, w.m.Entries, saved.Phase, saved.Entries)
	}
}

// checkLedger checks that every trial that was started is in the ledger.
func (w *world) checkLedger() {
	want := make([]int, w.m.Next)
	for i := range want {
		want[i] = i
	}
	got := numbers(w.ledger())
	slices.Sort(got)
	if !slices.Equal(want, got) {
		w.fail("the ledger has %v of trials 0 to %d", got, w.m.Next-1)
	}
	if w.born(w.m.Next) && !w.orphans {
		w.fail("trial %d was started, the state does not know it", w.m.Next)
	}
}

// checkKept checks the pointer and the checkpoints at the end.
func (w *world) checkKept() {
	m := w.m
	if len(m.Removals) > 0 {
		w.fail("the sweep has ended, and %v are not removed", m.Removals)
	}
	if !slices.Equal(w.best, numbers(m.pointed())) && !m.Rerank && !w.orphans && (!w.edited || w.resets == 0) { // an edit after the end waits for the sweep to continue
		w.fail("the pointer names %v, the best are %v", w.best, numbers(m.pointed()))
	}
	if len(m.Leaders)+len(m.Gated) > w.m.Spec().KeptCheckpoints() && !m.Rerank {
		w.fail("%d checkpoints are kept, the spec keeps %d", len(m.Leaders)+len(m.Gated), w.m.Spec().KeptCheckpoints())
	}
	for _, t := range slices.Concat(m.Leaders, m.Gated) {
		if t.Checkpoint != "" && !w.stored[t.Checkpoint] && !w.orphans && (!w.edited || w.resets == 0) { // a history that was cut off kept others
			w.fail("%s is kept and was removed", t.Checkpoint)
		}
	}
	if w.m.Spec().RanksAlone() && !w.edited { // an edit cannot bring a checkpoint back
		ranked := numbers(analysis.ByMetrics(w.m.Spec(), w.ledger()))
		if best := ranked[:min(len(ranked), w.m.Spec().Checkpoints.SaveSweepBest)]; !slices.Equal(best, numbers(m.pointed())) {
			w.fail("the best are %v, the ledger says %v", numbers(m.pointed()), best)
		}
	}
}

// checkReason checks that a sweep ends for the reason that it gives.
func (w *world) checkReason() {
	m, b := w.m, w.m.Spec().Budget
	searched := m.Next - len(space.Baselines(w.m.Spec()))
	var ok bool
	switch why := m.Message; {
	case m.Phase == PhaseFailed && strings.Contains(why, "in a row failed"):
		ok = sameFaults(w.ledger()[w.since:]) >= 3
	case m.Phase == PhaseFailed:
		ok = strings.HasPrefix(why, "every trial failed") && m.Counts[sweep.StatusFailed] == len(w.ledger())
	case m.Phase == PhaseStopped:
		ok = w.phase == PhaseStopping && strings.HasPrefix(why, "stop by ann")
	case m.Phase == PhaseTerminated:
		ok = strings.HasPrefix(why, "its workflow was ended")
	case m.Phase == PhaseCancelled:
		ok = w.phase == PhaseCancelling && (strings.HasPrefix(why, "cancel by ann") || strings.HasPrefix(why, "cancel by temporal"))
	case strings.HasPrefix(why, "every configuration"):
		ok = m.Exhausted
	case strings.HasPrefix(why, "budget.run_cap"):
		ok = searched-m.Retried >= b.RunCap
	case strings.HasPrefix(why, "budget.gpu_hours"):
		ok = w.slots().Hours() >= b.GPUHours
	case strings.HasPrefix(why, "budget.wall_clock"):
		ok = w.now.Sub(m.StartedAt)-m.Idle >= time.Duration(b.WallClock)
	}
	if !ok {
		w.fail("the sweep is %s, %q, and that is not so: %s", m.Phase, m.Message, asJSON(m.State))
	}
	if m.Phase != PhaseFailed && sameFaults(w.ledger()[w.since:]) >= 3 && m.CancelledAt == nil {
		w.fail("three equal faults in a row, and the sweep is %s", m.Phase)
	}
}
