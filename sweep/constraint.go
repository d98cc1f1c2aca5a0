package sweep

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"strings"
)

// Constraint is what a result must satisfy: Metric Op limit, where
//
//	limit = Factor * mean of the baseline's Baseline + Offset
//
// and the first term is absent when Baseline is "". In YAML and JSON it is its
// text, "fid.head <= baseline.fid.head * 1.02 + 0.5".
type Constraint struct {
	Metric   string
	Op       string // <= or >=
	Baseline string // a metric of the baseline, "" for none
	Factor   float64
	Offset   float64
}

// baselinePrefix comes before the name of the baseline's metric.
const baselinePrefix = "baseline."

// ParseConstraint reads "METRIC OP BOUND": OP is <= or >=, BOUND a number,
// baseline.METRIC, or that with * NUMBER and then + NUMBER or - NUMBER after it.
// The names are not looked up.
func ParseConstraint(text string) (Constraint, error) {
	const want = `want "METRIC <= BOUND" or "METRIC >= BOUND", BOUND a number or baseline.METRIC * NUMBER + NUMBER`
	words := strings.Fields(text)
	if len(words) < 3 {
		return Constraint{}, fmt.Errorf("too short: %s, with spaces", want)
	}
	c := Constraint{Metric: words[0], Op: words[1]}
	if c.Op != "<=" && c.Op != ">=" {
		return Constraint{}, fmt.Errorf("unknown operator %q: %s", c.Op, want)
	}
	rest := words[3:]
	if name, relative := strings.CutPrefix(words[2], baselinePrefix); relative {
		if name == "" {
			return Constraint{}, fmt.Errorf("no metric after %s: %s", baselinePrefix, want)
		}
		c.Baseline, c.Factor = name, 1
		for _, op := range []string{"*", "+", "-"} {
			if len(rest) < 2 || rest[0] != op {
				continue
			}
			v, ok := coreNumber(rest[1])
			if !ok {
				return Constraint{}, fmt.Errorf("%q is not a number: %s", rest[1], want)
			}
			switch op {
			case "*":
				c.Factor = v.Float()
			case "+":
				c.Offset = v.Float()
			case "-":
				c.Offset = -v.Float()
			}
			rest = rest[2:]
		}
	} else {
		v, ok := coreNumber(words[2])
		if !ok {
			return Constraint{}, fmt.Errorf("%q is neither a number nor baseline.METRIC: %s", words[2], want)
		}
		c.Offset = v.Float()
	}
	if len(rest) > 0 {
		return Constraint{}, fmt.Errorf("%q is too much: %s", strings.Join(rest, " "), want)
	}
	return c, nil
}

// String writes c so that ParseConstraint reads it back.
func (c Constraint) String() string {
	text := c.Metric + " " + c.Op + " "
	if c.Baseline == "" {
		return text + Number(c.Offset).String()
	}
	text += baselinePrefix + c.Baseline
	if c.Factor != 1 {
		text += " * " + Number(c.Factor).String()
	}
	switch {
	case c.Offset > 0:
		text += " + " + Number(c.Offset).String()
	case c.Offset < 0:
		text += " - " + Number(-c.Offset).String()
	}
	return text
}

// MarshalJSON writes the text.
func (c Constraint) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }

// UnmarshalJSON reads the text.
func (c *Constraint) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("sweep: a constraint is text: %w", err)
	}
	parsed, err := ParseConstraint(text)
	if err != nil {
		return fmt.Errorf("sweep: constraint %q: %w", text, err)
	}
	*c = parsed
	return nil
}

// Limit returns what a constraint's metric is compared with, and the standard
// error of it: that of the mean over the baseline's seeds, 0 for an absolute
// limit and for a baseline of one seed. ok is false while no baseline trial has
// the metric.
func (c Constraint) Limit(ledger []Trial) (limit Estimate, ok bool) {
	if c.Baseline == "" {
		return Estimate{Mean: c.Offset}, true
	}
	one, n := baselineTrial(ledger, c.Baseline)
	if n == 0 {
		return Estimate{}, false
	}
	return Estimate{
		Mean:   c.Factor*one.Mean + c.Offset,
		StdDev: math.Abs(c.Factor) * one.StdDev / math.Sqrt(float64(n)),
	}, true
}

