package specfile

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"

	"github.com/tailsweep/tailsweep/sweep"
)

// WithPaths returns the text of a spec with the paths of spec, which is the same spec after
// its paths were made absolute. Comments and layout stay where that is possible.
func WithPaths(text []byte, spec *sweep.Spec) ([]byte, error) {
	before, err := Parse("spec", text)
	if err != nil {
		return nil, err
	}
	resolved := spec.PathFields()
	changed := false
	for i, f := range before.PathFields() {
		changed = changed || *f.Path != *resolved[i].Path
		*f.Path = *resolved[i].Path
	}
	if !changed {
		return text, nil
	}
	if edited, err := replacePaths(text, resolved); err == nil {
		if again, err := Parse("spec", edited); err == nil && again.Digest() == before.Digest() {
			return edited, nil
		}
	}
	return Written(before)
}

// replacePaths writes other paths into the text of a spec.
func replacePaths(text []byte, fields []sweep.PathField) ([]byte, error) {
	file, err := parser.ParseBytes(text, parser.ParseComments)
	if err != nil {
		return nil, fmt.Errorf("specfile: resolve the paths of a spec: %w", err)
	}
	for _, f := range fields {
		at, err := yaml.PathString("$." + f.Field)
		if err == nil {
			err = at.ReplaceWithReader(file, strings.NewReader(strconv.Quote(*f.Path)))
		}
		if err != nil {
			return nil, fmt.Errorf("specfile: resolve %s: %w", f.Field, err)
		}
	}
	return []byte(file.String()), nil
}
