package stack

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
)

const modulePath = "github.com/tailsweep/tailsweep"

// source is the source code of devstack: a folder in a clone, or a released version.
type source struct {
	dir     string // of devstack's go.mod; "" for a release
	version string
}

// findSource looks for a clone above the executable and above the working directory.
// Otherwise it returns the released source of this binary's version.
func findSource() (source, error) {
	var from []string
	if exe, err := os.Executable(); err == nil {
		if exe, err = filepath.EvalSymlinks(exe); err == nil {
			from = append(from, filepath.Dir(exe))
		}
	}
	if wd, err := os.Getwd(); err == nil {
		from = append(from, wd)
	}
	for _, dir := range from {
		if clone, ok := cloneAbove(dir); ok {
			return source{dir: filepath.Join(clone, "devstack")}, nil
		}
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Path == modulePath && strings.HasPrefix(info.Main.Version, "v") {
		return source{version: info.Main.Version}, nil
	}
	return source{}, fmt.Errorf("%w in a folder above %s, and this binary is not a release build: "+
		"run `tailsweep up` once inside its clone, or set TEMPORAL_ADDRESS and TAILSWEEP_S3_ENDPOINT to services that run elsewhere",
		errNoSource, strings.Join(from, " or "))
}

var errNoSource = errors.New("the embedded stack is not built yet, its source was not found")

var moduleLine = regexp.MustCompile(`(?m)^module\s+` + regexp.QuoteMeta(modulePath) + `\s*$`)

// cloneAbove finds the folder with this module's go.mod and devstack in it, at
// dir or above.
func cloneAbove(dir string) (string, bool) {
	for {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && moduleLine.Match(mod) {
			if _, err := os.Stat(filepath.Join(dir, "devstack", "go.mod")); err == nil {
				return dir, true
			}
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", false
		}
		dir = parent
	}
}

// id identifies the build: a hash of the source files without tests and of the Go
// release that this binary was built with, or the version.
func (s source) id() (string, error) {
	if s.dir == "" {
		return s.version + "-" + runtime.Version(), nil
	}
	entries, err := os.ReadDir(s.dir) // sorted by name
	if err != nil {
		return "", fmt.Errorf("sources of devstack: %w", err)
	}
	h := sha256.New()
	h.Write(fmt.Appendln(nil, runtime.Version(), runtime.GOOS, runtime.GOARCH))
	files := 0
	for _, e := range entries {
		name := e.Name()
		isSource := strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go")
		if e.IsDir() || !isSource && name != "go.mod" && name != "go.sum" {
			continue
		}
		b, err := os.ReadFile(filepath.Join(s.dir, name))
		if err != nil {
			return "", fmt.Errorf("sources of devstack: %w", err)
		}
		h.Write(fmt.Appendln(nil, name, len(b)))
		h.Write(b)
		files++
	}
	if files == 0 {
		return "", errors.New("sources of devstack: none in " + s.dir)
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}
