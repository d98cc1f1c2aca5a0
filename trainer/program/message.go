package program

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/tailsweep/tailsweep/internal/child"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// Limits on messages, of docs/trainer-protocol.md.
const (
	maxLosses  = 32
	maxMetrics = 64
	maxShown   = 300  // bytes of a line in an error
	maxMessage = 4000 // bytes of the message of an error
)

// types are the types of messages of a program, as job.Event has them.
var types = []job.Type{job.Started, job.Progress, job.Checkpoint, job.Metrics, job.Done, job.Diverged, job.Preempted, job.Error}

// classes are the failure classes that a program may report.
var classes = []sweep.FailureClass{sweep.FailBadData, sweep.FailOutOfMemory, sweep.FailBug, sweep.FailTransient, sweep.FailEnvironment}

// message has the fields of all messages, with what their schema says of them. A pointer tells what is absent or null from 0.
type message struct {
	Type          string              `json:"type" jsonschema:"required" jsonschema_description:"What the message says."`
	Step          *int                `json:"step" jsonschema:"minimum=0" jsonschema_description:"Steps done, counted from the beginning of the training."`
	Losses        map[string]*float64 `json:"losses" jsonschema_description:"Losses at this step, by name. The one named loss makes the curve and the metric loss."`
	Dir           string              `json:"dir" jsonschema:"minLength=1" jsonschema_description:"A complete folder inside staging, absolute or relative to it. tailsweep moves it away."`
	Metrics       map[string]*float64 `json:"metrics" jsonschema_description:"Results at until, by name."`
	StandardError map[string]*float64 `json:"standard_error" jsonschema_description:"Standard errors of metrics, by name."`
	Class         sweep.FailureClass  `json:"class" jsonschema_description:"What follows: see docs/reliability.md."`
	Message       string              `json:"message" jsonschema_description:"Why the training failed."`
}

var (
	// looksLike recognises a line that was meant as a message, although it is no JSON.
	looksLike = regexp.MustCompile(`^\s*\{.*"type"\s*:\s*"(started|progress|checkpoint|metrics|done|diverged|preempted|error)"`)
	notJSON   = regexp.MustCompile(`[:\[,]\s*-?(NaN|Infinity)\b`)
)

// parse reads a line of stdout. The event is nil for text: what is no JSON object with one of
// types. A message that breaks the rules is an error, which does not repeat the line.
func parse(line []byte) (*job.Event, error) {
	if line = bytes.TrimSpace(line); len(line) == 0 || line[0] != '{' {
		return nil, nil
	}
	var kind struct {
		Type any `json:"type"`
	}
	if err := json.Unmarshal(line, &kind); err != nil {
		switch {
		case !looksLike.Match(line):
			return nil, nil
		case len(line) >= child.MaxLine:
			return nil, fmt.Errorf("the message has more than %d bytes", child.MaxLine)
		case notJSON.Match(line):
			return nil, fmt.Errorf("NaN and Infinity are not JSON: leave the value out, or report diverged")
		}
		return nil, fmt.Errorf("the message is not JSON: %w", err)
	}
	word, _ := kind.Type.(string)
	if !slices.Contains(types, job.Type(word)) {
		return nil, nil
	}
	var m message
	var other *json.UnmarshalTypeError
	if err := json.Unmarshal(line, &m); errors.As(err, &other) {
		return nil, fmt.Errorf("the field %s cannot be a %s", other.Field, other.Value)
	} else if err != nil {
		return nil, fmt.Errorf("the message is not JSON: %w", err)
	}
	return m.event()
}

// event checks the fields of a message that do not depend on others.
func (m message) event() (*job.Event, error) {
	e := &job.Event{Type: job.Type(m.Type)}
	if e.Type == job.Error {
		if !slices.Contains(classes, m.Class) {
			return nil, fmt.Errorf("class is %q (valid: %s)", text.Clip(string(m.Class), maxShown), text.List(classes, len(classes)))
		}
		e.Class, e.Message = m.Class, text.Clip(m.Message, maxMessage)
		return e, nil
	}
	if m.Step == nil {
		return nil, fmt.Errorf("%s has no step", m.Type)
	}
	if e.Step = *m.Step; e.Step < 0 {
		return nil, fmt.Errorf("step is %d (valid: 0 or more)", e.Step)
	}
	var err error
	switch e.Type {
	case job.Progress:
		e.Values, err = numbersOf("losses", m.Losses, maxLosses)
	case job.Checkpoint:
		if e.Dir = m.Dir; m.Dir == "" {
			err = fmt.Errorf("checkpoint has no dir")
		}
	case job.Metrics:
		e.Evaluation, err = evaluation(m.Metrics, m.StandardError)
	}
	if err != nil {
		return nil, err
	}
	return e, nil
}

// evaluation returns the metrics of a program, and their standard errors if it has any.
func evaluation(metrics, standardErrors map[string]*float64) (*sweep.Evaluation, error) {
	values, err := numbersOf("metrics", metrics, maxMetrics)
	if err != nil {
		return nil, err
	}
	deviations, err := numbersOf("standard_error", standardErrors, maxMetrics)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(deviations)) {
		switch _, ok := values[name]; {
		case !ok:
			return nil, fmt.Errorf("standard_error names %s, which metrics does not have", name)
		case deviations[name] < 0:
			return nil, fmt.Errorf("standard_error of %s is %v (valid: 0 or more)", name, deviations[name])
		}
	}
	return &sweep.Evaluation{Metrics: values, StandardError: deviations}, nil
}

// numbersOf checks numbers by name; nil if there is none.
func numbersOf(field string, given map[string]*float64, most int) (map[string]float64, error) {
	if len(given) > most {
		return nil, fmt.Errorf("%s has %d names (valid: at most %d)", field, len(given), most)
	}
	var values map[string]float64
	for _, name := range slices.Sorted(maps.Keys(given)) {
		switch {
		case !sweep.FreeName(name):
			return nil, fmt.Errorf("%s has the name %q (valid: a letter or _, then letters, digits and _ . - /, at most 100 characters)", field, text.Clip(name, maxShown))
		case given[name] == nil:
			return nil, fmt.Errorf("%s has null for %s: leave the value out", field, name)
		}
		if values == nil {
			values = make(map[string]float64, len(given))
		}
		values[name] = *given[name]
	}
	return values, nil
}
