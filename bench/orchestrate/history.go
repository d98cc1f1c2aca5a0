package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/proxy"
	"go.temporal.io/sdk/client"

	"github.com/tailsweep/tailsweep/workflows"
)

// history is what Temporal stored of a sweep: all of its own runs, and sampled trials.
type history struct {
	Runs    int     `json:"runs"`    // of the sweep's workflow
	Sweep   counts  `json:"sweep"`   // sums
	Trial   counts  `json:"trial"`   // means over the sampled trials
	Largest int     `json:"largest"` // bytes of the largest payload
	State   int     `json:"state"`   // bytes of the largest input of a run that continued the one before; 0 without one
	Suggest [2]took `json:"suggest"` // the first and the last quarter of the sweep
	Stages  stages  `json:"stages"`  // means over the sampled trials

	suggests []float64  // milliseconds; the last one first while it is read
	last     milestones // of the workflow that was read last
}

// counts are numbers of things, and bytes of events.
type counts struct {
	Events        float64            `json:"events"`
	Bytes         float64            `json:"bytes"`
	WorkflowTasks float64            `json:"workflow_tasks"`
	Activities    map[string]float64 `json:"activities"`  // by name
	Signals       float64            `json:"signals"`     // received
	Shown         float64            `json:"shown"`       // updates of search attributes and memos
	Transitions   float64            `json:"transitions"` // of the state: each is a transaction of Temporal's database
}

// took is how long something took, in milliseconds.
type took struct {
	Median float64 `json:"median"`
	Most   float64 `json:"most"`
}

// stages are where a trial's time goes, in milliseconds.
type stages struct {
	Begin    float64 `json:"begin"`    // from the start of its workflow until its training is scheduled
	Slot     float64 `json:"slot"`     // waiting for slots, of both activities
	Train    float64 `json:"train"`    // the activity, with the child's sleep
	Between  float64 `json:"between"`  // until the evaluation is scheduled
	Evaluate float64 `json:"evaluate"` // the activity
	Publish  float64 `json:"publish"`  // until the end of the workflow
}

func (s *stages) total() float64 {
	return s.Begin + s.Slot + s.Train + s.Between + s.Evaluate + s.Publish
}

// milestones are the times of a trial's history.
type milestones struct {
	start, end                    time.Time
	scheduled, started, completed map[string]time.Time // by activity
}

// add adds the stages of a trial.
func (s *stages) add(m milestones) {
	between := func(from, to time.Time) float64 { return float64(to.Sub(from)) / float64(time.Millisecond) }
	s.Begin += between(m.start, m.scheduled["Train"])
	s.Slot += between(m.scheduled["Train"], m.started["Train"]) + between(m.scheduled["Evaluate"], m.started["Evaluate"])
	s.Train += between(m.started["Train"], m.completed["Train"])
	s.Between += between(m.completed["Train"], m.scheduled["Evaluate"])
	s.Evaluate += between(m.started["Evaluate"], m.completed["Evaluate"])
	s.Publish += between(m.completed["Evaluate"], m.end)
}

// sampled is how many trials' histories are read, at most.
const sampled = 40

// readHistory reads the histories of a sweep.
func readHistory(ctx context.Context, c client.Client, name string, trials int) (*history, error) {
	h := &history{}
	run := ""
	for more := true; more; h.Runs++ { // from the last run to the first
		first, err := h.read(ctx, c, workflows.SweepID(name), run, &h.Sweep)
		if err != nil {
			return nil, err
		}
		run = first.GetContinuedExecutionRunId()
		if more = run != ""; more {
			h.State = max(h.State, first.GetInput().Size())
		}
	}
	slices.Reverse(h.suggests)
	quarter := len(h.suggests) / 4
	h.Suggest = [2]took{summary(h.suggests[:quarter]), summary(h.suggests[len(h.suggests)-quarter:])}
	step := max(1, trials/sampled)
	n := 0.0
	for number := 0; number < trials; number += step {
		if _, err := h.read(ctx, c, workflows.TrialID(name, number), "", &h.Trial); err != nil {
			return nil, err
		}
		h.Stages.add(h.last)
		n++
	}
	h.Trial.divide(n)
	for _, v := range []*float64{&h.Stages.Begin, &h.Stages.Slot, &h.Stages.Train, &h.Stages.Between, &h.Stages.Evaluate, &h.Stages.Publish} {
		*v /= n
	}
	return h, nil
}

