package worker

import (
	"github.com/tailsweep/tailsweep/internal/child"
	"github.com/tailsweep/tailsweep/internal/folder"
	"github.com/tailsweep/tailsweep/sweep"
)

// childAlso lists the variables that a child gets for the Go runtime and for GoMLX with its
// backends, besides those of child.Environ.
var childAlso = child.Also{
	Variables: []string{folder.CacheVariable, "GOMAXPROCS", "GOMEMLIMIT", "GOGC", "GODEBUG", "GOTRACEBACK"},
	Prefixes:  []string{"XLA_", "TF_", "PJRT_", "GOMLX_"},
}

// childEnviron returns the variables of environ that a child may have: with a trainer also those
// that pass_env names, which the child passes on. A device that is not empty becomes CUDA_VISIBLE_DEVICES.
func childEnviron(environ []string, trainer *sweep.Trainer, device string) []string {
	also := childAlso
	if trainer != nil {
		also.Variables = append(also.Variables[:len(also.Variables):len(also.Variables)], trainer.PassEnv...)
	}
	return child.Environ(environ, also, device)
}
