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
	Field   string          `json:"field"`
	Old     json.RawMessage `json:"old,omitempty"` // absent: the spec has no such field
	New     json.RawMessage `json:"new,omitempty"`
	Removed bool            `json:"removed,omitempty"` // a parameter that the new spec lacks
}

// Differences lists the fields in which two specs differ, with defaults filled in, by
// name. A list is one value, and so is a parameter that one of the specs lacks.
func Differences(before, after *sweep.Spec) []Difference {
	list := make([]Difference, 0)
	old, now := fields(before, after), fields(after, before)
	all := maps.Clone(old)
	maps.Copy(all, now)
	for _, field := range slices.Sorted(maps.Keys(all)) {
		if !bytes.Equal(old[field], now[field]) {
			name, isParameter := strings.CutPrefix(field, parametersField+".")
			removed := isParameter && hasParameter(before, name) && !hasParameter(after, name)
			list = append(list, Difference{field, old[field], now[field], removed})
		}
	}
	return list
}

// parametersField is the field of a spec with the parameters.
const parametersField = "parameters"

// zeros are fields that JSON leaves out if they are zero, which is a value of theirs.
var zeros = []struct{ field, zero string }{
	{"dataset.follow_links", "false"}, {"dataset.skip_unreadable", "false"},
	{"evaluate.cas", "false"}, {"model.dropout", "0"}, {"train.weight_decay", "0"},
}

// fields are the values of a spec that are not mappings, by path. A parameter that the
// other spec lacks is one value.
func fields(spec, other *sweep.Spec) map[string]json.RawMessage {
	into := make(map[string]json.RawMessage)
	rest := *spec
	rest.Parameters = nil
	flatten("", written(&rest), into)
	delete(into, parametersField)
	for _, z := range zeros {
		if into[z.field] == nil {
			into[z.field] = json.RawMessage(z.zero)
		}
	}
	for _, p := range spec.Parameters {
		path, own := parametersField+"."+p.Name, parameterFields(p)
		if !hasParameter(other, p.Name) {
			into[path] = encoded(own)
			continue
		}
		for name, value := range own {
			flatten(path+"."+name, value, into)
		}
	}
	return into
}

func hasParameter(spec *sweep.Spec, name string) bool {
	return slices.ContainsFunc(spec.Parameters, func(p sweep.Parameter) bool { return p.Name == name })
}

// parameterFields are the fields of a parameter, with the zeros that its distribution has.
func parameterFields(p sweep.Parameter) map[string]json.RawMessage {
	var own map[string]json.RawMessage
	if err := json.Unmarshal(encoded(p), &own); err != nil {
		panic("conduct: a parameter that is not a mapping: " + err.Error())
	}
	var numbers []string
	switch p.Distribution {
	case sweep.DistConstant, sweep.DistCategorical, sweep.DistOrdinal:
	case sweep.DistNormal, sweep.DistLogNormal:
		numbers = []string{"mu"}
	default:
		numbers = []string{"min", "max"}
	}
	for _, name := range numbers {
		if own[name] == nil {
			own[name] = json.RawMessage("0")
		}
	}
	return own
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
		now := value(d.New)
		if d.Removed {
			now = "removed"
		}
		part := fmt.Sprintf("%s %s -> %s", text.Clip(d.Field, valueLimit), value(d.Old), now)
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
