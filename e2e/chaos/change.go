package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"go.temporal.io/sdk/client"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/workflows"
)

// order sends a command to a sweep and waits until it is applied or refused.
func (r *round) order(ctx context.Context, p *played, verb string, c conduct.Command) error {
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	c.By = "chaos"
	handle, err := r.site.client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: workflows.SweepID(p.id), UpdateName: verb, Args: []any{c}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(ctx, nil)
	}
	return err
}

// burst sends many commands at once. The last one is resume.
func burst(ctx context.Context, r *round) error {
	var wg sync.WaitGroup
	for _, p := range r.running() {
		for i := range 8 {
			wg.Go(func() {
				_ = r.order(ctx, p, []string{conduct.CommandPause, conduct.CommandResume}[i%2], conduct.Command{}) // one that comes when it is paused already is refused
			})
		}
	}
	wg.Wait()
	for _, p := range r.running() {
		if err := r.awake(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// awake resumes a sweep if it is paused.
func (r *round) awake(ctx context.Context, p *played) error {
	a, err := r.site.try(ctx, "resume", p.id) // it is refused where the sweep runs
	if err != nil {
		return err
	}
	var progress conduct.Progress
	if over, err := r.site.ended(ctx, p.id); err != nil || over {
		return nil //nolint:nilerr // without an answer another fault is there
	}
	if err := r.site.query(ctx, p, &progress); err != nil {
		return err
	}
	if progress.Phase == conduct.PhasePaused {
		return fmt.Errorf("%s is still paused: %s", p.id, a.stderr)
	}
	return nil
}

// burstTimes is how often each command of a burst of changes is sent.
const burstTimes = 3

// changes sends extend, enqueue, set, pin, unpin, pause and resume at once, each several times
// with the same id. Each may count once: the sweep must have two trials more, the configuration
// once, and the command log each id once.
func changes(ctx context.Context, r *round) error {
	p, err := r.anyRunning(ctx, func(p *played) bool { return p.name == "random" && p.grown == 0 && !p.loose })
	if err != nil {
		return err
	}
	two, description := 2, fmt.Sprintf("changed in %s", r.name)
	point := sweep.Params{"infonce.weight": sweep.Number(0.5), "lr": sweep.Number(0.015)}
	commands := map[string]conduct.Command{
		conduct.CommandExtend:  {Extend: &conduct.Extension{RunCap: &conduct.Amount{Value: 2, Add: true}}},
		conduct.CommandEnqueue: {Points: []sweep.Params{point}},
		conduct.CommandSet:     {Set: &conduct.Changes{Concurrency: &two, Description: &description}},
		conduct.CommandPin:     {Trials: []int{0}},
		conduct.CommandPause:   {},
		conduct.CommandResume:  {},
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	applied := map[string]bool{}
	for verb, c := range commands {
		c.ID = r.name + "-" + verb
		for range burstTimes {
			wg.Go(func() {
				if err := r.order(ctx, p, verb, c); err == nil { // refused where the phase does not allow it, or the sweep ends
					mu.Lock()
					applied[verb] = true
					mu.Unlock()
				}
			})
		}
	}
	wg.Wait()
	if err := r.awake(ctx, p); err != nil {
		return err
	}
	p.grown = -1 // what follows may differ
	if applied[conduct.CommandExtend] {
		p.grown = 2
	}
	if applied[conduct.CommandEnqueue] {
		p.point = point.Key()
	}
	return nil
}

// grownFaults lists what is wrong in a sweep that received a burst of changes.
func (s *site) grownFaults(ctx context.Context, p *played, want *facts) []string {
	var found []string
	trials, err := ledgerLines(p.folder)
	if err != nil {
		return []string{err.Error()}
	}
	add := max(0, p.grown)
	points, numbers := 0, map[int]bool{}
	for _, t := range trials {
		numbers[t.Number] = true
		if t.Reason.Sampler == sweep.SourceUser && t.Params.Key() == p.point {
			points++
		}
	}
	// The configuration takes the place of one of the search's, or comes after all of them.
	if n := len(want.trials) + add; !p.loose && (len(numbers) < n || len(numbers) > n+1) {
		found = append(found, fmt.Sprintf("%s has %d trials, want %d or %d", p.id, len(numbers), n, n+1))
	}
	if p.point != "" && points != 1 {
		found = append(found, fmt.Sprintf("%s: the configuration that was enqueued was tried %d times", p.id, points))
	}
	var d struct{ Progress conduct.Progress }
	if err := s.read(ctx, &d, "describe", p.id); err != nil {
		return append(found, err.Error())
	}
	var ids []string
	for _, e := range d.Progress.CommandLog {
		if e.ID != "" && e.Refused == "" {
			ids = append(ids, e.ID)
		}
	}
	slices.Sort(ids)
	if once := slices.Compact(slices.Clone(ids)); len(once) != len(ids) {
		found = append(found, fmt.Sprintf("%s: a command was applied twice: %s", p.id, strings.Join(ids, ", ")))
	}
	return found
}
