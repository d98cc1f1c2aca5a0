package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/stack"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/workflows"
)

// Faults from outside: what people do in Temporal, past the verbs.

// anyRunning returns a sweep that has made a step and has not ended, "" for none.
func (r *round) anyRunning(ctx context.Context, fits func(*played) bool) (*played, error) {
	r.over(ctx)
	list := r.running()
	r.rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	for _, p := range list {
		if fits(p) && p.progress() > 0 {
			return p, nil
		}
	}
	return nil, fmt.Errorf("%w: no sweep for it runs", errSkipped)
}

func unordered(p *played) bool { return !p.ordered }

func hashes(p *played) bool { return !p.real }

// resume continues a sweep that ends within the limit.
func (r *round) resume(ctx context.Context, p *played, limit time.Duration) error {
	err := within(ctx, limit, func() (bool, error) {
		over, _ := r.site.ended(ctx, p.id) // without an answer it has not
		return over, nil
	})
	if err != nil {
		return fmt.Errorf("%s does not end: %w", p.id, err)
	}
	a, err := r.site.try(ctx, "resume", p.id)
	if err != nil || a.code == 0 {
		return err
	}
	if strings.Contains(a.stderr, "completed") { // it was faster
		p.over = true
		return fmt.Errorf("%w: %s had completed", errSkipped, p.id)
	}
	return fmt.Errorf("resume %s: exit code %d: %s", p.id, a.code, strings.TrimSpace(a.stderr))
}

// terminateSweep terminates a sweep in Temporal and resumes it. Its trials continue
// meanwhile, but one that reports at a rung ends as cancelled: asha is left out.
func terminateSweep(ctx context.Context, r *round) error {
	p, err := r.anyRunning(ctx, func(p *played) bool { return p.name != "asha" })
	if err != nil {
		return err
	}
	if err := r.site.client.TerminateWorkflow(ctx, workflows.SweepID(p.id), "", "chaos"); err != nil {
		return fmt.Errorf("%w: %w", errSkipped, err) // it has just ended
	}
	if err := pause(ctx, time.Duration(r.rand.IntN(4000))*time.Millisecond); err != nil {
		return err
	}
	return r.resume(ctx, p, soon)
}

// resetSweep resets a sweep in Temporal to one of its workflow tasks.
func resetSweep(ctx context.Context, r *round) error {
	p, err := r.anyRunning(ctx, func(*played) bool { return true })
	if err != nil {
		return err
	}
	return r.site.reset(ctx, p, r.rand)
}

func (s *site) reset(ctx context.Context, p *played, rng *rand.Rand) error {
	var tasks []int64
	history := s.client.GetWorkflowHistory(ctx, workflows.SweepID(p.id), "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		e, err := history.Next()
		if err != nil {
			return err
		}
		if e.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			tasks = append(tasks, e.GetEventId())
		}
	}
	if len(tasks) == 0 {
		return fmt.Errorf("%w: no workflow task of %s has completed", errSkipped, p.id)
	}
	_, err := s.client.ResetWorkflowExecution(ctx, &workflowservice.ResetWorkflowExecutionRequest{
		Namespace: stack.Namespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: workflows.SweepID(p.id)},
		Reason: "chaos", WorkflowTaskFinishEventId: tasks[rng.IntN(len(tasks))], RequestId: fmt.Sprint(rng.Uint64()),
	})
	return err
}

// cancelSweep cancels a sweep in Temporal and resumes it. The cancelled trials stay in the
// ledger as such.
func cancelSweep(ctx context.Context, r *round) error {
	p, err := r.anyRunning(ctx, unordered)
	if err != nil {
		return err
	}
	p.loose = true
	if err := r.site.client.CancelWorkflow(ctx, workflows.SweepID(p.id), ""); err != nil {
		return err
	}
	return r.resume(ctx, p, soon)
}

// cancelByVerb is cancelSweep by `tailsweep cancel`.
func cancelByVerb(ctx context.Context, r *round) error {
	p, err := r.anyRunning(ctx, unordered)
	if err != nil {
		return err
	}
	p.loose = true
	if a, err := r.site.try(ctx, "cancel", p.id); err != nil || a.code != 0 {
		return errors.Join(err, fmt.Errorf("%w: %s", errSkipped, strings.TrimSpace(a.stderr)))
	}
	return r.resume(ctx, p, soon)
}

// terminateTrial terminates a trial in Temporal: the sweep records it as lost.
func terminateTrial(ctx context.Context, r *round) error {
	_, _, err := r.terminateAny(ctx, unordered)
	return err
}

// terminateAny terminates a trial of a sweep, and returns which.
func (r *round) terminateAny(ctx context.Context, fits func(*played) bool) (p *played, trial int, err error) {
	p, err = r.anyRunning(ctx, fits)
	if err != nil {
		return nil, 0, err
	}
	for n := range 20 {
		d, err := r.site.client.DescribeWorkflowExecution(ctx, workflows.TrialID(p.id, n), "")
		if err != nil || d.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
			continue
		}
		if err := r.site.client.TerminateWorkflow(ctx, workflows.TrialID(p.id, n), "", "chaos"); err != nil {
			return nil, 0, fmt.Errorf("%w: %w", errSkipped, err) // it has just ended
		}
		p.loose = true
		return p, n, nil
	}
	return nil, 0, fmt.Errorf("%w: no trial of %s runs", errSkipped, p.id)
}

// signal sends a signal to a workflow; one that has ended takes none.
func (s *site) signal(ctx context.Context, workflow, name string, arg any) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_ = s.client.SignalWorkflow(ctx, workflow, "", name, arg) // it may have ended
}

// garbage sends signals that nobody can read to sweeps and trials.
func garbage(ctx context.Context, r *round) error {
	for _, p := range r.running() {
		for _, name := range []string{workflows.SignalResult, workflows.SignalRung, workflows.SignalBlocked, "no-such-signal"} {
			for _, arg := range []any{"garbage", 42, []byte{0, 255}, map[string]any{"trial": "x"}, nil, strings.Repeat("x", 100_000)} {
				r.site.signal(ctx, workflows.SweepID(p.id), name, arg)
			}
		}
		for n := range 7 {
			r.site.signal(ctx, workflows.TrialID(p.id, n), workflows.SignalVerdict, "garbage")
			r.site.signal(ctx, workflows.TrialID(p.id, n), "no-such-signal", nil)
		}
	}
	return nil
}

// forge sends signals that can be read, of trials that do not run: unknown ones, and ones
// that have ended, with other results.
func forge(ctx context.Context, r *round) error {
	for _, p := range r.running() {
		lines, err := ledgerLines(p.folder)
		if err != nil {
			return err
		}
		forged := []sweep.Trial{
			{Assignment: sweep.Assignment{Number: 999}, Status: sweep.StatusCompleted, Evaluation: sweep.Evaluation{Metrics: map[string]float64{"fid.tail": 1e-9}}},
			{Assignment: sweep.Assignment{Number: -1}, Status: sweep.StatusCompleted},
		}
		for _, t := range lines {
			t.Metrics = map[string]float64{"fid.tail": 1e-9}
			forged = append(forged, t)
		}
		for _, t := range forged {
			r.site.signal(ctx, workflows.SweepID(p.id), workflows.SignalResult, activities.TrialResult{Trial: t})
			r.site.signal(ctx, workflows.SweepID(p.id), workflows.SignalRung, conduct.RungReport{Trial: t.Number, Step: 30, Metrics: t.Metrics})
		}
	}
	return nil
}
