package asktell

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/sampler"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// rounding is how far, relative to its range, a number of another program may be
// off a bound or a step and still mean it.
const rounding = 1e-9

// place is the point of an inject, as given: params, or u of the unit cube.
type place struct {
	text json.RawMessage // nil with u
	u    []float64
}

// where reads the fields of a place.
func where(o *object) place {
	at := place{text: o.raw("params"), u: o.numbers("u")}
	if (at.text != nil) == o.has("u") {
		o.failf("u", "give either u, a point of the unit cube, or params")
	}
	return at
}

// params is the point of the space.
func (at place) params(spec *sweep.Spec) (sweep.Params, error) {
	if at.text != nil {
		return params(at.text, spec)
	}
	if len(at.u) != len(spec.Parameters) {
		return nil, fmt.Errorf("u: got %d numbers, want %d: one a parameter of the space, in its order", len(at.u), len(spec.Parameters))
	}
	cube := make(map[string]float64, len(at.u))
	for i, x := range at.u {
		if x < 0 || x > 1 {
			return nil, fmt.Errorf("u[%d]: %v is not from 0 to 1", i, x)
		}
		cube[spec.Parameters[i].Name] = x
	}
	return sampler.Decode(spec, cube), nil
}

// params reads a point by its parameters' names. A parameter whose condition is
// false must be absent, every other must be there.
func params(text json.RawMessage, spec *sweep.Spec) (sweep.Params, error) {
	o, err := parse(text, "params.")
	if err != nil {
		return nil, err
	}
	point := make(sweep.Params, len(o.fields))
	for _, p := range space.Ordered(spec) {
		raw := o.raw(p.Name)
		switch {
		case !space.Active(p, point) && raw != nil:
			o.failf(p.Name, "given, though %q is false", p.When)
		case !space.Active(p, point):
		case raw == nil:
			o.failf(p.Name, "is missing")
		default:
			v, ok := value(raw)
			if ok {
				v, ok = legal(p, v)
			}
			if !ok {
				o.failf(p.Name, "%s is not one of its values (valid: %s)", shown(raw), valid(p))
			}
			point[p.Name] = v
		}
	}
	return point, o.done()
}

// legal returns the value of p that v means, and whether there is one.
func legal(p sweep.Parameter, v sweep.Value) (sweep.Value, bool) {
	switch {
	case p.Distribution == sweep.DistConstant:
		return v, v == *p.Value
	case p.Values != nil:
		return v, slices.Contains(p.Values, v)
	case v.IsWord():
		return v, false
	}
	f := v.Float()
	if f == 0 && p.Zero > 0 {
		return v, true
	}
	slack := rounding * (p.Max - p.Min)
	if f < p.Min-slack || f > p.Max+slack {
		return v, false
	}
	f = math.Min(math.Max(f, p.Min), p.Max)
	switch {
	case p.Distribution == sweep.DistIntUniform:
		return sweep.Number(f), f == math.Trunc(f)
	case p.Q > 0:
		step := space.Step(p, int(math.Round((f-p.Min)/p.Q)))
		return sweep.Number(step), math.Abs(step-f) <= slack && step <= p.Max
	}
	return sweep.Number(f), true
}

// valid describes the values of p.
func valid(p sweep.Parameter) string {
	if p.Distribution == sweep.DistConstant {
		return clip(p.Value.String())
	}
	if p.Values != nil {
		texts := make([]string, len(p.Values))
		for i, v := range p.Values {
			texts[i] = v.String()
		}
		return clip(strings.Join(texts, ", "))
	}
	text := fmt.Sprintf("%v to %v", p.Min, p.Max)
	switch {
	case p.Distribution == sweep.DistIntUniform:
		text = "integers " + text
	case p.Q > 0:
		text += fmt.Sprintf(" in steps of %v", p.Q)
	}
	if p.Zero > 0 {
		text += ", or 0"
	}
	return text
}
