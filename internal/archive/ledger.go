package archive

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/tailsweep/tailsweep/internal/jsonl"
	"github.com/tailsweep/tailsweep/sweep"
)

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
