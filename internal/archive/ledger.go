package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/tailsweep/tailsweep/internal/jsonl"
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

// maxLine is the longest line of a ledger segment, in bytes.
const maxLine = 1 << 20

// encodeTrial writes a trial in the one form that equal trials share: names in
// order, times in UTC.
func encodeTrial(t sweep.Trial) ([]byte, error) {
	t.StartedAt, t.FinishedAt = t.StartedAt.UTC(), t.FinishedAt.UTC()
	data, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("archive: trial %d: %w", t.Number, err)
	}
	return data, nil
}

// encodeLedger writes trials one a line.
func encodeLedger(trials []sweep.Trial) ([]byte, error) {
	var buf bytes.Buffer
	for _, t := range trials {
		if err := checkTrial(t); err != nil {
			return nil, err
		}
		line, err := encodeTrial(t)
		if err != nil {
			return nil, err
		}
		if len(line) > maxLine {
			return nil, fmt.Errorf("archive: trial %d takes %d bytes, at most %d fit a ledger line", t.Number, len(line), maxLine)
		}
		buf.Write(line)
		buf.WriteByte('\n')
	}
	return buf.Bytes(), nil
}

// decodeLedger reads what encodeLedger wrote. Errors name the line.
func decodeLedger(r io.Reader) ([]sweep.Trial, error) {
	trials, err := jsonl.DecodeAll[sweep.Trial](r, maxLine)
	if err != nil {
		return nil, err
	}
	for i, t := range trials {
		if err := checkTrial(t); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return trials, nil
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
	switch t.Kind {
	case sweep.KindSearch, sweep.KindBaseline:
	default:
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
