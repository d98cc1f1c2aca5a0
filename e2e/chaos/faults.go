package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/stack"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/workflows"
)

// fault is a kind of fault.
type fault struct {
	name   string
	limit  time.Duration // from its end until each sweep has made a step
	inject func(ctx context.Context, r *round) error
}

// errSkipped is a fault that cannot be injected here.
var errSkipped = errors.New("skipped")

// Limits of the product, with time for a loaded machine.
const (
	commandLimit = 90 * time.Second  // a verb
	soon         = 30 * time.Second  // nothing has to time out
	heartbeat    = 75 * time.Second  // a heartbeat of 30 s has to time out first
	frozen       = 135 * time.Second // a few in a row: each job that was on its way to the frozen worker has to time out
	blocked      = 90 * time.Second  // a blocked step rests first: 5, 10, 20 s
	shownLimit   = time.Minute       // what blocks a sweep is shown
	drainLimit   = 150 * time.Second // worker.DrainAll is 130 s
)

// catalogue lists all faults.
var catalogue = []fault{
	{"kill -9 a child", soon, killChildren(false)},
	{"kill -9 all children", soon, killChildren(true)},
	{"kill -9 the worker", heartbeat, killWorker},
	{"kill -9 Temporal and the store", heartbeat, killStack},
	{"kill -9 Prometheus", soon, killPrometheus},
	{"kill -9 run and watch", soon, killWatchers},
	{"kill -9 everything", heartbeat, killAll},
	{"freeze the worker, a second one takes over", heartbeat, freezeWorker},
	{"drain the worker (SIGTERM)", soon, drainWorker},
	{"drain the worker, a second one waits", soon, handOver},
	{"worker whose trainer does not start", soon, brokenWorker},
	{"clock of the worker an hour ahead", blocked, wrongClockFor("a", time.Hour)},
	{"clock of the worker an hour behind", blocked, wrongClockFor("a", -time.Hour)},
	{"clock of one of two workers an hour ahead", soon, wrongClockNextTo},
	{"an older worker gets the trainings", blocked, olderTrains},
	{"an older worker next to the right one", blocked, olderNextTo},
	{"full disk: staging", soon, fill("staging")},
	{"full disk: state", blocked, fill("state")},
	{"full disk: cache, which was emptied", blocked, fillCache},
	{"store away", blocked, misbehave(away, 5*time.Second)},
	{"store away for longer", blocked, misbehave(away, 15*time.Second)},
	{"store answers 500", blocked, misbehave(failing, 5*time.Second)},
	{"store refuses writes", blocked, misbehave(readonly, 5*time.Second)},
	{"store slow", soon, misbehave(slow, 8*time.Second)},
	{"store cuts off answers", soon, misbehave(cutting, 8*time.Second)},
	{"damaged ledger, shown, repaired", blocked, damageLedger(repair)},
	{"damaged ledger, cancelled, repaired, resumed", blocked, damageLedger(cancelAndRepair)},
	{"damaged checkpoint, child killed", soon, damageCheckpoint(checkpoint.ModelName)},
	{"damaged manifest, child killed", soon, damageCheckpoint(checkpoint.ManifestName)},
	{"garbage signals", soon, garbage},
	{"forged signals", soon, forge},
	{"pause and resume in a burst", soon, burst},
	{"extend, enqueue, set, pin in a burst, each thrice", soon, changes},
	{"sweep terminated in Temporal, resumed", heartbeat, terminateSweep},
	{"sweep reset in Temporal", heartbeat, resetSweep},
	{"sweep cancelled in Temporal, resumed", heartbeat, cancelSweep},
	{"sweep cancelled by verb, resumed", heartbeat, cancelByVerb},
	{"trial terminated in Temporal", heartbeat, terminateTrial},
}

