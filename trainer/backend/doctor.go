package backend

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"golang.org/x/sys/cpu"

	"github.com/tailsweep/tailsweep/internal/folder"
)

// Level is how much a Check matters.
type Level string

// The levels: fine, slower than necessary, and an installation that is damaged.
const (
	OK      Level = "ok"
	Warning Level = "warning"
	Fault   Level = "fault"
)

// Check is one finding of Doctor.
type Check struct {
	Name  string `json:"name"`
	Level Level  `json:"level"`
	Found string `json:"found"`
	Fix   string `json:"fix,omitempty"` // what to do about it, if anything
}

// Doctor checks what the speed of a training depends on: the build, the plugins, the
// GPU, the CPU and the memory. It opens no backend and changes nothing.
func Doctor() []Check {
	checks := []Check{simdCheck(), cgoCheck(), pluginCheck()}
	checks = append(checks, gpuChecks()...)
	checks = append(checks, cpuCheck(), memoryCheck())
	choice, why := choose()
	return append(checks, Check{Name: "backend auto", Level: OK, Found: choice + ": " + why})
}

func simdCheck() Check {
	c := Check{Name: "vector instructions", Level: OK, Found: "built with GOEXPERIMENT=simd"}
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, s := range info.Settings {
			if s.Key == "GOEXPERIMENT" && strings.Contains(s.Value, "simd") {
				return c
			}
		}
	}
	c.Level, c.Found = Warning, "built without GOEXPERIMENT=simd: backend go is about ten times slower"
	c.Fix = "build with `make build`"
	return c
}

func cgoCheck() Check {
	if HasXLA {
		return Check{Name: "cgo", Level: OK, Found: "built with cgo: XLA can be used"}
	}
	return Check{Name: "cgo", Level: Warning, Found: "built without cgo: backend go only", Fix: "install a C compiler and build again"}
}

func pluginCheck() Check {
	c := Check{Name: "XLA for the CPU", Level: OK}
	pin := pinned(CPU)
	path, ok := Installed(CPU)
	if !ok {
		c.Level, c.Found, c.Fix = Warning, "not installed", "`"+installCommand(CPU)+"`"
		return c
	}
	sum, err := PluginDigest(path)
	switch {
	case err != nil:
		c.Level, c.Found = Fault, err.Error()
	case sum == pin.MemberSHA256:
		c.Found = fmt.Sprintf("%s %s, verified: %s", pin.Project, pin.Version, path)
	case ours(path):
		c.Level, c.Found = Fault, fmt.Sprintf("%s is not what was installed: SHA-256 %s, want %s", path, sum, pin.MemberSHA256)
		c.Fix = "remove it and run `" + installCommand(CPU) + "`"
	default:
		c.Found = fmt.Sprintf("%s, from PJRT_PLUGIN_LIBRARY_PATH, SHA-256 %s", path, sum)
	}
	return c
}

// ours reports whether path lies in the cache folder.
func ours(path string) bool {
	dir, err := folder.Cache()
	return err == nil && strings.HasPrefix(path, dir+string(os.PathSeparator))
}

func gpuChecks() []Check {
	gpu := FindGPU()
	if gpu == "" {
		return []Check{{Name: "GPU", Level: OK, Found: "none"}}
	}
	c := Check{Name: "XLA for CUDA", Level: OK}
	path, ok := Installed(CUDA)
	if c.Found = path; !ok {
		c.Level, c.Found, c.Fix = Warning, "not installed", "`"+installCommand(CUDA)+"`"
	}
	return []Check{{Name: "GPU", Level: OK, Found: gpu}, c}
}

func cpuCheck() Check {
	found := cpuName()
	switch {
	case cpu.X86.HasAVX512F:
		found += ", AVX-512"
	case cpu.X86.HasAVX2:
		found += ", AVX2"
	}
	return Check{Name: "CPU", Level: OK, Found: fmt.Sprintf("%s, %d usable", found, runtime.GOMAXPROCS(0))}
}

// enoughMemory is what one training child of the quickstart peaks at on XLA, with room to spare.
const enoughMemory = 2 << 30

func memoryCheck() Check {
	available := availableMemory()
	if available == 0 {
		return Check{Name: "memory", Level: OK, Found: "unknown"}
	}
	c := Check{Name: "memory", Level: OK, Found: fmt.Sprintf("%.1f GiB available", float64(available)/(1<<30))}
	if available < enoughMemory {
		c.Level, c.Fix = Warning, "a training on XLA takes about 1 GiB: use one slot"
	}
	return c
}

// availableMemory is the memory in bytes that Linux reports as available, 0 elsewhere.
func availableMemory() int64 {
	kib, _ := strconv.ParseInt(strings.TrimSuffix(procField("/proc/meminfo", "MemAvailable"), " kB"), 10, 64)
	return kib << 10
}

// procField returns the first value of a "key: value" file of Linux, "" where there is
// none.
func procField(path, key string) string {
	data, _ := os.ReadFile(path) // elsewhere there is no such file
	for line := range strings.Lines(string(data)) {
		if k, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
