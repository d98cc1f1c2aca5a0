package sweep

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"

	"github.com/tailsweep/tailsweep/internal/text"
)

// Evaluation is what an evaluation of a model found. It travels unchanged from the
// evaluating child to the ledger.
type Evaluation struct {
	Metrics map[string]float64 `json:"metrics,omitempty"` // by name, "fid.tail"; finite only
	// StandardError is that of a metric for other samples and real images in equal numbers,
	// by name: see Within. It does not contain what
	// another training would change.
	StandardError map[string]float64 `json:"standard_error,omitempty"`
	LeftOut       []LeftOut          `json:"left_out,omitempty"`    // classes that take no part in some metrics
	Guidance      float64            `json:"guidance"`              // the guidance scale that Metrics were measured at
	Samples       int                `json:"samples,omitempty"`     // generated images of each class
	Real          int                `json:"real,omitempty"`        // real images of the rarest class that samples are compared with
	Floor         map[string]float64 `json:"floor,omitempty"`       // the metrics of one half of the real images against the other half
	FloorError    map[string]float64 `json:"floor_error,omitempty"` // standard errors of Floor
	Features      string             `json:"features,omitempty"`    // SHA-256 of the weights of the feature network
	Grid          string             `json:"grid,omitempty"`        // the PNG of samples: its path on this machine, or its key in the archive
}

// Deviations95 is how many standard errors an interval of 95 % has on each side of an
// estimate, from the normal distribution.
const Deviations95 = 1.96

// Within returns what the value of a metric is uncertain by, on each side of it, at 95 %.
// ok is false where that is not known.
func (e Evaluation) Within(name string) (within float64, ok bool) {
	deviation, ok := e.StandardError[name]
	return Deviations95 * deviation, ok
}

// FloorWithin is Within for the floor of a metric.
func (e Evaluation) FloorWithin(name string) (within float64, ok bool) {
	deviation, ok := e.FloorError[name]
	return Deviations95 * deviation, ok
}

// With returns e with the metrics of other that e does not have, and their standard errors.
func (e Evaluation) With(other Evaluation) Evaluation {
	for name, value := range other.Metrics {
		if _, has := e.Metrics[name]; has {
			continue
		}
		e.Metrics = withValue(e.Metrics, name, value)
		if deviation, known := other.StandardError[name]; known {
			e.StandardError = withValue(e.StandardError, name, deviation)
		}
	}
	return e
}

// withValue returns a copy of values with one more.
func withValue(values map[string]float64, name string, value float64) map[string]float64 {
	all := make(map[string]float64, len(values)+1)
	maps.Copy(all, values)
	all[name] = value
	return all
}

// Finite returns a copy of e without the values that are not finite, which JSON
// cannot carry.
func (e Evaluation) Finite() Evaluation {
	for _, m := range []*map[string]float64{&e.Metrics, &e.StandardError, &e.Floor, &e.FloorError} {
		*m = maps.Clone(*m)
		maps.DeleteFunc(*m, func(_ string, value float64) bool { return !IsFinite(value) })
	}
	return e
}

// Missing returns the metrics that the spec's objectives and constraints name, that an
// evaluation measures, and that e has no value of, in the order of NamedMetrics.
func (e Evaluation) Missing(s *Spec) []string {
	var missing []string
	for _, name := range s.NamedMetrics() {
		if _, ok := e.Metrics[name]; !ok && Evaluated(name) {
			missing = append(missing, name)
		}
	}
	return missing
}

// IsFinite reports whether f is neither NaN nor an infinity.
func IsFinite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

// CurvePoint is one line of a trial's curve.jsonl: means over the steps since the
// point before it. Every value is finite.
type CurvePoint struct {
	Step int     `json:"step"` // steps done: the first point of log_every 10 is at 10
	Loss float64 `json:"loss"`
	DDPM float64 `json:"ddpm,omitempty"` // 0 for a program of the user, which has no DDPM loss
	// Terms are the terms of LossTerms that are on, by name, before their weights; for a program
	// of the user its other losses.
	Terms map[string]float64 `json:"terms,omitempty"`
	// Groups is the mean DDPM loss of the samples of head, medium and tail classes, by
	// the true label. A group without a sample in these steps is absent.
	Groups map[string]float64 `json:"groups,omitempty"`
}

// IsFinite reports whether every value of p is finite.
func (p CurvePoint) IsFinite() bool {
	finite := IsFinite(p.Loss) && IsFinite(p.DDPM)
	for _, values := range []map[string]float64{p.Terms, p.Groups} {
		for _, value := range values {
			finite = finite && IsFinite(value)
		}
	}
	return finite
}

// UnmarshalJSON reads a point. A loss that is missing, or any null, is an error:
// encoding/json would read it as 0.
func (p *CurvePoint) UnmarshalJSON(data []byte) error {
	type fields CurvePoint // without this method
	read := fields{Loss: math.NaN()}
	if err := json.Unmarshal(data, &read); err != nil {
		return err
	}
	if !CurvePoint(read).IsFinite() || bytes.Contains(data, []byte("null")) {
		return fmt.Errorf("sweep: point of a loss curve: loss must be given, and no value may be null: %s", text.Clip(string(data), 200))
	}
	*p = CurvePoint(read)
	return nil
}

// Losses are the training loss at both ends of a training. Nil means that there is
// none: a training that diverged has no last loss.
type Losses struct {
	LossFirst *float64 `json:"loss_first,omitempty"` // mean loss of the curve's first point
	LossLast  *float64 `json:"loss_last,omitempty"`  // mean loss of the curve's last tenth
}

// LossesOf returns the loss of the first point of a curve, which has one, and the mean
// loss of its last tenth, at least one point.
func LossesOf(curve []CurvePoint) Losses {
	first, last := curve[0].Loss, 0.0
	tail := curve[len(curve)-max(1, len(curve)/10):]
	for _, p := range tail {
		last += p.Loss / float64(len(tail))
	}
	return Losses{LossFirst: &first, LossLast: &last}
}

// Finite returns l without the losses that are not finite.
func (l Losses) Finite() Losses {
	for _, loss := range []**float64{&l.LossFirst, &l.LossLast} {
		if *loss != nil && !IsFinite(**loss) {
			*loss = nil
		}
	}
	return l
}
