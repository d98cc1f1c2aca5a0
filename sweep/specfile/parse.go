package specfile

import (
	"encoding/json"
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
)

// Parse reads a spec from the YAML of a file, whose name is for the faults. The
// spec that it returns is complete and valid. Otherwise the error is Faults:
// every fault of the file, by position. The rules:
//
//   - YAML 1.2, core schema: 1e-3 is a number, yes is text. Anchors and aliases
//     work; tags, merge keys and a second document do not. At most 64 KiB.
//   - Fields, ranges and words are those of Schema, defaults those of defaults.go.
//   - A distribution that is left out is inferred once, here.
func Parse(file string, data []byte) (*sweep.Spec, error) {
	spec, faults := Draft(file, data)
	if len(faults) > 0 {
		return nil, faults
	}
	return spec, nil
}

// Draft reads a spec that may be unfinished. It returns what is valid of it with
// defaults for the rest, and every fault, as Parse does. The spec is nil if the file
// is not a mapping.
func Draft(file string, data []byte) (*sweep.Spec, Faults) {
	d := readDocument(file, data)
	if d.root == nil {
		d.faults.sort()
		return nil, d.faults
	}
	spec := defaults()
	if d.trained() {
		spec = programDefaults(d.root.(map[string]any)["dataset"] != nil)
	}
	valid := d.validate()
	c := &checker{document: d, spec: &spec}
	if err := json.Unmarshal(valid, &spec); err != nil {
		d.fault("", "", "cannot be read: "+err.Error(), "") // schema.json and the types disagree: FuzzParse looks for it
		return nil, d.faults
	}
	c.parameters()
	c.resolve()
	c.check()
	slices.Sort(spec.Model.Attention)
	d.faults.sort()
	return &spec, d.faults
}

// Located returns a fault of a valid spec at the place of its field in the file, or of
// the nearest value around it.
func Located(file string, data []byte, fault sweep.FieldError) Fault {
	at := readDocument(file, data).place(path(fault.Field))
	return Fault{File: file, Line: at.line, Column: at.column, FieldError: fault}
}
