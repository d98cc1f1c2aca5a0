package conduct

import (
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
)

// expected is how many trials the sweep will have, with retries and with requests beyond
// run_cap; 0 for unknown.
func (m *Machine) expected() int {
	n := m.planned
	if n == 0 {
		return 0
	}
	for _, a := range m.Queue {
		if a.Reason.Sampler == sweep.SourceRetry {
			n++
		}
	}
	return max(n+m.Retried, m.finished()+len(m.Running)+len(m.Queue))
}

// Answer is the progress after a command, for its sender. It is a payload of the history, so of
// the running and of the requested trials before the newest answerLimit it leaves out what
// Progress has: all but number, kind, request and start.
func (m *Machine) Answer(digest string) Progress {
	p := m.Progress(digest)
	for i := range max(0, len(p.Running)-answerLimit) {
		r := p.Running[i]
		p.Running[i] = Running{Assignment: sweep.Assignment{Number: r.Number, Kind: r.Kind, Request: r.Request}, StartedAt: r.StartedAt}
	}
	for i := range max(0, len(p.Queue)-answerLimit) {
		p.Queue[i] = sweep.Assignment{Kind: p.Queue[i].Kind, Request: p.Queue[i].Request}
	}
	return p
}

// Progress shows the state; digest is the spec's.
func (m *Machine) Progress(digest string) Progress {
	p := Progress{
		Name: m.spec.Name, Digest: digest, Phase: m.Phase, Planned: m.expected(), Finished: m.finished(), Segments: m.Segments,
		Counts: make(map[sweep.Status]int, len(m.Counts)), Running: slices.Clone(m.Running), Blocked: m.blocks(),
		GPUHours: m.SlotTime.Hours(), StartedAt: m.StartedAt, Idle: sweep.Duration(m.Idle), EndedAt: m.EndedAt, Message: m.Message, CommandLog: slices.Clone(m.CommandLog),
		Objectives: slices.Clone(m.spec.Metrics), Queue: slices.Clone(m.Queue), Pinned: slices.Clone(m.Pinned),
		Free: m.spec.FreeMetrics(), Kept: numbersOf(slices.Concat(m.Leaders, m.Gated)),
	}
	slices.Sort(p.Kept)
	for _, s := range sweep.StatusList() {
		if m.Counts[s] > 0 {
			p.Counts[s] = m.Counts[s]
		}
	}
	if m.FailReason != "" && !m.Phase.Final() {
		p.Message = m.FailReason
	}
	if p.Running == nil {
		p.Running = []Running{}
	}
	if len(m.Leaders) > 0 {
		best := m.Leaders[0]
		p.Best = &BestTrial{Number: best.Number, Params: best.Params, Metrics: m.spec.Values(best)}
	}
	return p
}
