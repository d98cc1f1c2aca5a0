package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/trainer/checkpoint"
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
	{"store away, shown", blocked, misbehaveUntilShown(away)},
	{"store hangs, shown", blocked, misbehaveUntilShown(hanging)},
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
	{"three edits in a burst", soon, edits},
	{"trial terminated in Temporal, retried in a burst", soon, retried},
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

// ignore returns err unless it is target.
func ignore(err, target error) error {
	if errors.Is(err, target) {
		return nil
	}
	return err
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
	direct := &site{program: r.site.program, environ: append(slices.Clone(r.site.environ), "TAILSWEEP_S3_ENDPOINT="+r.site.status.S3)} // the proxy may not answer
	err := within(ctx, shownLimit, func() (bool, error) {
		var rows []struct{ Name, Fault string }
		if err := direct.read(ctx, &rows, "list"); err != nil {
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

// lastLines returns the end of a log, for a message.
func lastLines(path string, n int) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-n):], []byte("\n")))
}
