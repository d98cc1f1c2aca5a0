package conduct

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/tailsweep/tailsweep/sweep"
)

// Assignments are trials without their reasons, such as those that a suggestion is given as
// pending. The JSON is a table, packed if it is large, since with many slots it is one of the
// largest payloads of a sweep's history.
type Assignments []sweep.Assignment

// assignmentTable is the JSON of Assignments.
type assignmentTable struct {
	Params   []string            `json:"params"`             // names
	Rows     [][]json.RawMessage `json:"rows"`               // a trial each: number, seed, and the values of Params, null where absent
	Kinds    map[int]sweep.Kind  `json:"kinds,omitempty"`    // by number; others are search trials
	Requests map[int]int         `json:"requests,omitempty"` // Assignment.Request by number; 0 for others
}

// tableHead is how many fields of a row come before the values.
const tableHead = 2

// MarshalJSON writes the table.
func (p Assignments) MarshalJSON() ([]byte, error) {
	names := map[string]bool{}
	for _, a := range p {
		for name := range a.Params {
			names[name] = true
		}
	}
	t := assignmentTable{Params: slices.Sorted(maps.Keys(names)), Rows: make([][]json.RawMessage, len(p)), Kinds: map[int]sweep.Kind{}, Requests: map[int]int{}}
	for i, a := range p {
		row := []json.RawMessage{strconv.AppendInt(nil, int64(a.Number), 10), strconv.AppendInt(nil, a.Seed, 10)}
		for _, name := range t.Params {
			text := json.RawMessage("null")
			if v, ok := a.Params[name]; ok {
				text = v.AppendJSON(nil)
			}
			row = append(row, text)
		}
		t.Rows[i] = row
		if a.Kind != sweep.KindSearch {
			t.Kinds[a.Number] = a.Kind
		}
		if a.Request != 0 {
			t.Requests[a.Number] = a.Request
		}
	}
	return Pack(t)
}

// UnmarshalJSON reads the table.
func (p *Assignments) UnmarshalJSON(data []byte) error {
	var t assignmentTable
	if err := Unpack(data, &t); err != nil {
		return fmt.Errorf("trials: %w", err)
	}
	list := make(Assignments, len(t.Rows))
	for i, row := range t.Rows {
		if len(row) != tableHead+len(t.Params) {
			return fmt.Errorf("trials: row %d has %d fields, want %d", i, len(row), tableHead+len(t.Params))
		}
		a := sweep.Assignment{Kind: sweep.KindSearch, Params: sweep.Params{}}
		err := errors.Join(json.Unmarshal(row[0], &a.Number), json.Unmarshal(row[1], &a.Seed))
		for k, text := range row[tableHead:] {
			if string(text) == "null" {
				continue
			}
			var v sweep.Value
			err = errors.Join(err, json.Unmarshal(text, &v))
			a.Params[t.Params[k]] = v
		}
		if err != nil {
			return fmt.Errorf("trials: row %d: %w", i, err)
		}
		if kind, ok := t.Kinds[a.Number]; ok {
			a.Kind = kind
		}
		a.Request = t.Requests[a.Number]
		list[i] = a
	}
	*p = list
	return nil
}
