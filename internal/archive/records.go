package archive

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep"
)

// AppendSegment implements activities.Records.
func (a *Archive) AppendSegment(ctx context.Context, sweepName string, seg int, trials []sweep.Trial) error {
	key, err := segmentKey(sweepName, seg)
	if err != nil {
		return err
	}
	body, err := encodeLedger(trials)
	if err != nil {
		return err
	}
	_, err = a.create(ctx, key, body)
	return err
}

// create puts body at key unless something is there: the same content is
// success with created=false, other content wraps activities.ErrConflict.
func (a *Archive) create(ctx context.Context, key string, body []byte) (created bool, err error) {
	_, err = a.store.PutIfAbsent(ctx, key, body)
	if !errors.Is(err, store.ErrExists) {
		return err == nil, err
	}
	found, _, err := a.read(ctx, key, store.MaxConditional)
	if err != nil {
		return false, err
	}
	if !bytes.Equal(found, body) {
		return false, fmt.Errorf("archive: %s: %w", key, activities.ErrConflict)
	}
	return false, nil
}

// Ledger implements activities.Records.
func (a *Archive) Ledger(ctx context.Context, sweepName string, segs int) ([]sweep.Trial, error) {
	var ledger []sweep.Trial
	for seg := range segs {
		key, err := segmentKey(sweepName, seg)
		if err != nil {
			return nil, err
		}
		trials, err := a.segment(ctx, key)
		if err != nil {
			return nil, err
		}
		ledger = append(ledger, trials...)
	}
	return ledger, nil
}

func (a *Archive) segment(ctx context.Context, key string) ([]sweep.Trial, error) {
	data, _, err := a.read(ctx, key, store.MaxConditional)
	if err != nil {
		return nil, err
	}
	trials, err := decodeLedger(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("archive: %s: %w", key, err)
	}
	return trials, nil
}

// Trials returns all finished trials: the ledger in its order, then those whose
// result is stored and that the ledger does not have yet, by number.
func (a *Archive) Trials(ctx context.Context, sweepName string) ([]sweep.Trial, error) {
	prefix, err := sweepKey(sweepName, "ledger/")
	if err != nil {
		return nil, err
	}
	var (
		trials []sweep.Trial
		known  = make(map[int]bool)
	)
	for info, err := range a.store.List(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		segment, err := a.segment(ctx, info.Key)
		if err != nil {
			return nil, err
		}
		for _, t := range segment {
			known[t.Number] = true
		}
		trials = append(trials, segment...)
	}
	prefix, err = sweepKey(sweepName, "trials/")
	if err != nil {
		return nil, err
	}
	for name, err := range a.store.Folders(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		number, err := strconv.Atoi(name)
		if err != nil || known[number] {
			continue // not a trial, or one of the ledger
		}
		t, ok, err := a.Result(ctx, sweepName, number)
		if err != nil {
			return nil, err
		}
		if ok {
			trials = append(trials, t)
		}
	}
	return trials, nil
}

// PutResult implements activities.Records.
func (a *Archive) PutResult(ctx context.Context, sweepName string, trial sweep.Trial) error {
	key, err := trialKey(sweepName, trial.Number, "result.json")
	if err != nil {
		return err
	}
	if err := checkTrial(trial); err != nil {
		return fmt.Errorf("archive: %s: %w", key, err)
	}
	body, err := encodeTrial(trial)
	if err != nil {
		return err
	}
	return a.store.Put(ctx, key, bytes.NewReader(body), int64(len(body)))
}

// Result implements activities.Records.
func (a *Archive) Result(ctx context.Context, sweepName string, trial int) (result sweep.Trial, ok bool, err error) {
	key, err := trialKey(sweepName, trial, "result.json")
	if err != nil {
		return sweep.Trial{}, false, err
	}
	data, _, err := a.read(ctx, key, maxResult)
	if errors.Is(err, store.ErrNotFound) {
		return sweep.Trial{}, false, nil
	}
	if err != nil {
		return sweep.Trial{}, false, err
	}
	t, err := decodeTrial(data)
	if err == nil && t.Number != trial {
		err = fmt.Errorf("it is of trial %d", t.Number)
	}
	if err != nil {
		return sweep.Trial{}, false, fmt.Errorf("archive: %s: %w", key, err)
	}
	return t, true, nil
}

