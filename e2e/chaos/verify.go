package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/e2e/chaos/chain"
	"github.com/tailsweep/tailsweep/internal/retry"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

// facts are what a sweep left behind that faults must not change.
type facts struct {
	ledger  []sweep.Trial     // as it is
	trials  map[int]string    // number to what the ledger says, without times and attempts
	order   []int             // of the ledger
	objects map[string]string // key without attempts to the digest of what must be equal, "" for what may differ
	twice   []string          // keys that exist for several attempts
	broken  []int             // trials that were cancelled or failed
}

// facts reads a sweep that has ended.
func (s *site) facts(ctx context.Context, p *played) (*facts, error) {
	lines, err := ledgerLines(p.folder)
	if err != nil {
		return nil, err
	}
	f := &facts{ledger: lines, trials: map[int]string{}, objects: map[string]string{}}
	for _, t := range lines {
		if _, twice := f.trials[t.Number]; twice {
			return nil, fmt.Errorf("trial %d is twice in the ledger", t.Number)
		}
		if f.trials[t.Number], err = timeless(p, t); err != nil {
			return nil, err
		}
		f.order = append(f.order, t.Number)
		if t.Status == sweep.StatusCancelled || t.Status == sweep.StatusFailed {
			f.broken = append(f.broken, t.Number)
		}
	}
	return f, f.readObjects(p)
}

// ledgerLines reads the segments of a ledger from disk.
func ledgerLines(folder string) ([]sweep.Trial, error) {
	segments, err := filepath.Glob(filepath.Join(folder, "ledger", "*.jsonl"))
	if err != nil {
		return nil, err
	}
	var trials []sweep.Trial
	for _, path := range segments { // in order
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		_, body, _ := bytes.Cut(data, []byte("\n")) // after the header
		for lines := json.NewDecoder(bytes.NewReader(body)); lines.More(); {
			var t sweep.Trial
			if err := lines.Decode(&t); err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			trials = append(trials, t)
		}
	}
	return trials, nil
}

var attemptPart = regexp.MustCompile(`attempts/[0-9]+/`)

// timeless returns a trial without what a fault may change: times, attempts, and in a sweep
// with several trials at a time how many had ended when it was suggested.
func timeless(p *played, t sweep.Trial) (string, error) {
	t.Attempts, t.TrainTime, t.EvalTime, t.StartedAt, t.FinishedAt = 0, 0, 0, time.Time{}, time.Time{}
	t.Checkpoint = neutral(p, t.Checkpoint)
	t.Grid = neutral(p, t.Grid)
	for i := range t.Rungs {
		t.Rungs[i].Metrics = maps.Clone(t.Rungs[i].Metrics)
		delete(t.Rungs[i].Metrics, sweep.MetricStepsPerSecond)
	}
	if !p.ordered {
		t.Reason.Seen = nil
	}
	text, err := json.Marshal(t)
	return string(text), err
}

// neutral is a key without the name of the sweep and the number of the attempt.
func neutral(p *played, key string) string {
	return attemptPart.ReplaceAllString(strings.TrimPrefix(key, "v1/sweeps/"+p.id+"/"), "attempts/*/")
}

// readObjects lists the objects of a sweep. Of a checkpoint it notes the digests in its
// manifest.
func (f *facts) readObjects(p *played) error {
	return filepath.WalkDir(p.folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		rel, err := filepath.Rel(p.folder, path)
		if err != nil {
			return err
		}
		key := neutral(p, filepath.ToSlash(rel))
		switch {
		case strings.HasPrefix(key, "ledger/"), strings.HasPrefix(key, "packs/"), strings.HasPrefix(key, "commands/"), strings.HasPrefix(key, "damaged/"),
			strings.HasSuffix(key, "/log.txt"), !strings.Contains(key, "/"):
			return nil
		}
		if _, twice := f.objects[key]; twice {
			f.twice = append(f.twice, key)
		}
		f.objects[key] = ""
		data, err := os.ReadFile(path)
		switch {
		case err != nil:
			return err
		case strings.HasSuffix(key, "/curve.jsonl"):
			f.objects[key] = string(data)
		case strings.HasSuffix(key, checkpoint.ManifestName):
			m, err := checkpoint.ParseManifest(data)
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			if p.real {
				if err := withoutHeader(filepath.Dir(path), &m); err != nil {
					return err
				}
			}
			f.objects[key] = fmt.Sprint(m.Files)
		}
		return nil
	})
}

