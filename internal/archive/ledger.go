package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/tailsweep/tailsweep/sweep"
)

// AppendSegment implements activities.Records.
func (a *Archive) AppendSegment(ctx context.Context, sweepName string, seg int, trials []sweep.Trial) error {
	key, err := segmentKey(sweepName, seg)
	if err != nil {
		return err
	}
	r, release, err := a.chains.hold(ctx, sweepName)
	if err != nil {
		return err
	}
	defer release()
	c, err := a.verified(ctx, r, sweepName, seg)
	if err != nil {
		return err
	}
	if c.noETag != "" {
		return &LedgerError{Sweep: sweepName, Key: c.noETag, Found: "the object has no ETag, so the store may overwrite what is written once: " + copiedHint, Want: "an ETag"}
	}
	body, err := encodeSegment(seg, c.previous(seg), trials)
	if err != nil {
		return err
	}
	if c.len() == seg { // otherwise the store decides
		if err := c.checkNew(trials); err != nil {
			return ledgerFault(sweepName, key, err)
		}
	}
	if err := a.object(key, nil).create(ctx, body); err != nil {
		return err
	}
	if c.len() > seg {
		return nil
	}
	s, err := decodeSegment(body)
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return ledgerFault(sweepName, key, c.add(s))
}

// Ledger implements activities.Records. An error of a ledger that fails verification is a
// *LedgerError.
func (a *Archive) Ledger(ctx context.Context, sweepName string, segs int) ([]sweep.Trial, error) {
	if segs == 0 {
		return nil, nil
	}
	r, release, err := a.chains.hold(ctx, sweepName)
	if err != nil {
		return nil, err
	}
	defer release()
	c, err := a.verified(ctx, r, sweepName, segs)
	if err != nil {
		return nil, err
	}
	return c.upTo(segs), nil
}

// Segments returns how many segments the ledger has.
func (a *Archive) Segments(ctx context.Context, sweepName string) (segs int, err error) {
	_, segs, err = a.allOfLedger(ctx, sweepName)
	return segs, err
}

// Finished returns how many trials the ledger has.
func (a *Archive) Finished(ctx context.Context, sweepName string) (trials int, err error) {
	ledger, _, err := a.allOfLedger(ctx, sweepName)
	return len(ledger), err
}

// Trials returns all finished trials: the ledger in its order, then those whose
// result is stored and that the ledger does not have yet, by number.
func (a *Archive) Trials(ctx context.Context, sweepName string) ([]sweep.Trial, error) {
	trials, _, err := a.allOfLedger(ctx, sweepName)
	if err != nil {
		return nil, err
	}
	known := make(map[int]bool, len(trials))
	for _, t := range trials {
		known[t.Number] = true
	}
	prefix, err := sweepKey(sweepName, "trials/")
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

// allOfLedger returns the trials of all segments that the store has, and how many
// segments these are.
func (a *Archive) allOfLedger(ctx context.Context, sweepName string) (trials []sweep.Trial, segs int, err error) {
	r, release, err := a.chains.hold(ctx, sweepName)
	if err != nil {
		return nil, 0, err
	}
	defer release()
	known := 0
	if r.chain != nil {
		known = r.chain.len()
	}
	for {
		segs, err := a.segments(ctx, sweepName, known)
		if err != nil || segs == 0 {
			return nil, 0, err
		}
		c, err := a.verified(ctx, r, sweepName, segs)
		var damaged *LedgerError
		switch {
		case errors.As(err, &damaged) && known > 0:
			known = 0 // what was remembered may be of an earlier sweep, with more segments
		case err != nil:
			return nil, 0, err
		default:
			return c.upTo(segs), segs, nil
		}
	}
}

// onePage is how many keys a service lists in one request.
const onePage = 1000

// segments returns how many segments the ledger has, by the highest number; known
// segments are known to exist. Segments in packs are not listed, since listing them would
// cost more requests than reading the ledger.
func (a *Archive) segments(ctx context.Context, sweepName string, known int) (segs int, err error) {
	folder, err := sweepKey(sweepName, ledgerFolder)
	if err != nil {
		return 0, err
	}
	after := ""
	if known == 0 {
		segs, last, err := a.highest(ctx, sweepName, folder, after)
		if err != nil || last == "" {
			return segs, err
		}
		packed, err := a.packed(ctx, sweepName)
		if err != nil {
			return 0, err
		}
		known, after = max(segs, packed), last
	}
	if known > 0 {
		key, err := segmentKey(sweepName, known-1)
		if err != nil {
			return 0, err
		}
		after = max(after, key)
	}
	for {
		segs, last, err := a.highest(ctx, sweepName, folder, after)
		known = max(known, segs)
		if err != nil || last == "" {
			return known, err
		}
		after = last
	}
}

// highest returns the number after that of the last segment in one page of the keys of the
// ledger's folder, and the last key of the page, "" if it is the last page.
func (a *Archive) highest(ctx context.Context, sweepName, folder, after string) (segs int, last string, err error) {
	keys := 0
	for info, err := range a.store.ListAfter(ctx, folder, after) {
		if err != nil {
			return 0, "", err
		}
		if seg, ok := parseSegmentKey(sweepName, info.Key); ok {
			segs = seg + 1
		}
		if keys++; keys == onePage {
			return segs, info.Key, nil
		}
	}
	return segs, "", nil
}

// encodeTrial writes a trial in the one form that equal trials share: names in
// order, times in UTC.
func encodeTrial(t sweep.Trial) ([]byte, error) {
	t.StartedAt, t.FinishedAt = t.StartedAt.UTC(), t.FinishedAt.UTC()
	data, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("trial %d: %w", t.Number, err)
	}
	return data, nil
}

func decodeTrial(data []byte) (sweep.Trial, error) {
	var t sweep.Trial
	if err := json.Unmarshal(data, &t); err != nil {
		return sweep.Trial{}, err
	}
	return t, checkTrial(t)
}

// checkTrial returns an error unless t is one that a sweep can have recorded.
func checkTrial(t sweep.Trial) error {
	if err := checkNumber("trial", t.Number); err != nil {
		return err
	}
	if t.Kind != sweep.KindSearch && t.Kind != sweep.KindBaseline {
		return fmt.Errorf("trial %d has kind %q: want %s or %s", t.Number, t.Kind, sweep.KindSearch, sweep.KindBaseline)
	}
	if !slices.Contains(sweep.StatusList(), t.Status) {
		return fmt.Errorf("trial %d has status %q: want one of %q", t.Number, t.Status, sweep.StatusList())
	}
	for _, r := range append([]sweep.Rung{{Metrics: t.Metrics}}, t.Rungs...) {
		for name, value := range r.Metrics {
			if math.IsNaN(value) || math.IsInf(value, 0) {
				return fmt.Errorf("trial %d has %s = %v: metrics are finite", t.Number, name, value)
			}
		}
	}
	return nil
}
