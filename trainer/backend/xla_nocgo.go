//go:build !cgo

package backend

import (
	"errors"

	"github.com/gomlx/compute"
)

// HasXLA reports whether this build can use XLA at all: it needs cgo.
const HasXLA = false

func openXLA(string, Kind) (compute.Backend, error) {
	return nil, errors.New("built without cgo")
}
