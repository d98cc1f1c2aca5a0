//go:build cgo

package backend

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/go-xla/compute/xla"
)

// HasXLA reports whether this build can use XLA at all: it needs cgo.
const HasXLA = true

// openXLA opens the plugin by its absolute path, so that nothing is searched for
// or downloaded. TF32 stays off on GPUs: resumed and compared runs want float32.
func openXLA(plugin string, kind Kind) (compute.Backend, error) {
	config := plugin
	if kind == CUDA {
		config += ",tf32=false"
	}
	return xla.New(config)
}
