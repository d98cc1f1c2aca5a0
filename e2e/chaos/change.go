package main

import (
	"context"
	"errors"
	"fmt"
	"os"
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

// query asks a sweep for its progress.
func (s *site) query(ctx context.Context, p *played, into *conduct.Progress) error {
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	value, err := s.client.QueryWorkflow(ctx, workflows.SweepID(p.id), "", workflows.QueryProgress)
	if err != nil {
		return err
	}
	return value.Get(into)
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
	p.commanded = true
	p.grown = -1 // what follows may differ
	if applied[conduct.CommandExtend] {
		p.grown = 2
	}
	if applied[conduct.CommandEnqueue] {
		p.point = point.Key()
	}
	return nil
}

// edits changes the description in the spec of a sweep several times at once, while it is
// paused and resumed: the search stays as it was.
func edits(ctx context.Context, r *round) error {
	p, err := r.anyRunning(ctx, func(p *played) bool { return p.grown == 0 })
	if err != nil {
		return err
	}
	spec, err := os.ReadFile(r.site.specOf(p))
	if err != nil {
		return err
	}
	p.commanded = true
	var wg sync.WaitGroup
	errs := make([]error, burstTimes)
	for i := range burstTimes {
		path := r.site.path("specs", fmt.Sprintf("%s-edited-%d.yaml", p.id, i))
		if err := os.WriteFile(path, fmt.Appendf(spec, "description: edited in %s, %d\n", r.name, i), 0o600); err != nil {
			return err
		}
		wg.Go(func() {
			a, err := r.site.try(ctx, "edit", p.id, path)
			if err == nil && a.code != 0 && !strings.Contains(a.stderr, "cannot edit") { // it is refused where the phase does not allow it
				err = fmt.Errorf("edit %s: exit code %d: %s", p.id, a.code, strings.TrimSpace(a.stderr))
			}
			errs[i] = err
		})
		wg.Go(func() { _ = r.order(ctx, p, conduct.CommandPause, conduct.Command{}) })
		wg.Go(func() { _ = r.order(ctx, p, conduct.CommandResume, conduct.Command{}) }) // see burst
	}
	wg.Wait()
	p.over = false // one that had just completed looks again whether it has something to do
	return errors.Join(append(errs, r.awake(ctx, p))...)
}

// retried terminates a trial in Temporal, and asks for it again, several times at once with
// the same id, when the ledger has it.
func retried(ctx context.Context, r *round) error {
	p, n, err := r.terminateAny(ctx, func(p *played) bool { return unordered(p) && p.grown == 0 })
	if err != nil {
		return err
	}
	var t sweep.Trial
	err = within(ctx, heartbeat, func() (bool, error) {
		lines, err := ledgerLines(p.folder)
		i := slices.IndexFunc(lines, func(t sweep.Trial) bool { return t.Number == n })
		if i >= 0 {
			t = lines[i]
		}
		return i >= 0, err
	})
	if err != nil {
		return fmt.Errorf("trial %d of %s, which was terminated, is not in the ledger: %w", n, p.id, err)
	}
	if t.Status == sweep.StatusCompleted {
		return fmt.Errorf("%w: trial %d of %s had completed", errSkipped, n, p.id)
	}
	p.commanded, p.grown, p.retried = true, -1, &t
	var wg sync.WaitGroup
	errs := make([]error, burstTimes)
	for i := range burstTimes {
		wg.Go(func() {
			errs[i] = r.order(ctx, p, conduct.CommandRetry, conduct.Command{ID: r.name + "-" + conduct.CommandRetry, Retry: []sweep.Assignment{t.Assignment}})
		})
	}
	wg.Wait()
	if slices.Contains(errs, nil) {
		return nil
	}
	p.over = false // the sweep has ended: the verb continues it
	_, err = r.site.must(ctx, "retry", p.id, fmt.Sprint(n))
	return err
}

// commandFaults lists what is wrong with the commands that a sweep received.
func (s *site) commandFaults(ctx context.Context, p *played) []string {
	var found []string
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

// grownFaults lists what is wrong in a sweep to which commands added trials.
func (f *facts) grownFaults(p *played, want *facts) []string {
	var found []string
	add := max(0, p.grown)
	points, again, numbers := 0, 0, map[int]bool{}
	for _, t := range f.ledger {
		numbers[t.Number] = true
		if t.Reason.Sampler == sweep.SourceUser && t.Params.Key() == p.point {
			points++
		}
		if t.Reason.Sampler == sweep.SourceRetry && p.retried != nil && t.Params.Key() == p.retried.Params.Key() && t.Seed == p.retried.Seed {
			again++
		}
	}
	// The configuration takes the place of one of the search's, or comes after all of them.
	if n := len(want.trials) + add; !p.loose && (len(numbers) < n || len(numbers) > n+1) {
		found = append(found, fmt.Sprintf("%s has %d trials, want %d or %d", p.id, len(numbers), n, n+1))
	}
	if p.point != "" && points != 1 {
		found = append(found, fmt.Sprintf("%s: the configuration that was enqueued was tried %d times", p.id, points))
	}
	if p.retried != nil && again != 1 {
		found = append(found, fmt.Sprintf("%s: trial %d was retried %d times", p.id, p.retried.Number, again))
	}
	return found
}
