package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/stack"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/workflows"
)

// fault is a kind of fault.
type fault struct {
	name   string
	weight int           // how often it is drawn
	limit  time.Duration // from its end until each sweep has made a step
	inject func(ctx context.Context, r *round) error
}

// errSkipped is a fault that cannot be injected here.
var errSkipped = errors.New("skipped")

// Limits of the product, with time for a loaded machine.
const (
	commandLimit = 90 * time.Second // a verb
	soon         = 30 * time.Second // nothing has to time out
	heartbeat    = 75 * time.Second // a heartbeat of 30 s has to time out first
	blocked      = 90 * time.Second // a blocked step rests first: 5, 10, 20 s
	shownLimit   = time.Minute      // what blocks a sweep is shown
)

// catalogue lists all faults.
var catalogue = []fault{
	{"kill -9 a child", 3, soon, killChildren(false)},
	{"kill -9 all children", 2, soon, killChildren(true)},
	{"kill -9 the worker", 4, heartbeat, killWorker},
	{"kill -9 Temporal and the store", 3, heartbeat, killStack},
	{"kill -9 Prometheus", 1, soon, killPrometheus},
	{"kill -9 the command line", 1, soon, killWatchers},
	{"kill -9 everything", 2, heartbeat, killAll},
	{"freeze the worker, a second one takes over", 1, heartbeat, freezeWorker},
	{"drain the worker (SIGTERM)", 2, soon, drainWorker},
	{"drain the worker, a second one waits", 1, soon, handOver},
	{"worker whose trainer does not start", 1, soon, brokenWorker},
	{"full disk: staging", 2, soon, fill("staging")},
	{"full disk: state", 2, blocked, fill("state")},
	{"store away", 2, blocked, misbehave(away, 5*time.Second)},
	{"store away for longer", 1, blocked, misbehave(away, 15*time.Second)},
	{"store answers 500", 2, blocked, misbehave(failing, 5*time.Second)},
	{"store refuses writes", 2, blocked, misbehave(readonly, 5*time.Second)},
	{"store slow", 1, soon, misbehave(slow, 8*time.Second)},
	{"store cuts off answers", 3, soon, misbehave(cutting, 8*time.Second)},
	{"damaged ledger, shown, repaired", 3, blocked, damageLedger},
	{"damaged checkpoint, child killed", 2, soon, damageCheckpoint},
	{"damaged pointer", 1, soon, damagePointer},
	{"garbage signals", 2, soon, garbage},
	{"forged signals", 2, soon, forge},
	{"commands in a burst", 3, soon, burst},
	{"sweep terminated in Temporal, resumed", 2, heartbeat, terminateSweep},
	{"sweep reset in Temporal", 2, heartbeat, resetSweep},
	{"sweep cancelled in Temporal, resumed", 1, heartbeat, cancelSweep},
	{"sweep cancelled by verb, resumed", 1, heartbeat, cancelByVerb},
	{"trial terminated in Temporal", 1, heartbeat, terminateTrial},
}

// step is a moment at which a fault is injected.
type step struct {
	name, method, path string
	after              bool
}

// steps are the named moments. Each is a request to the store, which is held until the
// fault is there.
var steps = []step{
	{"before a ledger segment is stored", "PUT", `/ledger/`, false},
	{"after a ledger segment was stored", "PUT", `/ledger/`, true},
	{"before a result is stored", "PUT", `/result\.json$`, false},
	{"after a result was stored", "PUT", `/result\.json$`, true},
	{"in the upload of a checkpoint", "PUT", `/model\.safetensors$`, true},
	{"before a manifest is stored", "PUT", `/MANIFEST\.json$`, false},
	{"after a manifest was stored", "PUT", `/MANIFEST\.json$`, true},
	{"before the pointer moves", "PUT", `/pointers/best\.json$`, false},
	{"after the pointer moved", "PUT", `/pointers/best\.json$`, true},
	{"in the removal of a checkpoint", "DELETE", `/checkpoints/`, true},
	{"in the upload of a grid", "PUT", `/grid\.png$`, false},
	{"in the download of a checkpoint", "GET", `/model\.safetensors$`, false},
	{"in the reading of the ledger", "GET", `/ledger/`, false},
}