// baselineTrial is the mean of a metric over the n baseline trials that have it,
// and the standard deviation of one of them from seed to seed: with n - 1, and 0
// when there are fewer than two.
func baselineTrial(ledger []Trial, metric string) (one Estimate, n int) {
	var squares float64
	for _, t := range ledger {
		if f, has := t.Metric(metric); has && t.Kind == KindBaseline {
			n++
			delta := f - one.Mean // a running mean (Welford 1962)
			one.Mean += delta / float64(n)
			squares += delta * (f - one.Mean)
		}
	}
	if n > 1 {
		one.StdDev = math.Sqrt(squares / float64(n-1))
	}
	return one, n
}

// Excess is how far value is beyond limit; at most 0 where the constraint holds.
func (c Constraint) Excess(value, limit float64) float64 {
	if c.Op == ">=" {
		return limit - value
	}
	return value - limit
}

// Feasibility says whether a point keeps the constraints.
type Feasibility string

// The three answers.
const (
	Feasible   Feasibility = "feasible"
	Infeasible Feasibility = "infeasible"
	Undecided  Feasibility = "undecided" // noise could have made it either
)

// decisive is how many standard errors apart a value and its limit must be.
const decisive = 2

// Feasibility says whether the point of t keeps every constraint of the spec, by
// what the ledger knows. Of one constraint, with its limit L from Limit,
//
//	e  = Excess(mean of the metric over the n completed trials of t's parameters, L)
//	se = sqrt(StdErr(L)^2 + s^2 / n)
//
// where s, the noise of one trial, is the standard deviation of the metric over
// the baseline's seeds, and 0 when fewer than two of them are there. The point is
// undecided where |e| < 2 se, and while the baseline that the limit is relative to
// has no result; otherwise it is feasible where e <= 0. That takes the noise to be
// the same everywhere, and does not use that trials of one seed are paired, which
// errs towards undecided. One infeasible constraint makes the point infeasible,
// otherwise one undecided makes it undecided. ok is false where no trial of the
// point has the metric of each constraint.
func (s *Spec) Feasibility(t Trial, ledger []Trial) (f Feasibility, ok bool) {
	f = Feasible
	for _, c := range s.Constraints {
		mean, n := pointMean(t, ledger, c.Metric)
		if n == 0 {
			return "", false
		}
		switch c.decide(mean, n, ledger) {
		case Infeasible:
			f = Infeasible
		case Undecided:
			if f == Feasible {
				f = Undecided
			}
		}
	}
	return f, true
}

// decide compares the mean of n trials with the limit.
func (c Constraint) decide(mean float64, n int, ledger []Trial) Feasibility {
	limit, known := c.Limit(ledger)
	if !known {
		return Undecided
	}
	one, _ := baselineTrial(ledger, c.Metric)
	excess := c.Excess(mean, limit.Mean)
	switch {
	case math.Abs(excess) < decisive*math.Hypot(limit.StdDev, one.StdDev/math.Sqrt(float64(n))):
		return Undecided
	case excess <= 0:
		return Feasible
	}
	return Infeasible
}

// pointMean is the mean of a metric over the n trials, t and those of the ledger,
// that have t's parameters and the metric.
func pointMean(t Trial, ledger []Trial, metric string) (mean float64, n int) {
	add := func(t Trial) {
		if f, has := t.Metric(metric); has {
			n++
			mean += (f - mean) / float64(n)
		}
	}
	listed := false
	for _, other := range ledger {
		if maps.Equal(other.Params, t.Params) {
			listed = listed || other.Number == t.Number
			add(other)
		}
	}
	if !listed {
		add(t)
	}
	return mean, n
}
