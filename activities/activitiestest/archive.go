package activitiestest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// Archive is a fake: it keeps one sweep's checkpoints and records in memory, and
// has the contract's idempotence and conflicts. Safe for concurrent use.
type Archive struct {
	mu          sync.Mutex
	checkpoints map[string]checkpoint
	segments    [][]sweep.Trial
	results     map[int]sweep.Trial
	best        []int
	entries     []conduct.CommandEntry
	state       []byte
	earlier     map[string]kept   // sweeps of Keep, by name
	read        int               // how often they were read
	files       map[string]string // content by path
	curves      []string          // keys of the checkpoints whose curves were kept
	fail        map[string]error
	corruptAt   map[string]bool // by key, when it will be uploaded
}

type checkpoint struct {
	trial, step int
	corrupt     bool
	partial     bool // its upload or removal was interrupted
}

// NewArchive returns an empty one.
func NewArchive() *Archive {
	return &Archive{
		checkpoints: map[string]checkpoint{}, results: map[int]sweep.Trial{}, fail: map[string]error{}, corruptAt: map[string]bool{},
	}
}

// Fail makes the method of this name return err; a nil err ends that.
func (a *Archive) Fail(method string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fail[method] = err
}

// CorruptWhenStored makes the checkpoint with this key fail verification once it
// is there.
func (a *Archive) CorruptWhenStored(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.corruptAt[key] = true
}

// Segments is the ledger.
func (a *Archive) Segments() [][]sweep.Trial {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.segments)
}

// Trials is the ledger without its segments.
func (a *Archive) Trials() []sweep.Trial { return slices.Concat(a.Segments()...) }

// Best is where the pointer points.
func (a *Archive) Best() []int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.best)
}

// Keys are the checkpoints that are there, in order.
func (a *Archive) Keys() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	keys := make([]string, 0, len(a.checkpoints))
	for key := range a.checkpoints {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// Key is the key of a checkpoint.
func Key(trial, attempt, step int) string {
	return fmt.Sprintf("trials/%06d/attempts/%d/checkpoints/step-%010d", trial, attempt, step)
}

// Store puts a checkpoint there, without a folder.
func (a *Archive) Store(trial, attempt, step int, corrupt bool) activities.CheckpointRef {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := Key(trial, attempt, step)
	a.checkpoints[key] = checkpoint{trial: trial, step: step, corrupt: corrupt || a.corruptAt[key]}
	return activities.CheckpointRef{Key: key, Step: step}
}

// For implements activities.Archive. Every sweep gets the same archive.
func (a *Archive) For(context.Context, sweep.Identity, string) (activities.Checkpoints, activities.Records, error) {
	return a, a, a.failure("For")
}

// Owns implements activities.Archive.
func (a *Archive) Owns(context.Context, string, sweep.Identity) error { return a.failure("Owns") }

// List implements activities.Checkpoints.
func (a *Archive) List(_ context.Context, _ string, trial int) (complete, partial []activities.CheckpointRef, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for key, c := range a.checkpoints {
		switch ref := (activities.CheckpointRef{Key: key, Step: c.step}); {
		case c.trial != trial:
		case c.partial:
			partial = append(partial, ref)
		default:
			complete = append(complete, ref)
		}
	}
	slices.SortFunc(complete, func(x, y activities.CheckpointRef) int {
		return cmp.Or(cmp.Compare(y.Step, x.Step), strings.Compare(y.Key, x.Key))
	})
	return complete, partial, a.fail["List"]
}

// Interrupt leaves a checkpoint without its manifest.
func (a *Archive) Interrupt(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.checkpoints[key]
	c.partial = true
	a.checkpoints[key] = c
}

// Upload implements activities.Checkpoints.
func (a *Archive) Upload(_ context.Context, _ string, trial, attempt int, dir string) (activities.CheckpointRef, error) {
	if err := a.failure("Upload"); err != nil {
		return activities.CheckpointRef{}, err
	}
	step, err := resumedStep(dir)
	if err != nil {
		return activities.CheckpointRef{}, err
	}
	return a.Store(trial, attempt, step, false), nil
}

// Download implements activities.Checkpoints.
func (a *Archive) Download(_ context.Context, key, dir string, size func(bytes int64)) error {
	a.mu.Lock()
	c, ok := a.checkpoints[key]
	err := a.fail["Download"]
	a.mu.Unlock()
	switch {
	case err != nil:
		return err
	case !ok:
		return fmt.Errorf("download %s: not there", key)
	case c.corrupt:
		return fmt.Errorf("download %s: %w", key, activities.ErrCorrupt)
	}
	if size != nil {
		size(1)
	}
	return writeStep(dir, c.step)
}

// CheckManifest implements activities.Checkpoints. The manifest of a corrupt checkpoint is
// damaged.
func (a *Archive) CheckManifest(_ context.Context, key string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.checkpoints[key].corrupt {
		return fmt.Errorf("manifest of %s: %w", key, activities.ErrCorrupt)
	}
	return a.fail["CheckManifest"]
}

// KeepCurve implements activities.Checkpoints.
func (a *Archive) KeepCurve(_ context.Context, key string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.checkpoints[key]; !ok {
		return fmt.Errorf("keep the curve of %s: not there", key)
	}
	if err := a.fail["KeepCurve"]; err != nil {
		return err
	}
	a.curves = append(a.curves, key)
	return nil
}

// Curves are the keys of the checkpoints whose curves were kept, in order.
func (a *Archive) Curves() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.curves)
}

