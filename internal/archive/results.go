package archive

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

// The names of objects.
const (
	resultName = "result.json"
	logName    = "log.txt"
	bestName   = "pointers/best.json"
)

// CreateResult implements activities.Records.
func (a *Archive) CreateResult(ctx context.Context, sweepName string, trial sweep.Trial) (sweep.Trial, error) {
	body, err := sealedResult(sweepName, trial)
	if err != nil {
		return trial, err
	}
	result := a.object(trialKey(sweepName, trial.Number, resultName))
	if err = result.create(ctx, body); !errors.Is(err, activities.ErrConflict) {
		return trial, err
	}
	stored, ok, err := a.Result(ctx, sweepName, trial.Number)
	if err != nil || ok {
		return stored, err
	}
	return trial, result.put(ctx, body) // over the mark of one that doctor has put aside
}

// PutResult implements activities.Records.
func (a *Archive) PutResult(ctx context.Context, sweepName string, trial sweep.Trial) error {
	body, err := sealedResult(sweepName, trial)
	if err != nil {
		return err
	}
	return a.object(trialKey(sweepName, trial.Number, resultName)).put(ctx, body)
}

// sealedResult is the object of a result.
func sealedResult(sweepName string, trial sweep.Trial) ([]byte, error) {
	if err := checkTrial(trial); err != nil {
		return nil, fmt.Errorf("result of sweep %s: %w", sweepName, err)
	}
	body, err := encodeTrial(trial)
	if err != nil {
		return nil, err
	}
	if len(body) > maxLine {
		return nil, tooLarge("the result of trial %d has %d bytes; a ledger line can have %d", trial.Number, len(body), maxLine)
	}
	return seal(digestOf(body), body), nil
}

// Result implements activities.Records. The error of a damaged one is a *LedgerError.
func (a *Archive) Result(ctx context.Context, sweepName string, trial int) (result sweep.Trial, ok bool, err error) {
	stored := a.object(trialKey(sweepName, trial, resultName))
	data, _, err := stored.read(ctx, maxResult+maxSeal)
	if errors.Is(err, store.ErrNotFound) || err == nil && bytes.Equal(data, moved) {
		return sweep.Trial{}, false, nil
	}
	if err != nil {
		return sweep.Trial{}, false, err
	}
	t, err := decodeResult(data)
	if err == nil && t.Number != trial {
		err = fmt.Errorf("it is of trial %d", t.Number)
	}
	if err != nil {
		return sweep.Trial{}, false, &LedgerError{Sweep: sweepName, Key: stored.key, Found: "it cannot be read: " + err.Error(), Want: fmt.Sprintf("the result of trial %d", trial), Err: err}
	}
	return t, true, nil
}

// decodeResult reads a stored result.
func decodeResult(data []byte) (sweep.Trial, error) {
	body, err := unseal(data)
	if err != nil {
		return sweep.Trial{}, err
	}
	return decodeTrial(body)
}

// PutGrid implements activities.Records.
func (a *Archive) PutGrid(ctx context.Context, sweepName string, trial int, path string) (string, error) {
	grid := a.object(trialKey(sweepName, trial, GridName))
	err := grid.putFile(ctx, path, maxGrid)
	switch {
	case errors.Is(err, file.ErrTooLarge):
		err = sweep.Fail(sweep.FailBadData, err)
	case errors.Is(err, file.ErrNotPlain):
		err = sweep.Fail(sweep.FailBug, err)
	}
	return grid.key, err
}

// Grid returns the trial's sample grid, a PNG, or an error that wraps
// store.ErrNotFound.
func (a *Archive) Grid(ctx context.Context, sweepName string, trial int) ([]byte, error) {
	data, _, err := a.object(trialKey(sweepName, trial, GridName)).read(ctx, maxGrid)
	return data, err
}

