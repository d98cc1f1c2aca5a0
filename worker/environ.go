package worker

import (
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/internal/folder"
)

// childVariables and childPrefixes list the variables that a child needs to find its
// libraries, caches and devices. Nothing else is passed on, so that no credential of
// the store or of Temporal can reach a child.
var (
	childVariables = []string{
		"PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH",
		folder.CacheVariable,
		"GOMAXPROCS", "GOMEMLIMIT", "GOGC", "GODEBUG", "GOTRACEBACK",
	}
	childPrefixes = []string{
		"LC_", "XDG_", "CUDA_", "NVIDIA_", "NCCL_", "XLA_", "TF_", "PJRT_", "GOMLX_", "OMP_",
	}
)

// childEnviron returns the variables of environ that a child may have. A device that
// is not empty becomes CUDA_VISIBLE_DEVICES.
func childEnviron(environ []string, device string) []string {
	var env []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if name == "CUDA_VISIBLE_DEVICES" && device != "" {
			continue
		}
		passes := slices.Contains(childVariables, name) ||
			slices.ContainsFunc(childPrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
		if passes {
			env = append(env, entry)
		}
	}
	if device != "" {
		env = append(env, "CUDA_VISIBLE_DEVICES="+device)
	}
	return env
}
