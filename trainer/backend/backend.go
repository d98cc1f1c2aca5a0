package backend

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"
)

// The names that Open takes.
const (
	Auto    = "auto"
	Go      = "go"
	XLACPU  = "xla:cpu"
	XLACUDA = "xla:cuda"
)

// Names lists what Open takes.
func Names() []string { return []string{Auto, Go, XLACPU, XLACUDA} }

// Backend is an open backend.
type Backend struct {
	Compute compute.Backend // GoMLX compares backends by identity: pass this one on
	Choice  string          // Go, XLACPU or XLACUDA
	Device  string          // what it computes on, for people and manifests
	Why     string          // one sentence: why this backend, or "requested"
	Plugin  string          // path of the PJRT plugin; "" for Go
}

// NativeConvolution reports whether the backend's own convolution is fast. That of Go
// runs at 0.5 GFLOP/s; sums of matrix products are 20 times as fast.
func (b *Backend) NativeConvolution() bool { return b.Choice != Go }

// Close frees the backend. Nothing that was computed on it may be used afterwards.
func (b *Backend) Close() { b.Compute.Finalize() }

// Open opens a backend by name: auto, go, xla:cpu or xla:cuda. auto takes CUDA
// where there is a GPU and its plugin, else XLA on the CPU where its plugin is
// installed, else Go; Why says which and why.
func Open(name string) (*Backend, error) {
	choice, why, err := Choose(name)
	if err != nil {
		return nil, err
	}
	b, err := open(choice)
	if err != nil && name == Auto {
		err = fmt.Errorf("backend auto chose %s (%s): %w", choice, why, err)
	}
	if err != nil {
		return nil, err
	}
	b.Why = why
	return b, nil
}

// Choose returns what Open would open and why, and opens nothing.
func Choose(name string) (choice, why string, err error) {
	switch name {
	case Auto:
		choice, why = choose()
		return choice, why, nil
	case Go, XLACPU, XLACUDA:
		return name, "requested", nil
	}
	return "", "", fmt.Errorf("backend %q is unknown: want one of %s", name, strings.Join(Names(), ", "))
}

// choose returns the backend for auto and the reason.
func choose() (choice, why string) {
	if !HasXLA {
		return Go, "this binary was built without cgo, which XLA needs"
	}
	if gpu := FindGPU(); gpu != "" {
		if _, ok := Installed(CUDA); ok {
			return XLACUDA, "there is a GPU (" + gpu + ") and the CUDA plugin is installed"
		}
		if _, ok := Installed(CPU); ok {
			return XLACPU, "there is a GPU (" + gpu + "), but no CUDA plugin: `tailsweep backend install --cuda` installs it; the CPU plugin is installed"
		}
	}
	if _, ok := Installed(CPU); ok {
		return XLACPU, "XLA's CPU plugin is installed"
	}
	return Go, "no XLA plugin is installed: `tailsweep backend install` installs one, which is 4 to 15 times as fast"
}

func open(name string) (*Backend, error) {
	if name == Go {
		return openGo()
	}
	if !HasXLA {
		return nil, fmt.Errorf("backend %s needs a binary built with cgo (CGO_ENABLED=1 and a C compiler); this one has backend go only", name)
	}
	kind := CPU
	if name == XLACUDA {
		kind = CUDA
	}
	plugin, ok := Installed(kind)
	if !ok {
		return nil, fmt.Errorf("backend %s: no plugin at %s: run `%s`", name, plugin, installCommand(kind))
	}
	b, err := openXLA(plugin, kind)
	if err != nil {
		return nil, fmt.Errorf("backend %s: %w", name, err)
	}
	device := cpuName()
	if kind == CUDA {
		device = FindGPU()
	}
	return &Backend{Compute: b, Choice: name, Device: device, Plugin: plugin}, nil
}

// openGo opens the pure-Go backend without its limit on parallelism: with the default
// limit its workers wait for each other forever (compute v0.1.3, measured).
func openGo() (*Backend, error) {
	b, err := gobackend.New("")
	if err == nil {
		err = unlimit(b)
	}
	if err != nil {
		return nil, fmt.Errorf("backend go: %w", err)
	}
	return &Backend{Compute: b, Choice: Go, Device: cpuName()}, nil
}

// unlimit calls b.Workers.SetMaxParallelism(-1). It goes through reflection because
// the type of b is internal to its module, and the option "parallelism=-1", which does
// the same, prints a line to stdout, where a training child writes its events.
func unlimit(b compute.Backend) error {
	workers := reflect.Indirect(reflect.ValueOf(b)).FieldByName("Workers")
	if workers.IsValid() {
		if set, ok := workers.Interface().(interface{ SetMaxParallelism(int) }); ok {
			set.SetMaxParallelism(-1)
			return nil
		}
	}
	return errors.New("this version of github.com/gomlx/compute has no way to set its parallelism")
}

// cpuName returns the CPU's model where Linux reports it, else its architecture.
func cpuName() string {
	return fmt.Sprintf("%s (%d cores)", cmp.Or(procField("/proc/cpuinfo", "model name"), runtime.GOARCH), runtime.NumCPU())
}
