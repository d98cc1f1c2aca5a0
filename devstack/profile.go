package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
)

// profileVariable names a folder that gets a CPU profile of the complete run.
// cmd/tailsweep/machine/profile.go does the same for a worker; devstack is a module of
// its own and cannot import it.
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
	f, err := os.Create(filepath.Join(folder, "stack.pprof"))
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