// withoutHeader replaces the digest of the weights by that of their bytes: the header of the
// file has the name of the sweep.
func withoutHeader(dir string, m *checkpoint.Manifest) error {
	for i, f := range m.Files {
		if f.Path != checkpoint.ModelName {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, f.Path))
		if err != nil {
			return err
		}
		header := binary.LittleEndian.Uint64(data) + 8
		m.Files[i] = checkpoint.File{Path: f.Path, SHA256: fmt.Sprintf("%x", sha256.Sum256(data[header:]))}
	}
	return nil
}

// wrong lists the trials whose metrics are not those of their parameters, seed and steps: a
// step was left out, done twice, or done on other weights.
func (f *facts) wrong(p *played) []string {
	var found []string
	for _, t := range f.ledger {
		evaluations := t.Rungs
		if t.Status == sweep.StatusCompleted {
			evaluations = append(evaluations, sweep.Rung{Step: t.Steps, Metrics: t.Metrics})
		}
		if t.Status == sweep.StatusCompleted && t.Steps != p.steps {
			found = append(found, fmt.Sprintf("%s: trial %d completed with %d steps, want %d", p.id, t.Number, t.Steps, p.steps))
		}
		link := chain.Begin(t.Params, t.Seed)
		at := 0
		for _, e := range evaluations {
			for ; at < e.Step; at++ {
				link = link.Next(at + 1)
			}
			if got, want := e.Metrics["fid.tail"], link.Metric("fid.tail"); got != want {
				found = append(found, fmt.Sprintf("%s: trial %d has fid.tail %v after step %d, want %v", p.id, t.Number, got, e.Step, want))
			}
		}
	}
	return found
}

// orphans lists the checkpoints that are not complete, and those that no trial of the ledger
// names. Whoever terminates a trial in Temporal leaves what it had, for gc.
func (f *facts) orphans(p *played) []string {
	named := map[string]bool{}
	for _, t := range f.ledger {
		named[t.Checkpoint] = true
	}
	var found []string
	folders, _ := filepath.Glob(filepath.Join(p.folder, "trials", "*", "attempts", "*", "checkpoints", "step-*")) // an error means a bad pattern
	for _, folder := range folders {
		rel, err := filepath.Rel(p.folder, folder)
		if err != nil {
			return append(found, err.Error())
		}
		key := "v1/sweeps/" + p.id + "/" + filepath.ToSlash(rel)
		trial, _ := strconv.Atoi(strings.Split(rel, string(filepath.Separator))[1]) // six digits
		switch _, err := os.Stat(filepath.Join(folder, checkpoint.ManifestName)); {
		case p.loose && slices.Contains(f.broken, trial):
		case err != nil:
			found = append(found, fmt.Sprintf("%s: the checkpoint %s is not complete: %v", p.id, key, err))
		case !named[key]:
			found = append(found, fmt.Sprintf("%s: no trial names the checkpoint %s", p.id, key))
		}
	}
	return found
}

// differences lists what distinguishes a sweep from the undisturbed one.
func (f *facts) differences(p *played, want *facts) []string {
	if p.grown != 0 {
		return nil
	}
	var found []string
	add := func(format string, args ...any) { found = append(found, p.id+": "+fmt.Sprintf(format, args...)) }
	for n, trial := range want.trials {
		switch got, ok := f.trials[n]; {
		case p.loose && (!ok || slices.Contains(f.broken, n) || f.learnedOtherwise(p, n)):
		case !ok:
			add("trial %d is not in the ledger", n)
		case got != trial:
			add("trial %d differs:\n    %s\n    %s", n, got, trial)
		}
	}
	for n := range f.trials {
		if _, ok := want.trials[n]; !ok && !p.loose {
			add("trial %d is in the ledger", n)
		}
	}
	if p.ordered && !slices.Equal(f.order, want.order) {
		add("the order of the ledger is %v, want %v", f.order, want.order)
	}
	for key, digest := range want.objects {
		switch got, ok := f.objects[key]; {
		case p.loose && (!ok || f.isBroken(key) || f.learnedOtherwise(p, trialOf(key))): // the trial was cancelled, or others lead
		case !ok:
			add("%s is not in the store", key)
		case got != digest:
			add("%s differs", key)
		}
	}
	for key := range f.objects {
		if _, ok := want.objects[key]; !ok && !p.loose {
			add("nobody points at %s", key)
		}
	}
	for _, key := range f.twice {
		add("%s exists for several attempts", key)
	}
	return found
}

// learnedOtherwise reports whether a trial comes after one that was cancelled or failed, in a
// sweep that suggests or stops trials by the results of earlier ones.
func (f *facts) learnedOtherwise(p *played, trial int) bool {
	return p.learns && slices.ContainsFunc(f.broken, func(n int) bool { return n < trial })
}