// stepLimit is how long a named step is waited for.
const stepLimit = 12 * time.Second

func killChildren(all bool) func(context.Context, *round) error {
	return func(ctx context.Context, r *round) error {
		var pids []int
		err := within(ctx, 10*time.Second, func() (bool, error) {
			pids = r.site.children()
			return len(pids) > 0 || r.over(ctx), nil
		})
		if err != nil || len(pids) == 0 {
			return fmt.Errorf("%w: no child runs", errSkipped)
		}
		if !all {
			pids = []int{pids[r.rand.IntN(len(pids))]}
		}
		for _, pid := range pids {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return err
			}
		}
		return nil
	}
}

func killWorker(ctx context.Context, r *round) error {
	r.site.workers["a"].kill()
	return r.site.startWorker(ctx, "a")
}

// killStackNow ends the process with Temporal and the store, and its children.
func (s *site) killStackNow(ctx context.Context) error {
	now, err := stack.Read(s.path("state"))
	if err != nil {
		return err
	}
	pid := now.Process(stack.ProcessStack).PID
	if pid == 0 {
		return errors.New("the stack does not run")
	}
	return syscall.Kill(pid, syscall.SIGKILL)
}

func killStack(ctx context.Context, r *round) error {
	if err := r.site.killStackNow(ctx); err != nil {
		return err
	}
	return r.site.up(ctx)
}

func killPrometheus(ctx context.Context, r *round) error {
	now, err := stack.Read(r.site.path("state"))
	if err != nil {
		return err
	}
	pid := now.Process(stack.ProcessPrometheus).PID
	if pid == 0 {
		return fmt.Errorf("%w: it does not run", errSkipped)
	}
	return syscall.Kill(pid, syscall.SIGKILL)
}

// killWatchers kills a `watch` of each sweep after a while, and a `run` that attaches.
func killWatchers(ctx context.Context, r *round) error {
	var watching []*exec.Cmd
	for i, p := range r.running() {
		args := []string{"watch", p.id}
		if i == 0 {
			args = []string{"run", r.site.specOf(p)}
		}
		cmd := r.site.command(ctx, args...)
		if err := cmd.Start(); err != nil {
			return err
		}
		watching = append(watching, cmd)
	}
	if err := pause(ctx, time.Duration(r.rand.IntN(1500))*time.Millisecond); err != nil {
		return err
	}
	for _, cmd := range watching {
		_ = cmd.Process.Kill() // an error means that it has ended
		_ = cmd.Wait()         // killed
	}
	return nil
}

func killAll(ctx context.Context, r *round) error {
	if err := r.site.killStackNow(ctx); err != nil {
		return err
	}
	for _, pid := range r.site.children() {
		_ = syscall.Kill(pid, syscall.SIGKILL) // an error means that it has ended
	}
	r.site.workers["a"].kill()
	if err := r.site.up(ctx); err != nil {
		return err
	}
	return r.site.startWorker(ctx, "a")
}

// freezeWorker stops the worker until a second one has taken its trials over. Then both
// run for a while, and the second one drains.
func freezeWorker(ctx context.Context, r *round) error {
	if err := r.site.startWorker(ctx, "b"); err != nil {
		return err
	}
	if err := r.site.workers["a"].signal(syscall.SIGSTOP); err != nil {
		return err
	}
	moved := r.mark()
	err := within(ctx, heartbeat, func() (bool, error) { return moved.all(ctx), nil })
	if err = errors.Join(err, r.site.workers["a"].signal(syscall.SIGCONT)); err != nil {
		return fmt.Errorf("the second worker does not take over: %w", err)
	}
	if err := pause(ctx, 3*time.Second); err != nil {
		return err
	}
	return r.site.drain("b")
}

