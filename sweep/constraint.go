package sweep

import (
	"fmt"
	"strings"
)

// Constraint is what a result must satisfy: Metric Op limit, where
//
//	limit = Factor * mean of the baseline's Baseline + Offset
//
// and the first term is absent when Baseline is "". YAML and JSON have its text,
// "fid.head <= baseline.fid.head * 1.02 + 0.5".
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
// It does not check that the metrics exist.
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
			v, ok := ParseNumber(rest[1])
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
		v, ok := ParseNumber(words[2])
		if !ok {
			return Constraint{}, fmt.Errorf("%q is neither a number nor baseline.METRIC: %s", words[2], want)
		}
		c.Offset = v.Float()
	}
	if len(rest) > 0 {
		return Constraint{}, fmt.Errorf("%q is left over: %s", strings.Join(rest, " "), want)
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

// MarshalText writes the text of String.
func (c Constraint) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (c *Constraint) UnmarshalText(text []byte) error {
	parsed, err := ParseConstraint(string(text))
	if err != nil {
		return fmt.Errorf("sweep: constraint %q: %w", text, err)
	}
	*c = parsed
	return nil
}

// SetGates sets the gates that completed trials fail by this spec.
func (s *Spec) SetGates(trials []Trial) {
	for i, t := range trials {
		if t.Status == StatusCompleted {
			trials[i].Gates = s.Gates.Failures(t.Metrics)
		}
	}
}

// Failures returns a sentence for each bound that the metrics of a trial break. A
// metric that is missing breaks its bound.
func (g *Gates) Failures(metrics map[string]float64) []string {
	if g == nil {
		return nil
	}
	var failures []string
	check := func(family, gate string, bound *float64, passes func(value, bound float64) bool) {
		if bound == nil {
			return
		}
		name := family + "." + GroupAll
		value, ok := metrics[name]
		switch {
		case !ok:
			failures = append(failures, fmt.Sprintf("%s was not measured, gates.%s is %s", name, gate, Number(*bound)))
		case !passes(value, *bound):
			failures = append(failures, fmt.Sprintf("%s is %.4g, gates.%s is %s", name, value, gate, Number(*bound)))
		}
	}
	check(FamilyLabelAccuracy, "min_label_accuracy", g.MinLabelAccuracy, func(v, bound float64) bool { return v >= bound })
	check(FamilyMemorisedRatio, "max_memorised_ratio", g.MaxMemorisedRatio, func(v, bound float64) bool { return v <= bound })
	return failures
}