// isBroken reports whether an object is of a trial that was cancelled or failed.
func (f *facts) isBroken(key string) bool {
	return slices.Contains(f.broken, trialOf(key))
}

// trialOf is the number of the trial that an object belongs to, -1 for none.
func trialOf(key string) (trial int) {
	if _, err := fmt.Sscanf(key, "trials/%06d/", &trial); err != nil {
		return -1
	}
	return trial
}

// settleLimit is how long processes and folders of a round may take to go away, and gauges to
// agree: a worker that did not record the end of a sweep looks every 30 s.
var settleLimit = 45 * time.Second

// verify compares the sweeps of a round with the undisturbed ones, and looks for what was
// left behind.
func (c *chaos) verify(ctx context.Context, sweeps []*played) ([]string, error) {
	var found []string
	for _, p := range sweeps {
		f, err := c.site.facts(ctx, p)
		if err != nil {
			found = append(found, fmt.Sprintf("%s: %v", p.id, err))
			continue
		}
		if want := c.want[p.name]; want != nil {
			found = append(found, f.differences(p, want)...)
			if p.grown != 0 {
				found = append(found, f.grownFaults(p, want)...)
			}
		}
		if p.commanded {
			found = append(found, c.site.commandFaults(ctx, p)...)
		}
		found = append(found, f.orphans(p)...)
		if !p.real {
			found = append(found, f.wrong(p)...)
		}
		a, err := c.site.try(ctx, "doctor", p.id, "--read-data")
		if err != nil {
			return found, err
		}
		if a.code != 0 {
			found = append(found, fmt.Sprintf("%s: doctor: exit code %d\n%s", p.id, a.code, a.stdout+a.stderr))
		}
	}
	var left []string
	err := within(ctx, settleLimit, func() (bool, error) {
		left = c.left(ctx, sweeps)
		return len(left) == 0, nil
	})
	if ctx.Err() != nil {
		return found, err
	}
	return append(found, left...), nil
}

// within polls until done reports true, for at most limit.
func within(ctx context.Context, limit time.Duration, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return retry.Until(ctx, 200*time.Millisecond, done)
}

// left lists processes and folders that ended sweeps left behind, and gauges that do not
// agree with the ledger.
func (c *chaos) left(ctx context.Context, sweeps []*played) []string {
	var found []string
	for _, pid := range c.site.children() {
		found = append(found, fmt.Sprintf("the child %d still runs", pid))
	}
	folders, _ := filepath.Glob(c.site.path("staging", "worker-*")) // an error means a bad pattern
	if len(folders) > len(c.site.workers) {
		found = append(found, fmt.Sprintf("%d staging folders for %d workers", len(folders), len(c.site.workers)))
	}
	for _, folder := range folders {
		attempts, _ := filepath.Glob(filepath.Join(folder, "[^.]*")) // all but the lock
		for _, a := range attempts {
			found = append(found, "left in the staging folder: "+a)
		}
	}
	for _, w := range c.site.workers {
		page, err := w.metrics(ctx)
		if err != nil {
			found = append(found, fmt.Sprintf("metrics of worker %s: %v", w.name, err))
			continue
		}
		for _, p := range sweeps {
			lines, err := ledgerLines(p.folder)
			if err != nil {
				continue // it is reported already
			}
			if fault := gauges(page, p.id, len(lines)); fault != "" {
				found = append(found, fmt.Sprintf("worker %s: %s", w.name, fault))
			}
		}
	}
	return found
}

// gauges compares the gauges of a sweep that has ended with the number of trials in its
// ledger. A worker that was started after that exports none.
func gauges(page, id string, trials int) string {
	active, sum, any := 0.0, 0.0, false
	for line := range strings.Lines(page) {
		var value float64
		switch {
		case !strings.Contains(line, fmt.Sprintf("sweep=%q", id)):
			continue
		case strings.HasPrefix(line, "tailsweep_sweep_active{"):
			any = true
			_, _ = fmt.Sscan(line[strings.LastIndexByte(line, ' '):], &active)
		case strings.HasPrefix(line, "tailsweep_trials{"):
			any = true
			_, _ = fmt.Sscan(line[strings.LastIndexByte(line, ' '):], &value)
			sum += value
		}
	}
	if any && (active != 0 || int(sum) != trials) {
		return fmt.Sprintf("the gauges of %s say active %v, %v trials; the ledger has %d", id, active, sum, trials)
	}
	return ""
}