func summary(values []float64) took {
	if len(values) == 0 {
		return took{}
	}
	values = slices.Sorted(slices.Values(values))
	return took{values[len(values)/2], values[len(values)-1]}
}

// read adds the history of one run, and returns its first event.
func (h *history) read(ctx context.Context, c client.Client, id, run string, to *counts) (*historypb.WorkflowExecutionStartedEventAttributes, error) {
	var first *historypb.WorkflowExecutionStartedEventAttributes
	h.last = milestones{scheduled: map[string]time.Time{}, started: map[string]time.Time{}, completed: map[string]time.Time{}}
	started := map[int64]time.Time{}
	var suggests []float64
	names := map[int64]string{}
	largest := func(_ *proxy.VisitPayloadsContext, payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
		for _, p := range payloads {
			h.Largest = max(h.Largest, p.Size())
		}
		return payloads, nil
	}
	events := c.GetWorkflowHistory(ctx, id, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			return nil, fmt.Errorf("history of %s: %w", id, err)
		}
		if err := proxy.VisitPayloads(ctx, e, proxy.VisitPayloadsOptions{Visitor: largest}); err != nil {
			return nil, fmt.Errorf("history of %s: %w", id, err)
		}
		to.Events++
		at := e.GetEventTime().AsTime()
		h.last.end = at
		to.Bytes += float64(e.Size())
		switch e.GetEventType() {
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
			first = e.GetWorkflowExecutionStartedEventAttributes()
			h.last.start = at
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
			to.WorkflowTasks++
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
			to.Signals++
		case enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES, enumspb.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED:
			to.Shown++
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
			name := e.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName()
			names[e.GetEventId()] = name
			h.last.scheduled[name] = at
			if to.Activities == nil {
				to.Activities = map[string]float64{}
			}
			to.Activities[name]++
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED:
			started[e.GetEventId()] = at
			h.last.started[names[e.GetActivityTaskStartedEventAttributes().GetScheduledEventId()]] = at
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
			done := e.GetActivityTaskCompletedEventAttributes()
			h.last.completed[names[done.GetScheduledEventId()]] = at
			if names[done.GetScheduledEventId()] == "Suggest" {
				suggests = append(suggests, float64(at.Sub(started[done.GetStartedEventId()]))/float64(time.Millisecond))
			}
		}
	}
	slices.Reverse(suggests)
	h.suggests = append(h.suggests, suggests...)
	d, err := c.DescribeWorkflowExecution(ctx, id, run)
	if err != nil {
		return nil, err
	}
	to.Transitions += float64(d.GetWorkflowExecutionInfo().GetStateTransitionCount())
	return first, nil
}

func (c *counts) divide(n float64) {
	for _, v := range []*float64{&c.Events, &c.Bytes, &c.WorkflowTasks, &c.Signals, &c.Shown, &c.Transitions} {
		*v /= n
	}
	for name := range c.Activities {
		c.Activities[name] /= n
	}
}

// perTrial is what a trial costs: its own history, and its share of the sweep's.
func (h *history) perTrial(trials int) counts {
	share := h.Sweep
	share.Activities = maps.Clone(h.Sweep.Activities)
	share.divide(float64(trials))
	share.Events += h.Trial.Events
	share.Bytes += h.Trial.Bytes
	share.WorkflowTasks += h.Trial.WorkflowTasks
	share.Signals += h.Trial.Signals
	share.Shown += h.Trial.Shown
	share.Transitions += h.Trial.Transitions
	if share.Activities == nil { // a short sweep may have had none
		share.Activities = map[string]float64{}
	}
	for name, n := range h.Trial.Activities {
		share.Activities[name] += n
	}
	return share
}

// text is what a trial costs, in words.
func (h *history) text(trials int) string {
	t := h.perTrial(trials)
	return fmt.Sprintf("%.1f events, %.1f state transitions, %.1f workflow tasks, %.1f activities, %.1f signals, %.1f kB of history; largest payload %.1f kB, state %.1f kB",
		t.Events, t.Transitions, t.WorkflowTasks, sum(t.Activities), t.Signals, t.Bytes/1e3, float64(h.Largest)/1e3, float64(h.State)/1e3)
}

// activities lists the activities of a trial: "Suggest 1.0, Train 1.0".
func (c counts) activities() string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(c.Activities)) {
		words = append(words, fmt.Sprintf("%s %.2f", name, c.Activities[name]))
	}
	return strings.Join(words, ", ")
}
