package worker

import (
	"slices"

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
// that pass_env names, which the child passes on, but none of tailsweep or of credentials. A
// device that is not empty becomes CUDA_VISIBLE_DEVICES.
func childEnviron(environ []string, trainer *sweep.Trainer, device string) []string {
	also := childAlso
	if trainer != nil {
		named := slices.DeleteFunc(slices.Clone(trainer.PassEnv), sweep.OwnVariable)
		also.Variables = slices.Concat(also.Variables, named)
	}
	return child.Environ(environ, also, device)
}
