package format

import "fmt"

// Error is a file whose content cannot be read.
type Error struct {
	File   string
	Offset int64 // in bytes; in an image file approximate
	Packed bool  // Offset counts the decompressed content
	Reason string
}

// Error implements error.
func (e *Error) Error() string {
	of := ""
	if e.Packed {
		of = " of its decompressed content"
	}
	return fmt.Sprintf("%s: %s at byte %d%s", e.File, e.Reason, e.Offset, of)
}
