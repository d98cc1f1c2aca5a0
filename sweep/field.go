package sweep

import "strings"

// FieldError is a field of a spec whose value cannot work: with the files of the
// dataset, say.
type FieldError struct {
	Field   string // path, such as "dataset.classes"
	Value   string // "" where the message says it
	Message string
	Valid   string // the valid choices, "" when the message says it all
	Err     error  // the cause; may be nil
}

// Unwrap returns the cause.
func (e *FieldError) Unwrap() error { return e.Err }

// Error writes field: message (value; valid: choices).
func (e *FieldError) Error() string {
	var details []string
	if e.Value != "" {
		details = append(details, e.Value)
	}
	if e.Valid != "" {
		details = append(details, "valid: "+e.Valid)
	}
	text := e.Field + ": " + e.Message
	if len(details) > 0 {
		text += " (" + strings.Join(details, "; ") + ")"
	}
	return text
}
