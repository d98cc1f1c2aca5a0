package space

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
)

// CheckPoint returns an error unless params is a configuration of the spec's space that
// no baseline trial has. The error names every fault, as PointFaults does.
func CheckPoint(spec *sweep.Spec, params sweep.Params) error {
	faults := PointFaults(spec, params)
	if len(faults) == 0 {
		return nil
	}
	texts := make([]string, len(faults))
	for i := range faults {
		texts[i] = faults[i].Error()
	}
	return errors.New(strings.Join(texts, "; "))
}

// PointFaults returns what keeps params from being a configuration of the spec's space:
// a parameter that is not of the space or whose condition is false, a value outside the
// space, and a parameter without a value. A parameter whose condition depends on one of
// these is not checked. A configuration that a baseline trial trains with train.seed is
// a fault, too: it would give the same result. The field of a fault is the name of a
// parameter, or "" for the configuration.
func PointFaults(spec *sweep.Spec, params sweep.Params) []sweep.FieldError {
	order := Ordered(spec)
	names := make([]string, len(order))
	for i, p := range order {
		names[i] = p.Name
	}
	slices.Sort(names)
	var faults []sweep.FieldError
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if slices.Contains(names, name) {
			continue
		}
		message := "is not in parameters"
		if _, known := spec.Parameter(name); !known {
			message = "unknown parameter"
		}
		faults = append(faults, sweep.FieldError{Field: name, Message: message, Valid: strings.Join(names, ", ")})
	}
	faulty := make(map[string]bool)
	for _, p := range order {
		if p.When != nil && faulty[p.When.Param] {
			faulty[p.Name] = true
			continue
		}
		if fault := valueFault(spec, p, params); fault != nil {
			faulty[p.Name] = true
			faults = append(faults, *fault)
		}
	}
	if len(faults) > 0 {
		return faults
	}
	if inBaseline(spec, params) {
		return []sweep.FieldError{{Message: "is the baseline's configuration, which a baseline trial trains with train.seed", Valid: "another configuration"}}
	}
	return nil
}

// valueFault returns the fault of the value that params has, or lacks, for p.
func valueFault(spec *sweep.Spec, p sweep.Parameter, params sweep.Params) *sweep.FieldError {
	v, set := params[p.Name]
	active := Active(p, params)
	info, _ := spec.Parameter(p.Name)
	switch {
	case set && !active:
		return &sweep.FieldError{Field: p.Name, Value: v.String(), Message: fmt.Sprintf("does not apply, as %s is false", p.When), Valid: "no value"}
	case active && !set:
		return &sweep.FieldError{Field: p.Name, Message: "is missing", Valid: Describe(p)}
	case set && (!Contains(p, v) || !info.Accepts(v)):
		return &sweep.FieldError{Field: p.Name, Value: v.String(), Message: "is not a value of parameters." + p.Name, Valid: Describe(p)}
	}
	return nil
}

// inBaseline reports whether a baseline trial with train.seed trains the same model.
func inBaseline(spec *sweep.Spec, params sweep.Params) bool {
	fitter := NewFitter(spec)
	return slices.ContainsFunc(Baselines(spec), func(b sweep.Assignment) bool {
		fitted, ok, _ := fitter.Fit(sweep.Assignment{Params: b.Params})
		return ok && b.Seed == spec.Train.Seed && maps.Equal(fitted, params)
	})
}
