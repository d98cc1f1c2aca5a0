package conduct

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
)

// Difference is a field that two specs do not share.
type Difference struct {
	Field string          `json:"field"`
	Old   json.RawMessage `json:"old,omitempty"` // absent: the spec has no such field
	New   json.RawMessage `json:"new,omitempty"`
}

// Differences lists the fields in which two specs differ, with defaults filled in, by
// name. A list is one value.
func Differences(before, after *sweep.Spec) []Difference {
	list := make([]Difference, 0)
	old, now := fields(before), fields(after)
	all := maps.Clone(old)
	maps.Copy(all, now)
	for _, field := range slices.Sorted(maps.Keys(all)) {
		if !bytes.Equal(old[field], now[field]) {
			list = append(list, Difference{field, old[field], now[field]})
		}
	}
	return list
}

// fields are the values of a spec that are not mappings, by path.
func fields(spec *sweep.Spec) map[string]json.RawMessage {
	into := make(map[string]json.RawMessage)
	flatten("", written(spec), into)
	return into
}

func flatten(path string, data json.RawMessage, into map[string]json.RawMessage) {
	var mapping map[string]json.RawMessage
	if json.Unmarshal(data, &mapping) != nil || len(mapping) == 0 {
		into[path] = data
		return
	}
	for name, value := range mapping {
		flatten(strings.TrimPrefix(path+"."+name, "."), value, into)
	}
}

// Limits of the text of a change, in bytes.
const (
	valueLimit  = 100
	changeLimit = 1 << 10
)

// short shortens a value. Secrets are hidden first: half of an address cannot be recognised.
func short(value string) string { return text.Clip(address.Redact(value), valueLimit) }

// changeText lists fields with their old and new values: "method random -> bayes". Values
// are shortened, and fields that do not fit are counted.
func changeText(list []Difference) string {
	value := func(v json.RawMessage) string {
		var word string
		switch {
		case v == nil:
			return "-"
		case json.Unmarshal(v, &word) == nil:
			return short(word)
		}
		return short(string(v))
	}
	var b strings.Builder
	for i, d := range list {
		part := fmt.Sprintf("%s %s -> %s", text.Clip(d.Field, valueLimit), value(d.Old), value(d.New))
		if i > 0 {
			part = ", " + part
		}
		if more := fmt.Sprintf(", and %d more", len(list)-i); b.Len()+len(part) > changeLimit-len(more) {
			return b.String() + more
		}
		b.WriteString(part)
	}
	return b.String()
}
