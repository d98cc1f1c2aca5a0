package sweep

import "strings"

// FailureError carries a Failure as an error. Test with errors.As.
type FailureError struct {
	Failure
	Err error // what it came from; may be nil
}

// Fail returns err as a failure of a class, with its text for the message.
func Fail(class FailureClass, err error) error {
	return &FailureError{Failure: Failure{Class: class, Message: err.Error()}, Err: err}
}

// Error returns the message: the class is for the code.
func (e *FailureError) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *FailureError) Unwrap() error { return e.Err }

// FieldError is a fault of a field of a spec.
type FieldError struct {
	Field   string `json:"field"` // path, such as "dataset.classes"; "" for the spec itself
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
