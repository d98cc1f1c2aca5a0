package sweeps

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// difference is a field that two specs do not share.
type difference struct {
	Field string          `json:"field"`
	Old   json.RawMessage `json:"old,omitempty"` // absent: the spec has no such field
	New   json.RawMessage `json:"new,omitempty"`
}

// differences lists the fields in which two specs differ, with defaults filled in, by
// name. A list is one value.
func differences(before, after *sweep.Spec) []difference {
	list := make([]difference, 0)
	old, now := fields(before), fields(after)
	all := maps.Clone(old)
	maps.Copy(all, now)
	for _, field := range slices.Sorted(maps.Keys(all)) {
		if !bytes.Equal(old[field], now[field]) {
			list = append(list, difference{field, old[field], now[field]})
		}
	}
	return list
}

// fields are the values of a spec that are not mappings, by path.
func fields(spec *sweep.Spec) map[string]json.RawMessage {
	data, err := json.Marshal(spec)
	if err != nil {
		panic("sweeps: a spec that cannot be written: " + err.Error()) // only with a number that is not finite, which Parse refuses
	}
	into := make(map[string]json.RawMessage)
	flatten("", data, into)
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

// differenceText is a table of the fields that differ.
func differenceText(list []difference) []string {
	if len(list) == 0 {
		return []string{"the spec has not changed"}
	}
	shown := func(v json.RawMessage) string {
		if v == nil {
			return "-"
		}
		return string(v)
	}
	t := console.NewTable("FIELD", "OLD", "NEW")
	for _, d := range list {
		t.Row(d.Field, shown(d.Old), shown(d.New))
	}
	return t.Plain()
}

// checkEdit says why no sweep with this spec accepts the edit; nil where one may.
func checkEdit(spec *sweep.Spec, c conduct.Command) error {
	c.By = userAtHost()
	if c.Spec.Name != spec.Name {
		return cli.Usagef("edit: the spec is named %q (valid: name: %s)", c.Spec.Name, spec.Name)
	}
	if err := conduct.New(spec, nil, conduct.LogicNow, time.Now()).Check(conduct.Commanded{Name: conduct.CommandEdit, Command: c}); err != nil {
		return cli.ExitWith(cli.ExitUsage, err)
	}
	return nil
}
