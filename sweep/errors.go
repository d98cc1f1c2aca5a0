package sweep

import (
	"slices"
	"strings"
)

// Failure is why a trial did not complete.
type Failure struct {
	Class   FailureClass `json:"class"`
	Message string       `json:"message"`
}

// FailureClass decides what happens after a failure.
type FailureClass string

// The classes: out_of_memory, bad_data and bug are not retried; lost and
// transient are, up to MaxRestarts; preempted is resumed without counting.
const (
	FailOutOfMemory FailureClass = "out_of_memory"
	FailBadData     FailureClass = "bad_data"
	FailBug         FailureClass = "bug"
	FailLost        FailureClass = "lost"
	FailTransient   FailureClass = "transient"
	FailPreempted   FailureClass = "preempted"
)

// FailureList lists all failure classes.
func FailureList() []FailureClass {
	return []FailureClass{FailOutOfMemory, FailBadData, FailBug, FailLost, FailTransient, FailPreempted}
}

// Known reports whether c is one of FailureList.
func (c FailureClass) Known() bool { return slices.Contains(FailureList(), c) }

// Retried reports whether another attempt follows a failure of the class.
func (c FailureClass) Retried() bool {
	return c == FailLost || c == FailTransient || c == FailPreempted
}

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

// BlockReason says why a sweep makes no progress until somebody changes something
// outside it. The list is closed: it is a label of the metric
// tailsweep_sweep_blocked.
type BlockReason string

// The reasons. All but other are about the object store; internal/store detects them.
const (
	BlockUnreachable BlockReason = "unreachable"   // nothing answers at the endpoint
	BlockTLS         BlockReason = "tls"           // http for https, or a certificate that is not trusted
	BlockNoKeys      BlockReason = "no_keys"       // the worker has no credentials
	BlockUnknownKey  BlockReason = "unknown_key"   // the access key is unknown or revoked
	BlockWrongSecret BlockReason = "wrong_secret"  // the secret key does not match the access key
	BlockExpiredKeys BlockReason = "expired_keys"  // temporary credentials have expired
	BlockDenied      BlockReason = "access_denied" // the keys lack a permission
	BlockRegion      BlockReason = "wrong_region"  // the bucket is in another region
	BlockClock       BlockReason = "clock_skew"    // the worker's clock is wrong
	BlockNoBucket    BlockReason = "no_bucket"     // the bucket does not exist
	BlockFull        BlockReason = "storage_full"  // the store takes no more bytes
	BlockOther       BlockReason = "other"         // anything else: no answer in time, an error of the store, a bug
)

// BlockList lists all reasons.
func BlockList() []BlockReason {
	return []BlockReason{
		BlockUnreachable, BlockTLS, BlockNoKeys, BlockUnknownKey, BlockWrongSecret, BlockExpiredKeys,
		BlockDenied, BlockRegion, BlockClock, BlockNoBucket, BlockFull, BlockOther,
	}
}

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
