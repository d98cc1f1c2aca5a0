package workflows

import (
	"slices"
	"time"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
	"github.com/tailsweep/tailsweep/sweep/stopping"
)

// State is what a Sweep carries across continue-as-new. It grows with the trials
// that run and with the leaders, and up to rungLimit with what trials showed at each
// rung; never with those that finished.
type State struct {
	Phase     Phase          `json:"phase"`
	StartedAt time.Time      `json:"started_at"`
	EndedAt   *time.Time     `json:"ended_at,omitempty"`
	Next      int            `json:"next"`     // number of the next trial to start
	Segments  int            `json:"segments"` // of the ledger
	Running   []RunningTrial `json:"running"`  // by number
	Exhausted bool           `json:"exhausted,omitempty"`
	Asked     bool           `json:"asked,omitempty"` // Temporal was asked to cancel the workflow

	// Every trial below Watermark has finished, and so have those in Ahead.
	Watermark int   `json:"watermark"`
	Ahead     []int `json:"ahead,omitempty"`

	Counts   map[sweep.Status]int  `json:"counts"`
	Leaders  []sweep.Trial         `json:"leaders,omitempty"` // best first, without reasons, spares last; their checkpoints are kept
	Gated    []sweep.Trial         `json:"gated,omitempty"`   // best first; those that failed a gate whose checkpoints are kept in places that no leader takes
	SlotTime time.Duration         `json:"slot_time"`         // that finished trials held training slots, failed attempts included
	Streak   Streak                `json:"streak"`
	Rungs    []stopping.RungResult `json:"rungs,omitempty"`   // of search trials, in order of arrival
	Fault    string                `json:"fault,omitempty"`   // why the sweep ends as failed
	Message  string                `json:"message,omitempty"` // who stopped it, and why
	Audit    []AuditEntry          `json:"audit,omitempty"`
}

// auditLimit bounds the commands that are remembered.
const auditLimit = 50

func newState(now time.Time) *State {
	return &State{Phase: PhaseRunning, StartedAt: now, Counts: map[sweep.Status]int{}}
}

// isFinished reports whether a trial is in the ledger.
func (st *State) isFinished(number int) bool {
	return number < st.Watermark || slices.Contains(st.Ahead, number)
}

// running is the index in Running of a trial, -1 for none.
func (st *State) running(number int) int {
	return slices.IndexFunc(st.Running, func(r RunningTrial) bool { return r.Number == number })
}

// start notes a trial that is about to start. Reasons stay out of the state; the
// ledger has them.
func (st *State) start(a sweep.Assignment, now time.Time) {
	a.Reason = sweep.Reason{Sampler: a.Reason.Sampler}
	st.Running = append(st.Running, RunningTrial{Assignment: a, StartedAt: now})
	st.Next = a.Number + 1
}

// pending are the running trials as Suggest wants them.
func (st *State) pending() []sweep.Assignment {
	pending := make([]sweep.Assignment, len(st.Running))
	for i, r := range st.Running {
		pending[i] = r.Assignment
	}
	return pending
}

// fresh picks from reported, in order, the results of running trials, once each.
// Anybody can send a signal: what is no result of that trial is left out, since
// the ledger would refuse it.
func (st *State) fresh(reported []sweep.Trial) []sweep.Trial {
	var batch []sweep.Trial
	for _, t := range reported {
		known := slices.ContainsFunc(batch, func(b sweep.Trial) bool { return b.Number == t.Number })
		i := st.running(t.Number)
		if !known && i >= 0 && t.Kind == st.Running[i].Kind && slices.Contains(statuses, t.Status) {
			batch = append(batch, t)
		}
	}
	return batch
}

// contenders are the trials that may lead once the ledger has a segment.
func (st *State) contenders(segment []sweep.Trial) []sweep.Trial {
	return slices.Concat(st.Leaders, segment)
}

// finish accounts for a segment that the ledger now has; ranked are the contenders
// that have a result, best first. It returns the keys of the checkpoints that are
// no longer kept, and whether the leaders changed or a checkpoint is none of theirs:
// then Curate is due.
func (st *State) finish(spec *sweep.Spec, segment, ranked []sweep.Trial) (evicted []string, curate bool) {
	st.Segments++
	for _, t := range segment {
		if i := st.running(t.Number); i >= 0 {
			st.Running = slices.Delete(st.Running, i, i+1)
		}
		st.markFinished(t.Number)
		st.Counts[t.Status]++
		st.SlotTime += seconds(t.TrainTime) + seconds(t.EvalTime)
		st.Streak = st.Streak.after(t)
		st.fall(spec, t)
	}
	return st.lead(spec, segment, ranked)
}

