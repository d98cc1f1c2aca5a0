package sweep

import "strings"

// FieldError is a fault of a field of a spec.
type FieldError struct {
	Field   string `json:"field"` // path, such as "dataset.classes"; "" for the whole spec
	Value   string `json:"value"` // as written, "" when there is none
	Message string `json:"message"`
	Valid   string `json:"valid"` // the valid choices, "" when the message says it all
	Err     error  `json:"-"`     // the cause; may be nil
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
	text := e.Message
	if e.Field != "" {
		text = e.Field + ": " + text
	}
	if len(details) > 0 {
		text += " (" + strings.Join(details, "; ") + ")"
	}
	return text
}
