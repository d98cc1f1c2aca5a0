package dataset

import (
	"fmt"

	"github.com/tailsweep/tailsweep/sweep"
)

// FormatError is a file that cannot be read for what it holds.
type FormatError struct {
	File   string
	Offset int64 // in bytes; about where, in an image
	Packed bool  // Offset counts the decompressed content
	Reason string
}

// Error implements error.
func (e *FormatError) Error() string {
	of := ""
	if e.Packed {
		of = " of its decompressed content"
	}
	return fmt.Sprintf("%s: %s at byte %d%s", e.File, e.Reason, e.Offset, of)
}

func badData(err error) error { return sweep.Fail(sweep.FailBadData, err) }
