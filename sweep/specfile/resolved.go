package specfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"

	"github.com/tailsweep/tailsweep/sweep"
)

// WithPaths returns the text of a spec with the paths and the trainer's digests of spec, which is
// the same spec after its paths were made absolute and the digests were filled in. Comments and
// layout stay where that is possible.
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
	var digests map[string]string
	if t := before.Trainer; t != nil && !maps.Equal(t.Digests, spec.Trainer.Digests) {
		digests = spec.Trainer.Digests
		t.Digests = digests
	}
	if !changed && digests == nil {
		return text, nil
	}
	edited, err := replacePaths(text, resolved)
	if err == nil && digests != nil {
		edited, err = withDigests(edited, digests)
	}
	if err == nil {
		if again, err := Parse("spec", edited); err == nil && again.Digest() == before.Digest() {
			return edited, nil
		}
	}
	return Written(before)
}

// withDigests writes the digests of a trainer's files into the text of a spec.
func withDigests(text []byte, digests map[string]string) ([]byte, error) {
	file, err := parser.ParseBytes(text, parser.ParseComments)
	if err != nil {
		return nil, fmt.Errorf("specfile: write the digests: %w", err)
	}
	data, err := json.Marshal(map[string]any{"digests": digests})
	if err != nil {
		return nil, fmt.Errorf("specfile: write the digests: %w", err)
	}
	at, err := yaml.PathString("$.trainer")
	if err == nil {
		err = at.MergeFromReader(file, bytes.NewReader(data))
	}
	if err != nil {
		return nil, fmt.Errorf("specfile: write the digests: %w", err)
	}
	return []byte(file.String()), nil
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
