package space

import (
	"maps"

	"github.com/tailsweep/tailsweep/sweep"
)

// fitTolerance is how far outside a range, in shares of it, a value may be: the
// rounding of a distribution's functions.
const fitTolerance = 1e-9

// Fitter converts configurations of an earlier version of a spec.
type Fitter struct {
	spec  *sweep.Spec
	order []sweep.Parameter
}

// NewFitter returns the Fitter of a spec.
func NewFitter(spec *sweep.Spec) *Fitter { return &Fitter{spec: spec, order: Ordered(spec)} }

// Fit returns the configuration of the spec's space with which an assignment trains
// the same model. A parameter that the assignment lacks has its fixed value or its
// default, and one that the space lacks is dropped if its value is that. ok is false
// when there is no such configuration. same is true when it is the assignment's own;
// baseline trials, which need not be of the space, are always the same.
func (f *Fitter) Fit(a sweep.Assignment) (params sweep.Params, ok, same bool) {
	if a.Kind == sweep.KindBaseline {
		return a.Params, true, true
	}
	fitted := make(sweep.Params, len(f.order))
	known := 0
	for _, p := range f.order {
		v, set := a.Params[p.Name]
		if set {
			known++
		}
		otherwise, hasDefault := f.spec.FixedValue(p.Name)
		switch {
		case !Active(p, fitted):
			if set && (!hasDefault || v != otherwise) {
				return nil, false, false
			}
			continue
		case !set && !hasDefault:
			return nil, false, false
		case !set:
			v = otherwise
		}
		if !Contains(p, v) {
			return nil, false, false
		}
		fitted[p.Name] = v
	}
	if known < len(a.Params) {
		for name, v := range a.Params {
			if _, kept := fitted[name]; kept {
				continue
			}
			if otherwise, hasDefault := f.spec.FixedValue(name); !hasDefault || v != otherwise {
				return nil, false, false
			}
		}
	}
	return fitted, true, maps.Equal(fitted, a.Params)
}

// Contains reports whether v is one of p's values.
func Contains(p sweep.Parameter, v sweep.Value) bool {
	d := Of(p)
	if IsConstant(p) {
		return v == *p.Value
	}
	u, ok := encode(p, v)
	switch {
	case !ok:
		return false
	case d.List != nil, canBeZero(p) && v.Float() == 0:
		return true
	case d.Steps != nil:
		return decode(p, u) == v
	}
	at := d.Place(p, v.Float())
	return at >= -fitTolerance && at <= 1+fitTolerance
}
