package conduct

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
	"github.com/tailsweep/tailsweep/sweep/stopping"
)

// after is the phase that follows a command, by the documentation.
func after(p Phase, command string) (Phase, bool) {
	next, ok := map[string]map[Phase]Phase{
		CommandPause:  {PhaseRunning: PhasePaused},
		CommandResume: {PhasePaused: PhaseRunning, PhaseStopped: PhaseRunning, PhaseCancelled: PhaseRunning, PhaseFailed: PhaseRunning, PhaseTerminated: PhaseRunning},
		CommandStop:   {PhaseRunning: PhaseStopping, PhasePaused: PhaseStopping},
		CommandCancel: {PhaseRunning: PhaseCancelling, PhasePaused: PhaseCancelling, PhaseStopping: PhaseCancelling},
	}[command][p]
	return next, ok
}

func (w *world) command(name string, n int) {
	for range 3 { // what time alone changes
		w.step(Tick{})
	}
	e, ok := w.commanded(name, n)
	if !ok || w.m.Phase.Final() && w.unstarted() { // the ledger may have a trial that never started
		return
	}
	phase := w.phase
	if w.m.FailReason != "" && !w.m.Phase.Final() {
		phase = PhaseCancelling
	}
	if w.m.Phase.Final() {
		phase = w.m.Phase
	}
	err := w.m.Check(e)
	if next, ok := after(phase, name); plain(name) {
		if (err == nil) != ok {
			w.fail("command %s while %s: accepted %v, want %v", name, phase, err == nil, ok)
		}
		if ok {
			w.phase = next
		}
	}
	if err != nil {
		before := asJSON(w.m.State)
		if w.step(e); asJSON(w.m.State) != before {
			w.fail("command %s is refused, and changes the state", name)
		}
		return
	}
	for i := range len(e.Points) + len(e.Retry) {
		w.asked[w.m.Requests+1+i] = true
	}
	misfits := w.misfits(e.Spec)
	for _, request := range misfits {
		w.dropped[request] = true
	}
	if e.Set != nil && *e.Set.Concurrency < len(w.m.Running) {
		w.lowered = true
	}
	if w.m.Phase.Final() && (opens(name) || name == CommandEdit && w.m.Phase == PhaseCompleted) {
		w.phase, w.bugs, w.cut, w.since = PhaseRunning, nil, false, len(w.ledger())
	}
	if name == CommandPin {
		i := slices.IndexFunc(w.ledger(), func(t sweep.Trial) bool { return t.Number == e.Trials[0] })
		if i < 0 || !slices.Contains(w.m.Removals, w.ledger()[i].Checkpoint) {
			w.safe[e.Trials[0]] = true
		}
	}
	w.step(e)
	if said := slices.ContainsFunc(w.m.CommandLog, func(e CommandEntry) bool { return e.Command == EntrySkip && e.At.Equal(w.now) }); len(misfits) > 0 && !said {
		w.fail("requests %v are dropped, and the command log does not say it", misfits)
	}
	if w.m.Closed && len(w.m.Unsaved) > 0 {
		w.fail("command %s is accepted and will not be stored", name)
	}
}

// misfits are the requests with which the space of an edited spec has no equal configuration; a
// retry never is one.
func (w *world) misfits(edited *sweep.Spec) (requests []int) {
	if edited == nil {
		return nil
	}
	fitter := space.NewFitter(edited)
	for _, a := range w.m.Queue {
		if a.Reason.Sampler == sweep.SourceRetry {
			continue
		}
		if _, ok, _ := fitter.Fit(a); !ok {
			requests = append(requests, a.Request)
		}
	}
	return requests
}

// opens reports whether a command continues a sweep that has ended.
func opens(name string) bool {
	return slices.Contains([]string{CommandResume, CommandExtend, CommandEnqueue, CommandRetry}, name)
}

// plain reports whether the phase alone says whether a command is accepted.
func plain(name string) bool {
	return slices.Contains([]string{CommandPause, CommandResume, CommandStop, CommandCancel}, name)
}

