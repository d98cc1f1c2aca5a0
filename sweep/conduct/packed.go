package conduct

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
)

// packFrom is the size of JSON from which Pack compresses it: below it, the Temporal UI and the
// store have it as text.
const packFrom = 64 << 10

// unpackLimit bounds what Unpack reads of a damaged value.
const unpackLimit = 64 << 20

// RunningList is a list of running trials. Once it is large, its JSON is packed, with the
// assignments as a table.
type RunningList []Running

// runningTable is the JSON of a large RunningList.
type runningTable struct {
	Assignments Assignments `json:"assignments"`
	Rest        []Running   `json:"rest"` // without parameters: null where they are not known
}

// MarshalJSON writes a list or a table.
func (l RunningList) MarshalJSON() ([]byte, error) {
	data, err := json.Marshal([]Running(l))
	if err != nil || len(data) < packFrom {
		return data, err
	}
	t := runningTable{Assignments: make(Assignments, len(l)), Rest: slices.Clone(l)}
	for i, r := range l {
		t.Assignments[i] = r.Assignment
		t.Rest[i].Assignment = sweep.Assignment{Reason: r.Reason}
		if r.Params != nil {
			t.Rest[i].Params = sweep.Params{}
		}
	}
	return Pack(t)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (l *RunningList) UnmarshalJSON(data []byte) error {
	if data[0] == '[' || string(data) == "null" {
		return json.Unmarshal(data, (*[]Running)(l))
	}
	var t runningTable
	if err := Unpack(data, &t); err != nil {
		return err
	}
	if len(t.Rest) != len(t.Assignments) {
		return fmt.Errorf("conduct: %d running trials have %d assignments", len(t.Rest), len(t.Assignments))
	}
	for i, a := range t.Assignments {
		r := &t.Rest[i]
		if r.Params == nil {
			a.Params = nil
		}
		a.Reason = r.Reason
		r.Assignment = a
	}
	*l = t.Rest
	return nil
}

// List is a list that is compressed in JSON once it is large; see Pack.
type List[T any] []T

// MarshalJSON packs the list.
func (l List[T]) MarshalJSON() ([]byte, error) { return Pack([]T(l)) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (l *List[T]) UnmarshalJSON(data []byte) error { return Unpack(data, (*[]T)(l)) }

// Pack returns the JSON of a list or a mapping. From packFrom bytes on it is compressed (RFC
// 1951) and written as a string in base64. How many bytes that has depends on the version of
// Go, so no decision of a state machine may depend on it.
func Pack(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil || len(data) < packFrom {
		return data, err
	}
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.DefaultCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return json.Marshal(b.Bytes())
}

// Unpack reads what Pack wrote.
func Unpack(data []byte, v any) error {
	if len(data) == 0 || data[0] != '"' {
		return json.Unmarshal(data, v)
	}
	var packed []byte
	if err := json.Unmarshal(data, &packed); err != nil {
		return fmt.Errorf("conduct: packed JSON: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), unpackLimit))
	if err != nil {
		return fmt.Errorf("conduct: packed JSON: %w", err)
	}
	return json.Unmarshal(text, v)
}
