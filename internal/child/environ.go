package child

import (
	"slices"
	"strings"
)

// The variables that every child needs to find its libraries, caches and devices.
var (
	variables = []string{"PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH"}
	prefixes  = []string{"LC_", "XDG_", "CUDA_", "NVIDIA_", "NCCL_", "OMP_"}
)

// Also lists what a child gets of an environment besides what every child gets.
type Also struct{ Variables, Prefixes []string }

// Environ returns the variables of environ that a child may have: PATH, HOME, USER, LANG, TZ,
// TMPDIR, LD_LIBRARY_PATH, what begins with LC_, XDG_, CUDA_, NVIDIA_, NCCL_ or OMP_, and what also lists. Nothing
// else is passed on, so that no credential of the store or of Temporal can reach a child. A device
// that is not empty becomes CUDA_VISIBLE_DEVICES.
func Environ(environ []string, also Also, device string) []string {
	var env []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if name == Devices && device != "" {
			continue
		}
		begins := func(p string) bool { return strings.HasPrefix(name, p) }
		if slices.Contains(variables, name) || slices.Contains(also.Variables, name) ||
			slices.ContainsFunc(prefixes, begins) || slices.ContainsFunc(also.Prefixes, begins) {
			env = append(env, entry)
		}
	}
	if device != "" {
		env = append(env, Devices+"="+device)
	}
	return env
}

// Devices is the variable that names the CUDA devices of a process.
const Devices = "CUDA_VISIBLE_DEVICES"
