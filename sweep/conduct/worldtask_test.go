package conduct

import (
	"math"
	"slices"

	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/stopping"
)

// kindOf names an action in moves.
func kindOf(a Action) (kind string, id int) {
	switch a := a.(type) {
	case Suggest:
		return "suggest", a.ID
	case Start:
		return "start", a.ID
	case Append:
		return "append", a.ID
	case Rank:
		return "rank", a.ID
	case Curate:
		return "curate", a.ID
	case Look:
		return "look", a.ID
	case Save:
		return "save", a.ID
	case SendVerdict:
		return "answer", a.Trial
	case CancelTrial:
		return "cancel", a.Trial
	}
	return "end", 0
}

func (w *world) find(kind string, id int) int {
	return slices.IndexFunc(w.flight, func(a Action) bool {
		k, n := kindOf(a)
		return k == kind && (id < 0 || n == id)
	})
}

// task completes the action of a kind: ok; half, its effect happens and it fails;
// fail, it has no effect; effect, it happens and its completion is on its way; dup,
// the last completion comes again.
func (w *world) task(kind, how, reason string) {
	if how == "dup" {
		if e, ok := w.last[kind]; ok {
			w.step(e)
		}
		return
	}
	i := w.find(kind, -1)
	if i < 0 {
		return
	}
	a := w.flight[i]
	_, id := kindOf(a)
	var done Event
	if how != "fail" {
		done = w.effect(a)
	}
	if how == "effect" {
		return
	}
	w.flight = slices.Delete(w.flight, i, i+1)
	if how == "half" || how == "fail" {
		done = Failed{id, BlockCause{Reason: block.Reason(reason), Message: "on purpose", Permanent: reason == "bug"}}
		_, starts := w.starting(id)
		if reason == "bug" && (starts || w.m.Main != nil && w.m.Main.ID == id) { // else it is late, or does not matter
			if w.m.Phase.Final() { // nor does it matter for an end that is being stored
				w.lateStart = w.lateStart || starts
			} else {
				w.bugs = append(w.bugs, kind)
			}
		}
	}
	w.last[kind] = done
	if r, ok := done.(StartRefused); ok {
		if n, ok := w.starting(r.ID); ok {
			w.trials[n].suspected = true
		}
	}
	w.step(done)
}

// starting is the trial whose start has this ID.
func (w *world) starting(id int) (number int, ok bool) {
	i := slices.IndexFunc(w.m.Running, func(r Running) bool { return r.Starting != nil && r.Starting.ID == id })
	if i < 0 {
		return 0, false
	}
	return w.m.Running[i].Number, true
}

// unstarted reports whether a trial's start failed for good: the ledger may have a trial that
// never started.
func (w *world) unstarted() bool { return w.lateStart || slices.Contains(w.bugs, "start") }

// born reports whether a trial has started.
func (w *world) born(number int) bool {
	return number >= 0 && number < len(w.trials) && !w.trials[number].unborn
}

// request completes an answer or a cancellation.
func (w *world) request(kind string, trial int, lost bool) {
	i := w.find(kind, trial)
	if i < 0 {
		return
	}
	a := w.flight[i]
	w.flight = slices.Delete(w.flight, i, i+1)
	if !w.born(trial) { // its start failed
		w.step(CancelAsked{trial, true})
		return
	}
	p := w.trials[trial]
	lost = lost && p.closed // Temporal may accept what is for a closed workflow
	p.suspected = p.suspected || lost
	if answer, ok := a.(SendVerdict); ok {
		if !p.closed && p.waits && p.rungs[0] == answer.Verdict.Step {
			p.verdict = &answer.Verdict
		}
		w.step(VerdictSent{trial, answer.Verdict.Step, lost})
		return
	}
	p.cancel = true
	w.step(CancelAsked{trial, lost})
}

