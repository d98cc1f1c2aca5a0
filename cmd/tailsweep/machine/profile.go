package machine

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
)

// profileVariable names a folder that gets a CPU profile of the complete run,
// for the benchmark of orchestration. devstack/profile.go, in a module of its own, does
// the same for the embedded stack.
const profileVariable = "TAILSWEEP_CPU_PROFILE"

// profile starts the profile; stop writes it.
func profile() (stop func(), err error) {
	folder := os.Getenv(profileVariable)
	if folder == "" {
		return func() {}, nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("%s: %w", profileVariable, err)
	}
	f, err := os.Create(filepath.Join(folder, "worker.pprof"))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", profileVariable, err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, fmt.Errorf("%s: %w", profileVariable, err)
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close() // the profile is cut off then, which pprof says
	}, nil
}