func init() {
	for _, o := range objects {
		catalogue = append(catalogue, fault{"damaged: " + o.name, blocked, damageObject(o)})
	}
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
const stepLimit = 6 * time.Second

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
	for _, name := range lasting {
		r.site.workers[name].kill()
		if err := r.site.startWorker(ctx, name); err != nil {
			return err
		}
	}
	return nil
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

// watchers starts a `watch` of each running sweep, and a `run` that attaches. kill ends them.
func (r *round) watchers(ctx context.Context) (kill func(), err error) {
	var watching []*exec.Cmd
	kill = func() {
		for _, cmd := range watching {
			_ = cmd.Process.Kill() // an error means that it has ended
			_ = cmd.Wait()         // killed
		}
	}
	for i, p := range r.running() {
		args := []string{"watch", p.id}
		if i == 0 {
			args = []string{"run", r.site.specOf(p)}
		}
		cmd := r.site.command(ctx, args...)
		if err := cmd.Start(); err != nil {
			kill()
			return nil, err
		}
		watching = append(watching, cmd)
	}
	return kill, nil
}

// killWatchers kills a `watch` of each sweep after a while, and a `run` that attaches.
func killWatchers(ctx context.Context, r *round) error {
	kill, err := r.watchers(ctx)
	if err != nil {
		return err
	}
	err = pause(ctx, time.Duration(r.rand.IntN(1500))*time.Millisecond)
	kill()
	return err
}

// killAll kills all processes: the stack with its children, the workers with theirs, and the
// command lines that follow the sweeps.
func killAll(ctx context.Context, r *round) error {
	watching, err := r.watchers(ctx)
	if err != nil {
		return err
	}
	if err := errors.Join(r.site.killStackNow(ctx), ignore(killPrometheus(ctx, r), errSkipped)); err != nil {
		return err
	}
	for _, pid := range r.site.children() {
		_ = syscall.Kill(pid, syscall.SIGKILL) // an error means that it has ended
	}
	for _, w := range r.site.workers {
		w.kill()
	}
	watching()
	if err := r.site.up(ctx); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(r.site.workers)) {
		if err := r.site.startWorker(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// ignore returns err unless it is target.
func ignore(err, target error) error {
	if errors.Is(err, target) {
		return nil
	}
	return err
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
	err := r.takeOver(ctx, frozen)
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
	if err := r.site.start(ctx, r.site.program, "b", "--trainer", "false"); err != nil {
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
		return fmt.Errorf("next to a worker whose trainer does not start (rests: %t): %w", rests, err)
	}
	return nil
}

// drain ends a worker with SIGTERM, or with SIGKILL if it does not drain.
func (s *site) drain(name string) error {
	w := s.workers[name]
	delete(s.workers, name)
	err := w.signal(syscall.SIGTERM)
	if err == nil {
		select {
		case <-w.ended:
		case <-time.After(drainLimit):
			err = errors.New("it does not drain")
		}
	}
	if err != nil {
		w.kill()
		return fmt.Errorf("worker %s: %w", name, err)
	}
	if code := w.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("worker %s drained with exit code %d", name, code)
	}
	return nil
}

// restore drains the workers that a failed fault has left, and starts those that it ended.
func (s *site) restore(ctx context.Context) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(s.workers)) {
		if !slices.Contains(lasting, name) {
			errs = append(errs, s.drain(name))
		}
	}
	for _, name := range lasting {
		if s.workers[name] == nil {
			errs = append(errs, s.startWorker(ctx, name))
		}
	}
	return errors.Join(errs...)
}

// takeOver waits until every sweep has made a step.
func (r *round) takeOver(ctx context.Context, limit time.Duration) error {
	moved := r.mark()
	if err := within(ctx, limit, func() (bool, error) { return moved.all(ctx), nil }); err != nil {
		return fmt.Errorf("no step of %s: %w", moved.waiting(), err)
	}
	return nil
}

// shown waits until list names a reason at one of the sweeps, or until all have ended.
func (r *round) shown(ctx context.Context, reason string) error {
	began := time.Now()
	err := within(ctx, shownLimit, func() (bool, error) {
		var rows []struct{ Name, Fault string }
		if err := r.site.read(ctx, &rows, "list"); err != nil {
			return false, err
		}
		for _, row := range rows {
			if strings.Contains(row.Fault, reason) && slices.ContainsFunc(r.sweeps, func(p *played) bool { return p.id == row.Name }) {
				r.log("list shows %s after %.1f s", reason, time.Since(began).Seconds())
				return true, nil
			}
		}
		return r.over(ctx), nil
	})
	if err != nil {
		return fmt.Errorf("list does not show %s: %w", reason, err)
	}
	return nil
}

// wrongClockFor lets a worker have a wrong clock. The store refuses its requests, and list
// says so.
func wrongClockFor(name string, by time.Duration) func(context.Context, *round) error {
	return func(ctx context.Context, r *round) error {
		if _, err := r.anyRunning(ctx, hashes); err != nil {
			return err
		}
		correct, err := setClock(r.site.workers[name].cmd.Process.Pid, by)
		if err != nil {
			return err
		}
		return errors.Join(r.shown(ctx, "clock_skew"), correct())
	}
}

// wrongClockNextTo lets one of two workers have a wrong clock: the other one does the work.
func wrongClockNextTo(ctx context.Context, r *round) error {
	correct, err := setClock(r.site.workers["a"].cmd.Process.Pid, time.Hour)
	if err != nil {
		return err
	}
	err = r.site.startWorker(ctx, "b")
	if err == nil {
		err = r.takeOver(ctx, blocked)
	}
	if err = errors.Join(err, correct()); err != nil {
		return err
	}
	return r.site.drain("b")
}