// KeepCurve implements activities.Checkpoints. The copy is sealed with the digest in the
// manifest, so that its readers also notice that the checkpoint's file was damaged.
func (a *Archive) KeepCurve(ctx context.Context, key string) error {
	id, err := parseCheckpointKey(key)
	if err != nil {
		return err
	}
	curve, digest, err := a.curveIn(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return a.object(attemptKey(id.sweep, id.trial, id.attempt, checkpoint.CurveName)).put(ctx, seal(digest, curve))
}

// curveIn returns the loss curve in a checkpoint, and the digest that it should have. Without
// one the error wraps store.ErrNotFound.
func (a *Archive) curveIn(ctx context.Context, key string) (curve []byte, digest string, err error) {
	_, m, err := a.manifest(ctx, key)
	if err != nil {
		return nil, "", err
	}
	i := slices.IndexFunc(m.Files, func(f checkpoint.File) bool { return f.Path == checkpoint.CurveName })
	if i < 0 {
		return nil, "", fmt.Errorf("the loss curve of %s: %w", key, store.ErrNotFound)
	}
	curve, _, err = a.object(key+"/"+checkpoint.CurveName, nil).read(ctx, maxCurve)
	return curve, m.Files[i].SHA256, err
}

// Curve returns the trial's loss curve, a job.Point a line: the one that was kept
// when it was published, which may be of an attempt before its last, else its
// checkpoint's. Without either the error wraps store.ErrNotFound; a damaged one is a
// *DamagedError.
func (a *Archive) Curve(ctx context.Context, sweepName string, t sweep.Trial) ([]byte, error) {
	for attempt := t.Attempts; attempt >= 1; attempt-- {
		curve, err := a.object(attemptKey(sweepName, t.Number, attempt, checkpoint.CurveName)).readSealed(ctx, maxCurve)
		if !errors.Is(err, store.ErrNotFound) {
			return curve, err
		}
	}
	if t.Checkpoint == "" {
		return nil, fmt.Errorf("loss curve of trial %d of %s: %w", t.Number, sweepName, store.ErrNotFound)
	}
	curve, digest, err := a.curveIn(ctx, t.Checkpoint)
	switch {
	case errors.Is(err, activities.ErrCorrupt):
		return nil, &DamagedError{Key: manifestKey(t.Checkpoint), Found: err.Error()}
	case err != nil:
		return nil, err
	case digestOf(curve) != digest:
		return nil, &DamagedError{Key: t.Checkpoint + "/" + checkpoint.CurveName, Found: fmt.Sprintf("it has the digest %.12s, the manifest says %.12s", digestOf(curve), digest)}
	}
	return curve, nil
}

// PutLog implements activities.Records.
func (a *Archive) PutLog(ctx context.Context, sweepName string, trial, attempt int, path string) error {
	return a.object(attemptKey(sweepName, trial, attempt, logName)).putFile(ctx, path, maxLog)
}

// Log opens the output of an attempt, or returns an error that wraps
// store.ErrNotFound. The caller closes it.
func (a *Archive) Log(ctx context.Context, sweepName string, trial, attempt int) (io.ReadCloser, error) {
	key, err := attemptKey(sweepName, trial, attempt, logName)
	if err != nil {
		return nil, err
	}
	r, _, err := a.store.Get(ctx, key)
	return r, err
}

// Attempts returns the numbers of the trial's attempts that left a log, in order.
func (a *Archive) Attempts(ctx context.Context, sweepName string, trial int) ([]int, error) {
	prefix, err := trialKey(sweepName, trial, "attempts/")
	if err != nil {
		return nil, err
	}
	var attempts []int
	for info, err := range a.store.List(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		rest, isLog := strings.CutSuffix(strings.TrimPrefix(info.Key, prefix), "/"+logName)
		var n int
		if _, err := fmt.Sscanf(rest, "%d", &n); isLog && err == nil && fmt.Sprint(n) == rest {
			attempts = append(attempts, n)
		}
	}
	slices.Sort(attempts)
	return attempts, nil
}

const maxPointer = store.MaxConditional

// Best is the sweep's pointer to its leading trials.
type Best struct {
	Generation int           `json:"generation"` // 1 at first, one more with each change
	Trials     []sweep.Trial `json:"trials"`     // best first
}

// replaceTries is how often an object that others replace is read and replaced again.
const replaceTries = 20

// PutBest implements activities.Records. best lists trial numbers, best first; each of
// them is in trials.
func (a *Archive) PutBest(ctx context.Context, sweepName string, best []int, trials []sweep.Trial) error {
	pointer := a.object(sweepKey(sweepName, bestName))
	next := Best{Trials: make([]sweep.Trial, 0, len(best))}
	for _, number := range best {
		i := slices.IndexFunc(trials, func(t sweep.Trial) bool { return t.Number == number })
		if i < 0 {
			return fmt.Errorf("best trials of sweep %s: trial %d is not among its trials", sweepName, number)
		}
		t := trials[i]
		t.StartedAt, t.FinishedAt = t.StartedAt.UTC(), t.FinishedAt.UTC()
		next.Trials = append(next.Trials, t)
	}
	var err error
	for range replaceTries {
		err = pointer.moveBest(ctx, next)
		if !errors.Is(err, store.ErrExists) && !errors.Is(err, store.ErrChanged) && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	return err
}

// moveBest tries once to replace the pointer by next, with the next generation number. A
// damaged pointer is replaced too, since the ledger has the same facts; generations then
// begin again at 1.
func (o object) moveBest(ctx context.Context, next Best) error {
	data, info, err := o.read(ctx, maxPointer)
	absent := errors.Is(err, store.ErrNotFound)
	var large *tooLargeError
	if err != nil && !absent && !errors.As(err, &large) {
		return err
	}
	var current Best
	if large != nil || !absent && json.Unmarshal(data, &current) != nil {
		current = Best{}
	}
	next.Generation = current.Generation
	body, err := json.Marshal(next)
	if err != nil {
		return fmt.Errorf("%s: %w", o.key, err)
	}
	if found, err := json.Marshal(current); err == nil && !absent && bytes.Equal(found, body) {
		return nil // it points there already
	}
	next.Generation++
	if body, err = json.Marshal(next); err != nil {
		return fmt.Errorf("%s: %w", o.key, err)
	}
	switch {
	case absent:
		_, err = o.store.PutIfAbsent(ctx, o.key, body)
	case info.ETag == "": // a file that was copied without its attributes
		err = o.putOverBare(ctx, body)
	default:
		_, err = o.store.Replace(ctx, o.key, body, info.ETag)
	}
	return err
}

// Best returns the pointer to the sweep's leading trials; ok=false before there
// is one.
func (a *Archive) Best(ctx context.Context, sweepName string) (best Best, ok bool, err error) {
	_, err = a.object(sweepKey(sweepName, bestName)).readJSON(ctx, maxPointer, &best)
	if errors.Is(err, store.ErrNotFound) {
		return Best{}, false, nil
	}
	return best, err == nil, err
}

// StoredSweep is one sweep of the archive.
type StoredSweep struct {
	Name    string
	Created time.Time // when its name was reserved, by the store's clock
	Err     error     // why Created is not known, nil if it is
}

// Sweeps lists the sweeps, by name. One that cannot be read has an Err.
func (a *Archive) Sweeps(ctx context.Context) ([]StoredSweep, error) {
	var sweeps []StoredSweep
	for name, err := range a.store.Folders(ctx, sweepsPrefix) {
		if err != nil {
			return nil, err
		}
		if !validName.MatchString(name) {
			continue // not made by tailsweep
		}
		stored, ok, err := a.storedSweep(ctx, name)
		if err != nil {
			return nil, err
		}
		if ok {
			sweeps = append(sweeps, stored)
		}
	}
	slices.SortFunc(sweeps, func(a, b StoredSweep) int { return cmp.Compare(a.Name, b.Name) })
	return sweeps, nil
}

// CheckLost returns a *LedgerError if the store has what remains of a sweep that has lost its
// spec.json. It is for a sweep without that object.
func (a *Archive) CheckLost(ctx context.Context, name string) error {
	remains, err := a.remains(ctx, name)
	if err != nil || !remains {
		return err
	}
	spec, err := sweepKey(name, specName)
	if err != nil {
		return err
	}
	return missing(name, spec, store.ErrNotFound)
}

// storedSweep looks at the folder of a sweep; ok is false if there is neither a spec nor what
// remains of a sweep that has lost it. An error means that the store answers no request.
func (a *Archive) storedSweep(ctx context.Context, name string) (_ StoredSweep, ok bool, err error) {
	spec, err := sweepKey(name, specName)
	if err != nil {
		return StoredSweep{}, false, err
	}
	info, err := a.store.Stat(ctx, spec)
	if errors.Is(err, store.ErrNotFound) {
		if err = a.CheckLost(ctx, name); err == nil {
			return StoredSweep{}, false, nil
		}
	}
	if err != nil && (ctx.Err() != nil || activities.BlockReason(err) != "" && activities.BlockReason(err) != block.LedgerDamaged) {
		return StoredSweep{}, false, err
	}
	return StoredSweep{Name: name, Created: info.Modified, Err: err}, true, nil
}