// lead takes the first of the ranked contenders as leaders. Places that they leave
// free go to trials that failed a gate: their checkpoints are kept, and nothing points
// at them. Whether Curate is due does not depend on these, as in the histories of
// sweeps that kept none.
func (st *State) lead(spec *sweep.Spec, segment, ranked []sweep.Trial) (evicted []string, curate bool) {
	contenders := slices.Concat(st.contenders(segment), st.Gated)
	before := st.Leaders
	st.Leaders = ranked[:min(len(ranked), spec.KeptCheckpoints())]
	gated := analysis.Gated(spec, slices.Concat(st.Gated, segment), "")
	st.Gated = gated[:min(len(gated), spec.KeptCheckpoints()-len(st.Leaders))]
	for _, kept := range [][]sweep.Trial{st.Leaders, st.Gated} {
		for i := range kept {
			kept[i].Reason = sweep.Reason{Sampler: kept[i].Reason.Sampler}
		}
	}
	among := func(trials []sweep.Trial, t sweep.Trial) bool {
		return slices.ContainsFunc(trials, func(o sweep.Trial) bool { return o.Number == t.Number })
	}
	for _, t := range contenders {
		ended := t.Status == sweep.StatusCompleted || t.Status == sweep.StatusStopped
		if !ended || t.Checkpoint == "" || among(st.Leaders, t) {
			continue
		}
		curate = curate || !among(st.Gated, t) || among(segment, t)
		if !among(st.Gated, t) {
			evicted = append(evicted, t.Checkpoint)
		}
	}
	curate = curate || !slices.EqualFunc(before, st.Leaders, func(a, b sweep.Trial) bool { return a.Number == b.Number })
	return evicted, curate
}

func (st *State) markFinished(number int) {
	if st.isFinished(number) {
		return
	}
	st.Ahead = append(st.Ahead, number)
	slices.Sort(st.Ahead)
	for len(st.Ahead) > 0 && st.Ahead[0] == st.Watermark {
		st.Ahead = st.Ahead[1:]
		st.Watermark++
	}
}

// finished is how many trials the ledger has.
func (st *State) finished() int { return st.Watermark + len(st.Ahead) }

// obey applies an accepted command.
func (st *State) obey(command string, c Command, now time.Time) error {
	phase, err := st.Phase.after(command)
	if err != nil {
		return err
	}
	st.Phase = phase
	st.Audit = append(st.Audit, AuditEntry{At: now, Command: command, By: c.By, Reason: c.Reason})
	st.Audit = st.Audit[max(0, len(st.Audit)-auditLimit):]
	switch phase {
	case PhaseRunning:
		st.Message = ""
	default:
		st.Message = command + " by " + c.By
		if c.Reason != "" {
			st.Message += ": " + c.Reason
		}
	}
	return nil
}

// progress shows the state; planned is 0 when unknown.
func (st *State) progress(spec *sweep.Spec, digest string, planned int) Progress {
	p := Progress{
		Name: spec.Name, Digest: digest, Phase: st.Phase, Planned: planned, Finished: st.finished(), Segments: st.Segments,
		Counts: counts(st.Counts), Running: slices.Clone(st.Running), GPUHours: st.SlotTime.Hours(),
		StartedAt: st.StartedAt, EndedAt: st.EndedAt, Message: st.Message, Audit: slices.Clone(st.Audit),
	}
	if st.Fault != "" {
		p.Message = st.Fault
	}
	if p.Running == nil {
		p.Running = []RunningTrial{}
	}
	if len(st.Leaders) > 0 {
		best := st.Leaders[0]
		p.Best = &BestTrial{Number: best.Number, Params: best.Params, Metrics: best.Metrics}
	}
	return p
}

// statuses is the order in which counts are shown.
var statuses = []sweep.Status{
	sweep.StatusCompleted, sweep.StatusStopped, sweep.StatusDiverged, sweep.StatusFailed, sweep.StatusCancelled,
}

func counts(c map[sweep.Status]int) map[sweep.Status]int {
	copied := make(map[sweep.Status]int, len(c))
	for _, s := range statuses {
		if c[s] > 0 {
			copied[s] = c[s]
		}
	}
	return copied
}

// seconds converts to a duration, so that sums do not depend on their order.
func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