// olderTrains leaves the trainings to a worker that does not know a field of the specs. It
// refuses them, list says so, and the right worker gets them afterwards.
func olderTrains(ctx context.Context, r *round) error {
	if r.site.older == "" {
		return fmt.Errorf("%w: there is no older build", errSkipped)
	}
	if _, err := r.anyRunning(ctx, hashes); err != nil {
		return err
	}
	if err := r.site.start(ctx, r.site.older, "older", "--only", "training"); err != nil {
		return err
	}
	if err := r.site.start(ctx, r.site.program, "control", "--only", "control"); err != nil {
		return err
	}
	if err := r.site.drain("a"); err != nil {
		return err
	}
	err := r.shown(ctx, "wrong_build")
	return errors.Join(err, r.site.startWorker(ctx, "a"), r.site.drain("older"), r.site.drain("control"))
}

// olderNextTo starts a worker that does not know a field of the specs next to the right one.
// It must not harm: it refuses trainings, and the workflows wait for the other.
func olderNextTo(ctx context.Context, r *round) error {
	if r.site.older == "" {
		return fmt.Errorf("%w: there is no older build", errSkipped)
	}
	if err := r.site.start(ctx, r.site.older, "older"); err != nil {
		return err
	}
	return errors.Join(r.takeOver(ctx, blocked), r.site.drain("older"))
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
		if err := r.site.occupy(ctx, folder, func() error { return pause(ctx, 6*time.Second) }); err != nil {
			return err
		}
		return r.site.up(ctx)
	}
}

// fillCache removes the downloaded dataset, fills the disk, and kills the children, so that
// the next attempts have to download it.
func fillCache(ctx context.Context, r *round) error {
	if _, err := r.anyRunning(ctx, func(p *played) bool { return p.name == "grid" }); err != nil {
		return err
	}
	if err := os.RemoveAll(r.site.path("cache", "datasets")); err != nil {
		return err
	}
	return r.site.occupy(ctx, "cache", func() error {
		if err := killChildren(true)(ctx, r); err != nil {
			return err
		}
		return pause(ctx, 6*time.Second)
	})
}

// occupy takes all free space of a file system meanwhile.
func (s *site) occupy(ctx context.Context, folder string, meanwhile func() error) error {
	if !slices.Contains(s.mounts, folder) {
		return fmt.Errorf("%w: it has no file system of its own", errSkipped)
	}
	path := s.path(folder, "ballast")
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
		err = meanwhile()
	}
	return errors.Join(err, f.Close(), os.Remove(path))
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

// damageLedger damages the last segment of a running sweep. The sweep must show it within a
// minute and take commands; then it is repaired.
func damageLedger(then func(ctx context.Context, r *round, p *played, segment string) error) func(context.Context, *round) error {
	return func(ctx context.Context, r *round) error {
		p, segment := r.ledgerToDamage()
		if p == nil {
			return fmt.Errorf("%w: no running sweep will append to its ledger", errSkipped)
		}
		if err := flip(segment, false); err != nil {
			return err
		}
		err := r.shown(ctx, filepath.Base(segment))
		if p.over, _ = r.site.ended(ctx, p.id); p.over { // it may have had its last segment
			return errors.Join(flip(segment, false), fmt.Errorf("%w: the sweep had ended before", errSkipped))
		}
		if err != nil {
			return fmt.Errorf("the damaged segment of %s: %w", p.id, err)
		}
		return then(ctx, r, p, segment)
	}
}

// ledgerToDamage returns the last segment of a running sweep that will have another one.
func (r *round) ledgerToDamage() (*played, string) {
	list := r.running()
	r.rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	for _, p := range list {
		segments, _ := filepath.Glob(filepath.Join(p.folder, "ledger", "*.jsonl")) // an error means a bad pattern
		if n := len(segments); n > 0 && n < len(r.want[p.name].trials)-2 {
			return p, segments[n-1]
		}
	}
	return nil, ""
}

// repair lets doctor repair the segment, or puts the byte right.
func repair(ctx context.Context, r *round, p *played, segment string) error {
	for _, verb := range []string{"pause", "resume"} {
		if _, err := r.site.must(ctx, verb, p.id); err != nil {
			return fmt.Errorf("while the ledger is damaged: %w", err)
		}
	}
	if r.rand.IntN(2) == 0 {
		return flip(segment, false)
	}
	_, err := r.site.must(ctx, "doctor", p.id, "--repair")
	return err
}

// cancelAndRepair cancels the sweep while its ledger is damaged. It ends once the ledger is
// repaired, and is resumed.
func cancelAndRepair(ctx context.Context, r *round, p *played, _ string) error {
	p.loose = true
	if _, err := r.site.must(ctx, "cancel", p.id); err != nil {
		return fmt.Errorf("while the ledger is damaged: %w", err)
	}
	if _, err := r.site.must(ctx, "doctor", p.id, "--repair"); err != nil {
		return err
	}
	return r.resume(ctx, p, blocked)
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

// lastLines returns the end of a log, for a message.
func lastLines(path string, n int) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-n):], []byte("\n")))
}