// brokenWorker starts a second worker on which no trainer starts. It must rest after the
// first trial that it takes, and leave the others to the first worker.
func brokenWorker(ctx context.Context, r *round) error {
	if err := r.site.startWorkerWith(ctx, "b", "false"); err != nil {
		return err
	}
	rests := false
	err := within(ctx, commandLimit, func() (bool, error) {
		page, err := r.site.workers["b"].metrics(ctx)
		rests = strings.Contains(page, "tailsweep_worker_resting 1")
		return rests || r.over(ctx), err
	})
	if err == nil {
		moved := r.mark()
		err = within(ctx, soon, func() (bool, error) { return moved.all(ctx) || r.over(ctx), nil })
	}
	if err := errors.Join(err, r.site.drain("b")); err != nil {
		return fmt.Errorf("beside a worker whose trainer does not start (rests: %t): %w", rests, err)
	}
	return nil
}

// drain ends a worker with SIGTERM.
func (s *site) drain(name string) error {
	w := s.workers[name]
	if err := w.signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-w.ended:
	case <-time.After(150 * time.Second):
		return fmt.Errorf("worker %s does not drain", name)
	}
	delete(s.workers, name)
	if code := w.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("worker %s drained with exit code %d", name, code)
	}
	return nil
}

func drainWorker(ctx context.Context, r *round) error {
	if err := r.site.drain("a"); err != nil {
		return err
	}
	return r.site.startWorker(ctx, "a")
}

func handOver(ctx context.Context, r *round) error {
	if err := r.site.startWorker(ctx, "b"); err != nil {
		return err
	}
	if err := r.site.drain("a"); err != nil {
		return err
	}
	r.site.workers["a"] = r.site.workers["b"]
	delete(r.site.workers, "b")
	return nil
}

// fill fills the file system of a folder for a while. A stack that ended of it is started
// again.
func fill(folder string) func(context.Context, *round) error {
	return func(ctx context.Context, r *round) error {
		if !slices.Contains(r.site.mounts, folder) {
			return fmt.Errorf("%w: it has no file system of its own", errSkipped)
		}
		path := r.site.path(folder, "ballast")
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		for block := make([]byte, 1<<20); err == nil && len(block) > 0; {
			if _, err = f.Write(block); errors.Is(err, syscall.ENOSPC) {
				block, err = block[:len(block)/2], nil
			}
		}
		if err == nil {
			err = pause(ctx, 6*time.Second)
		}
		if err = errors.Join(err, f.Close(), os.Remove(path)); err != nil {
			return err
		}
		return r.site.up(ctx)
	}
}

// misbehave lets the proxy do something for a while.
func misbehave(m mode, duration time.Duration) func(context.Context, *round) error {
	return func(ctx context.Context, r *round) error {
		if err := r.site.proxy.set(m); err != nil {
			return err
		}
		return errors.Join(pause(ctx, duration), r.site.proxy.set(pass))
	}
}

// flip inverts one byte in the middle of a file, in place: an object's attributes stay.
func flip(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		one := make([]byte, 1)
		if _, err = f.ReadAt(one, info.Size()/2); err == nil {
			one[0] ^= 0xff
			_, err = f.WriteAt(one, info.Size()/2)
		}
	}
	return errors.Join(err, f.Close())
}

// damageLedger damages the last segment of a running sweep. The sweep must show it within a
// minute and take commands; it continues after the repair: by doctor, or of the byte.
func damageLedger(ctx context.Context, r *round) error {
	var p *played
	var segment string
	for _, candidate := range r.running() {
		segments, _ := filepath.Glob(filepath.Join(candidate.folder, "ledger", "*.jsonl")) // an error means a bad pattern
		if n := len(segments); n > 0 && n < 5 {
			p, segment = candidate, segments[n-1]
		}
	}
	if p == nil {
		return fmt.Errorf("%w: no running sweep has a ledger", errSkipped)
	}
	if err := flip(segment); err != nil {
		return err
	}
	shown := false
	err := within(ctx, shownLimit, func() (bool, error) {
		var rows []struct{ Name, Fault string }
		if err := r.site.read(ctx, &rows, "list"); err != nil {
			return false, err
		}
		for _, row := range rows {
			shown = shown || row.Name == p.id && strings.Contains(row.Fault, "ledger_damaged") && strings.Contains(row.Fault, filepath.Base(segment))
		}
		p.over, _ = r.site.ended(ctx, p.id) // it may have had its last segment
		return shown || p.over, nil
	})
	if err != nil {
		return fmt.Errorf("list does not show the damaged segment of %s: %w", p.id, err)
	}
	if !shown {
		return errors.Join(flip(segment), fmt.Errorf("%w: the sweep had ended before", errSkipped))
	}
	for _, verb := range []string{"pause", "resume"} {
		if _, err := r.site.must(ctx, verb, p.id); err != nil {
			return fmt.Errorf("while the ledger is damaged: %w", err)
		}
	}
	if r.rand.IntN(2) == 0 {
		return flip(segment)
	}
	_, err = r.site.must(ctx, "doctor", p.id, "--repair")
	return err
}