// Best is the sweep's pointer to its leading trials.
type Best struct {
	Generation int           `json:"generation"` // 1 at first, one more with each change
	Trials     []sweep.Trial `json:"trials"`     // best first
}

// pointerTries is how often a pointer that others move, too, is read again.
const pointerTries = 20

// PutBest implements activities.Records. best holds trial numbers, best first;
// each of them is in trials.
func (a *Archive) PutBest(ctx context.Context, sweepName string, best []int, trials []sweep.Trial) error {
	key, err := sweepKey(sweepName, "pointers/best.json")
	if err != nil {
		return err
	}
	next := Best{Trials: make([]sweep.Trial, 0, len(best))}
	for _, number := range best {
		i := slices.IndexFunc(trials, func(t sweep.Trial) bool { return t.Number == number })
		if i < 0 {
			return fmt.Errorf("archive: %s: trial %d is among the best and not among the trials", key, number)
		}
		t := trials[i]
		t.StartedAt, t.FinishedAt = t.StartedAt.UTC(), t.FinishedAt.UTC()
		next.Trials = append(next.Trials, t)
	}
	for range pointerTries {
		err = a.moveBest(ctx, key, next)
		if !errors.Is(err, store.ErrExists) && !errors.Is(err, store.ErrChanged) && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	return err
}

// moveBest makes one attempt at replacing the pointer by next, one generation on.
func (a *Archive) moveBest(ctx context.Context, key string, next Best) error {
	var current Best
	info, err := a.readJSON(ctx, key, store.MaxConditional, &current)
	absent := errors.Is(err, store.ErrNotFound)
	if err != nil && !absent {
		return err
	}
	next.Generation = current.Generation
	body, err := json.Marshal(next)
	if err != nil {
		return fmt.Errorf("archive: %s: %w", key, err)
	}
	if found, err := json.Marshal(current); err == nil && !absent && bytes.Equal(found, body) {
		return nil // it points there already
	}
	next.Generation++
	if body, err = json.Marshal(next); err != nil {
		return fmt.Errorf("archive: %s: %w", key, err)
	}
	if absent {
		_, err = a.store.PutIfAbsent(ctx, key, body)
	} else {
		_, err = a.store.Replace(ctx, key, body, info.ETag)
	}
	return err
}

// Best returns the pointer to the sweep's leading trials; ok=false before there
// is one.
func (a *Archive) Best(ctx context.Context, sweepName string) (best Best, ok bool, err error) {
	key, err := sweepKey(sweepName, "pointers/best.json")
	if err != nil {
		return Best{}, false, err
	}
	_, err = a.readJSON(ctx, key, store.MaxConditional, &best)
	if errors.Is(err, store.ErrNotFound) {
		return Best{}, false, nil
	}
	return best, err == nil, err
}

// Entry is one sweep of the archive.
type Entry struct {
	Name    string    `json:"name"`
	Created time.Time `json:"created"` // when its name was reserved, by the store's clock
}

// Sweeps lists the sweeps, by name.
func (a *Archive) Sweeps(ctx context.Context) ([]Entry, error) {
	var entries []Entry
	for name, err := range a.store.Folders(ctx, sweepsPrefix) {
		if err != nil {
			return nil, err
		}
		key, err := sweepKey(name, specName)
		if err != nil {
			continue // not made by tailsweep
		}
		info, err := a.store.Stat(ctx, key)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		entries = append(entries, Entry{Name: name, Created: info.Modified})
	}
	slices.SortFunc(entries, func(a, b Entry) int { return cmp.Compare(a.Name, b.Name) })
	return entries, nil
}