// commanded is a command with its fields, which n chooses.
func (w *world) commanded(name string, n int) (e Commanded, ok bool) {
	n = max(n, 0)
	e = Commanded{Name: name, Command: Command{By: "ann"}}
	ledger := w.ledger()
	switch name {
	case CommandExtend:
		e.Extend = &Extension{}
		if n%2 == 0 {
			e.Extend.RunCap = &Amount{Value: float64(1 + n%3), Add: true}
		}
		if n%3 == 0 {
			e.Extend.GPUHours = &Amount{Value: 0.5, Add: true}
		}
		if n%5 == 0 {
			e.Extend.WallClock = &Amount{Value: w.m.elapsed().Seconds() + 1800}
		}
	case CommandSet:
		concurrency := 1 + n%4
		e.Set = &Changes{Concurrency: &concurrency}
	case CommandEnqueue:
		for i := range 1 + n%2 {
			e.Points = append(e.Points, sweep.Params{"infonce.weight": sweep.Number(float64(n%7+i) / 8)})
		}
	case CommandRetry:
		if len(ledger) == 0 {
			return e, false
		}
		e.Retry = []sweep.Assignment{ledger[n%len(ledger)].Assignment}
	case CommandPin:
		e.Trials = []int{n % max(w.m.Next, 1)}
		w.everPinned[e.Trials[0]] = true
	case CommandUnpin:
		if len(w.m.Pinned) == 0 {
			return e, false
		}
		e.Trials = w.m.Pinned[:1:1]
	case CommandEdit:
		spec := *w.m.Spec()
		if n >= 60 {
			spec.Parameters, spec.Method = w.otherSearch(n)
			e.Spec = &spec
			return e, true
		}
		switch n % 7 {
		case 0:
			spec.Metrics = []sweep.Objective{{Name: "fid.head", Goal: sweep.Minimize}}
		case 1:
			limit, err := sweep.ParseConstraint("fid.head <= 40")
			if err != nil {
				panic(err)
			}
			spec.Constraints = []sweep.Constraint{limit}
		case 2:
			spec.Constraints = nil
		case 3:
			most := 0.3
			spec.Gates = &sweep.Gates{MaxMemorisedRatio: &most}
		case 4:
			spec.Gates, spec.EarlyTerminate = nil, nil
		case 5:
			spec.Checkpoints.SaveSweepBest = 1 + n%3
		case 6:
			spec.Budget = sweep.Budget{RunCap: 1 + n%12}
		}
		e.Spec = &spec
		w.edited = true
	}
	return e, true
}

// otherSearch is the search space of an edit, or the method. No result depends on them.
func (w *world) otherSearch(n int) (sweep.Space, sweep.Method) {
	spec := w.m.Spec()
	space := slices.Clone(spec.Parameters)
	switch which := n / 3; n % 3 {
	case 0: // another range
		p := &space[which%len(space)]
		p.Min = width * float64(which%4)
		p.Max = p.Min + width
	case 1: // one parameter more, or one less
		if len(space) == 1 {
			names := []string{"alignment.weight", "infonce.weight"}
			name := names[0]
			if space[0].Name == name {
				name = names[1]
			}
			space = append(space, sweep.Parameter{Name: name, Distribution: sweep.DistUniform, Max: width})
			slices.SortFunc(space, func(a, b sweep.Parameter) int { return strings.Compare(a.Name, b.Name) })
			break
		}
		space = slices.Delete(space, which%2, which%2+1)
	case 2:
		return space, []sweep.Method{sweep.MethodRandom, sweep.MethodSobol, sweep.MethodTPE, sweep.MethodBayes}[which%4]
	}
	return space, spec.Method
}

// restore is the end of the workflow from outside, or long after its own end: what
// follows continues from the store.
func (w *world) restore() {
	if w.unstarted() { // the ledger may have a trial that never started
		return
	}
	var snapshot *State
	if w.saved != nil {
		if err := json.Unmarshal(w.saved, &snapshot); err != nil {
			w.fail("the snapshot does not come back from JSON: %v", err)
		}
	}
	w.unsure = w.unsure || !w.m.Closed
	w.cut = true
	st := Restore(w.spec, w.m.StartedAt, snapshot, slices.Concat(w.segments...), len(w.segments), func(key string) bool { return w.stored[key] })
	data := asJSON(st)
	w.reload([]byte(data))
	if w.m.Segments != len(w.segments) {
		w.fail("%d of %d segments are restored", w.m.Segments, len(w.segments))
	}
	w.flight, w.last, w.marks, w.bugs = nil, map[string]Event{}, nil, nil
	w.verdicts = map[[2]int]stopping.Verdict{}
	w.ended, w.phase = true, w.m.Phase
	w.resets += 1
	for _, p := range w.trials {
		p.child, p.suspected, p.stuck = false, false, false
	}
	if actions := w.m.Step(w.now, Resumed{}); len(actions) > 0 {
		w.fail("a sweep that has ended acts: %s", asJSON(actions))
	}
	w.checkCheckpoints(w.ledger())
}
