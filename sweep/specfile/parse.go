package specfile

import (
	"encoding/json"

	"github.com/tailsweep/tailsweep/sweep"
)

// Parse reads a spec from the YAML of a file, whose name is for the faults. The
// spec that it returns is complete and valid. Otherwise the error is Faults:
// every mistake of the file, by position. The rules:
//
//   - YAML 1.2, core schema: 1e-3 is a number, yes is text. Anchors and aliases
//     work; tags, merge keys and a second document do not. At most 64 KiB.
//   - Fields, ranges and words are those of Schema, defaults those of defaults.go.
//   - distribution is inferred as W&B does, once: see Parameter.
func Parse(file string, data []byte) (*sweep.Spec, error) {
	spec, faults := Draft(file, data)
	if len(faults) > 0 {
		return nil, faults
	}
	return spec, nil
}

// Draft reads a spec that may be unfinished: what is sound of it, defaults for the
// rest, and every mistake, as Parse does. The spec is nil where the file is none.
func Draft(file string, data []byte) (*sweep.Spec, Faults) {
	root, faults := readDocument(file, data)
	if root == nil {
		faults.sort()
		return nil, faults
	}
	c, sound := conformed(file, root, faults)

	// Parameters are a mapping in YAML and a list in Spec; constraints are read
	// from their nodes, which have the positions of their faults.
	text := struct {
		sweep.Spec
		Parameters  map[string]parameterFields `json:"parameters"`
		Constraints json.RawMessage            `json:"constraints"`
	}{Spec: defaults()}
	if err := json.Unmarshal(sound, &text); err != nil {
		c.fault("", "", "cannot be read: "+err.Error(), "") // schema.json and the types disagree: FuzzParse looks for it
		return nil, c.faults
	}
	spec := text.Spec
	spec.Parameters = c.parameters(text.Parameters)
	resolve(&spec, c.given)
	spec.Constraints = c.constraints(&spec)
	c.check(&spec)
	c.faults.sort()
	return &spec, c.faults
}

// conformed checks a document against the schema.
func conformed(file string, root *node, faults Faults) (c *conformer, sound json.RawMessage) {
	c = &conformer{file: file, faults: faults, nodes: map[string]*node{}, places: map[string]position{"": root.at}, broken: map[string]bool{}}
	return c, c.conform("", root, specSchema())
}

// Locate tells where a field stands in the YAML of a spec, or the nearest thing around
// it: line and column from 1.
func Locate(data []byte, field string) (line, column int) {
	root, _ := readDocument("", data)
	if root == nil {
		return 1, 1
	}
	c, _ := conformed("", root, nil)
	p := c.place(field)
	return p.line, p.column
}