// Remove implements activities.Checkpoints. It fails after removing.
func (a *Archive) Remove(_ context.Context, key string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.checkpoints, key)
	return a.fail["Remove"]
}

// AppendSegment implements activities.Records.
func (a *Archive) AppendSegment(_ context.Context, name string, seg int, trials []sweep.Trial) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.fail["AppendSegment"] != nil:
		return a.fail["AppendSegment"]
	case seg > len(a.segments):
		return fmt.Errorf("segment %d of %s leaves a gap after %d", seg, name, len(a.segments))
	case seg == len(a.segments):
		a.segments = append(a.segments, trials)
		return nil
	}
	stored, err := json.Marshal(a.segments[seg])
	if err != nil {
		return err
	}
	again, err := json.Marshal(trials)
	if err != nil {
		return err
	}
	if string(stored) != string(again) {
		return fmt.Errorf("segment %d of %s: %w", seg, name, activities.ErrConflict)
	}
	return nil
}

// Ledger implements activities.Records.
func (a *Archive) Ledger(_ context.Context, name string, segs int) ([]sweep.Trial, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	segments := a.segments
	if e, has := a.earlier[name]; has {
		segments = e.segments
	}
	if segs > len(segments) {
		return nil, fmt.Errorf("ledger of %s has %d segments, not %d", name, len(segments), segs)
	}
	return slices.Concat(segments[:segs]...), a.fail["Ledger"]
}

// Keep adds the spec and the ledger of an earlier sweep.
func (a *Archive) Keep(spec *sweep.Spec, segments ...[]sweep.Trial) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.earlier == nil {
		a.earlier = map[string]kept{}
	}
	a.earlier[spec.Name] = kept{spec, segments}
}

// kept is an earlier sweep.
type kept struct {
	spec     *sweep.Spec
	segments [][]sweep.Trial
}

// CheckEarlier implements activities.Records, for the sweeps of Keep.
func (a *Archive) CheckEarlier(_ context.Context, e sweep.Earlier) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, has := a.earlier[e.Sweep]; !has {
		return fmt.Errorf("there is no sweep %s", e.Sweep)
	}
	return a.fail["CheckEarlier"]
}

// Earlier implements activities.Records, for the sweeps of Keep.
func (a *Archive) Earlier(ctx context.Context, e sweep.Earlier) (*sweep.Spec, []sweep.Trial, error) {
	if err := a.CheckEarlier(ctx, e); err != nil {
		return nil, nil, err
	}
	trials, err := a.Ledger(ctx, e.Sweep, e.Segments)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.read++
	return a.earlier[e.Sweep].spec, trials, err
}

// EarlierRead is how often an earlier sweep was read.
func (a *Archive) EarlierRead() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.read
}

// Compact implements activities.Records.
func (a *Archive) Compact(context.Context, string, int) error { return a.failure("Compact") }

// CreateResult implements activities.Records. Fail("PutResult") makes it fail, too.
func (a *Archive) CreateResult(_ context.Context, _ string, trial sweep.Trial) (sweep.Trial, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.fail["PutResult"]; err != nil {
		return trial, err
	}
	if stored, ok := a.results[trial.Number]; ok {
		return stored, nil
	}
	a.results[trial.Number] = trial
	return trial, nil
}

// PutResult implements activities.Records.
func (a *Archive) PutResult(_ context.Context, _ string, trial sweep.Trial) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.fail["PutResult"]; err != nil {
		return err
	}
	a.results[trial.Number] = trial
	return nil
}

// Result implements activities.Records.
func (a *Archive) Result(_ context.Context, _ string, trial int) (sweep.Trial, bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	result, ok := a.results[trial]
	return result, ok, a.fail["Result"]
}

// PutFiles stores files of a trainer by their paths.
func (a *Archive) PutFiles(files map[string]string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.files = files
}

// Files implements activities.Records. It does not compare the digests.
func (a *Archive) Files(_ context.Context, _ string, digests map[string]string, dir string) error {
	if err := a.failure("Files"); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for path := range digests {
		content, ok := a.files[path]
		if !ok {
			return sweep.Fail(sweep.FailBadData, fmt.Errorf("there is no file %s", path))
		}
		full := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(full, []byte(content), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// PutGrid implements activities.Records.
func (a *Archive) PutGrid(_ context.Context, _ string, trial int, _ string) (string, error) {
	return fmt.Sprintf("trials/%06d/grid.png", trial), a.failure("PutGrid")
}

// PutLog implements activities.Records.
func (a *Archive) PutLog(context.Context, string, int, int, string) error { return a.failure("PutLog") }

// PutBest implements activities.Records.
func (a *Archive) PutBest(_ context.Context, _ string, best []int, _ []sweep.Trial) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.fail["PutBest"]; err != nil {
		return err
	}
	a.best = best
	return nil
}

func (a *Archive) failure(method string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.fail[method]
}

// PutCommandEntry implements activities.Records.
func (a *Archive) PutCommandEntry(_ context.Context, _ string, entry conduct.CommandEntry) error {
	if err := a.failure("PutCommandEntry"); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !slices.ContainsFunc(a.entries, func(e conduct.CommandEntry) bool { return e.Number == entry.Number && e.At.Equal(entry.At) }) {
		a.entries = append(a.entries, entry)
	}
	return nil
}

// PutState implements activities.Records.
func (a *Archive) PutState(_ context.Context, _ string, state []byte) error {
	if err := a.failure("PutState"); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.state = slices.Clone(state)
	return nil
}

// Log is the stored entries, and State the last state.
func (a *Archive) Log() (entries []conduct.CommandEntry, state []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.entries), slices.Clone(a.state)
}
