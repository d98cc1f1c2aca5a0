package job

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
)

// Parse reads a line of a child's stdout; ok is false if it is not an event. A result with
// null for a number becomes an error, since encoding/json would read it as 0.
func Parse(line []byte) (e Event, ok bool) {
	if err := json.Unmarshal(line, &e); err != nil || e.Type == "" {
		return Event{}, false
	}
	if e.Type != Result {
		return e, true
	}
	var given struct {
		Metrics, Floor map[string]*float64
		StandardError  map[string]*float64 `json:"standard_error"`
		FloorError     map[string]*float64 `json:"floor_error"`
	}
	if err := json.Unmarshal(line, &given); err != nil {
		return Event{}, false
	}
	for _, values := range []map[string]*float64{given.Metrics, given.StandardError, given.Floor, given.FloorError} {
		for _, name := range slices.Sorted(maps.Keys(values)) {
			if values[name] == nil {
				return Event{Type: Error, Class: sweep.FailBug, Message: fmt.Sprintf("the child reported null for %s: a value that could not be measured must be left out", name)}, true
			}
		}
	}
	return e, true
}
