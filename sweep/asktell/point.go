package asktell

import (
	"encoding/json"
	"fmt"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// rounding is the distance from a bound or a step, relative to the range, at which a
// number of another program still counts as it.
const rounding = 1e-9

// readPoint returns the configuration at a point of the unit cube.
func readPoint(u []float64, spec *sweep.Spec) (sweep.Params, error) {
	if len(u) != len(spec.Parameters) {
		return nil, fmt.Errorf("u: got %d numbers, want %d: one for each parameter of the space, in its order", len(u), len(spec.Parameters))
	}
	cube := make(map[string]float64, len(u))
	for i, x := range u {
		if x < 0 || x > 1 {
			return nil, fmt.Errorf("u[%d]: %v is not from 0 to 1", i, x)
		}
		cube[spec.Parameters[i].Name] = x
	}
	return space.Decode(spec, cube), nil
}

// readParams reads a configuration by its parameters' names. A parameter whose condition
// is false must be absent, every other one must be present.
func readParams(text json.RawMessage, spec *sweep.Spec) (sweep.Params, error) {
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
			v, ok := space.Nearest(p, value(o, p.Name, raw), rounding)
			if !ok {
				o.failf(p.Name, "%s is not one of its values (valid: %s)", shown(raw), clip(space.Describe(p)))
			}
			point[p.Name] = v
		}
	}
	return point, o.done()
}