// damageCheckpoint damages the last checkpoint of a running trial and kills its child: the
// training resumes from the one before.
func damageCheckpoint(ctx context.Context, r *round) error {
	for _, p := range r.running() {
		trials, _ := filepath.Glob(filepath.Join(p.folder, "trials", "*"))
		for _, trial := range slices.Backward(trials) {
			if _, err := os.Stat(filepath.Join(trial, "result.json")); err == nil {
				continue
			}
			models, _ := filepath.Glob(filepath.Join(trial, "attempts", "*", "checkpoints", "step-*", "model.safetensors"))
			if len(models) < 2 {
				continue
			}
			last := slices.MaxFunc(models, func(a, b string) int {
				return strings.Compare(filepath.Dir(a)[strings.LastIndex(a, "step-"):], filepath.Dir(b)[strings.LastIndex(b, "step-"):])
			})
			if strings.Contains(last, "step-0000000120") {
				continue // it may be the final one, which cannot be made again
			}
			if err := flip(last); err != nil {
				return err
			}
			return killChildren(true)(ctx, r)
		}
	}
	return fmt.Errorf("%w: no running trial has two checkpoints", errSkipped)
}

// damagePointer replaces a pointer by garbage.
func damagePointer(_ context.Context, r *round) error {
	for _, p := range r.running() {
		path := filepath.Join(p.folder, "pointers", "best.json")
		if _, err := os.Stat(path); err != nil {
			continue
		}
		return flip(path)
	}
	return fmt.Errorf("%w: no running sweep has a pointer", errSkipped)
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

// burst sends many commands at once. The last one is resume.
func burst(ctx context.Context, r *round) error {
	var wg sync.WaitGroup
	send := func(p *played, verb string) error {
		ctx, cancel := context.WithTimeout(ctx, soon)
		defer cancel()
		handle, err := r.site.client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
			WorkflowID: workflows.SweepID(p.id), UpdateName: verb, Args: []any{conduct.Command{By: "chaos"}}, WaitForStage: client.WorkflowUpdateStageCompleted,
		})
		if err == nil {
			err = handle.Get(ctx, nil)
		}
		return err
	}
	for _, p := range r.running() {
		for i := range 8 {
			wg.Go(func() {
				_ = send(p, []string{conduct.CommandPause, conduct.CommandResume}[i%2]) // one that comes when it is paused already is refused
			})
		}
	}
	wg.Wait()
	for _, p := range r.running() {
		a, err := r.site.try(ctx, "resume", p.id) // it is refused where the sweep runs
		if err != nil {
			return err
		}
		var progress conduct.Progress
		if over, err := r.site.ended(ctx, p.id); err != nil || over {
			continue
		}
		if err := r.site.query(ctx, p, &progress); err != nil {
			return err
		}
		if progress.Phase == conduct.PhasePaused {
			return fmt.Errorf("%s is still paused: %s", p.id, a.stderr)
		}
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

// pause waits.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// draw returns a fault of the catalogue, by weight; only those whose name contains only.
func draw(rng *rand.Rand, only string) fault {
	var choice []fault
	for _, f := range catalogue {
		if strings.Contains(f.name, only) {
			for range f.weight {
				choice = append(choice, f)
			}
		}
	}
	return choice[rng.IntN(len(choice))]
}

// lastLines returns the end of a log, for a message.
func lastLines(path string, n int) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-n):], []byte("\n")))
}