// effect is what an action does to the world, and its completion.
func (w *world) effect(a Action) Event {
	switch a := a.(type) {
	case Suggest:
		return w.suggest(a)
	case Start:
		n := a.Assignment.Number
		if w.born(n) {
			return StartRefused{a.ID}
		}
		for len(w.trials) <= n {
			w.trials = append(w.trials, &player{a: sweep.Assignment{Number: len(w.trials)}, closed: true, unborn: true})
		}
		*w.trials[n] = (player{a: a.Assignment, spec: w.m.Spec(), startedAt: w.now, child: true, rungs: slices.Clone(stopping.TrialRungs(w.m.Spec(), a.Assignment))})
		alive := 0
		for _, p := range w.trials {
			if !p.closed {
				alive++
			}
		}
		if alive > w.m.Spec().MaxConcurrentTrials && !w.lowered && w.resets == 0 {
			w.fail("%d trials are in flight, max_concurrent_trials is %d", alive, w.m.Spec().MaxConcurrentTrials)
		}
		return Started{a.ID}
	case Append:
		return w.append(a)
	case Rank:
		order, infeasible := Order(w.m.Spec(), slices.Concat(w.segments[:a.Segments]...), a.Numbers)
		return Ranked{a.ID, order, infeasible}
	case Curate:
		w.best = a.Leaders
		for _, key := range a.Remove {
			delete(w.stored, key)
		}
		return Curated{a.ID}
	case Look:
		return w.look(a)
	case Save:
		for _, e := range a.Entries {
			if e.Number > w.entries+1 && !w.unsure && w.resets == 0 {
				w.fail("entry %d is stored after %d", e.Number, w.entries)
			}
			w.entries = max(w.entries, e.Number)
			if e.Spec != nil {
				w.versions[e.Number] = asJSON(e.Spec)
			}
		}
		if a.State != nil {
			w.saved = slices.Clone(a.State)
		}
		return Saved{a.ID}
	}
	return nil
}

// suggest is a pure function of its request.
func (w *world) suggest(a Suggest) Event {
	if a.Segments > len(w.segments) {
		w.fail("a suggestion asks for %d segments, the ledger has %d", a.Segments, len(w.segments))
	}
	e := Suggested{ID: a.ID}
	spec := w.suggesting[a.ID]
	for i := range a.Count {
		number, index, pending := a.Number+i, a.Index+i, len(a.Pending)+i
		h := hash("suggest", number, a.Segments, pending)
		switch {
		case index >= w.points:
			e.Exhausted = true
			return e
		case spec.Repeats != nil && pending > 0 && h%4 == 0:
			e.Wait = true
			return e
		}
		seed := spec.Train.Seed
		value := float64(number)
		if spec.Repeats != nil && index > 1 && h%4 == 1 {
			seed, value = spec.Repeats.Seeds[0], float64(h%uint64(number))
		}
		params := sweep.Params{}
		for _, p := range spec.Parameters {
			params[p.Name] = sweep.Number(p.Min + math.Mod(value, width))
		}
		e.Assignments = append(e.Assignments, sweep.Assignment{Number: number, Kind: sweep.KindSearch, Seed: seed, Params: params})
	}
	return e
}

func (w *world) append(a Append) Event {
	if a.Segment > len(w.segments) {
		w.fail("segment %d leaves a gap after %d", a.Segment, len(w.segments))
	}
	rank := func(e Appended) Event {
		if len(a.Rank) > 0 {
			e.Numbers, e.Infeasible = Order(w.m.Spec(), slices.Concat(w.segments[:a.Segment+1]...), a.Rank)
		}
		return e
	}
	if a.Segment < len(w.segments) {
		if asJSON(w.segments[a.Segment]) == asJSON(a.Trials) {
			return rank(Appended{ID: a.ID})
		}
		return Appended{ID: a.ID, Taken: w.segments[a.Segment]}
	}
	for _, t := range a.Trials {
		if slices.Contains(numbers(slices.Concat(w.segments...)), t.Number) {
			w.fail("trial %d is in the ledger twice", t.Number)
		}
		if !w.born(t.Number) && w.resets == 0 && !w.unstarted() {
			w.fail("trial %d is in the ledger and was never started", t.Number)
		}
	}
	w.segments = append(w.segments, slices.Clone(a.Trials))
	return rank(Appended{ID: a.ID})
}

func (w *world) look(a Look) Event {
	e := Looked{ID: a.ID}
	for _, s := range a.Silent {
		n := s.Assignment.Number
		if w.born(n) {
			w.trials[n].suspected = false
			if !w.trials[n].closed {
				continue
			}
		} else if w.resets == 0 && !w.unstarted() {
			w.fail("trial %d is looked for and was never started", n)
		}
		t, ok := w.results[n]
		if !ok {
			t = sweep.Trial{Assignment: s.Assignment, Status: sweep.StatusFailed, StartedAt: s.StartedAt,
				Error: &sweep.Failure{Class: sweep.FailLost, Message: "no result"}}
		}
		e.Ended = append(e.Ended, t)
	}
	e.Found = a.Next != nil && w.born(a.Next.Assignment.Number)
	return e
}
