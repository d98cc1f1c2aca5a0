package program

import _ "embed" // the schemas

//go:embed job.schema.json
var jobSchema []byte

//go:embed event.schema.json
var eventSchema []byte

// The messages that have a JSON Schema.
const (
	MessageJob   = "job"   // the job file of a program
	MessageEvent = "event" // a line that a program writes
)

// Schema returns the JSON Schema of MessageJob or MessageEvent, ok=false of anything else. It is generated
// from the types.
func Schema(message string) (schema []byte, ok bool) {
	switch message {
	case MessageJob:
		return jobSchema, true
	case MessageEvent:
		return eventSchema, true
	}
	return nil, false
}
