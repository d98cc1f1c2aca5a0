package backend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/tailsweep/tailsweep/internal/folder"
	"github.com/tailsweep/tailsweep/internal/wheel"
)

// ErrUnsupported is what Install returns where no pinned plugin runs: not x86-64
// Linux, or a binary without cgo. Test with errors.Is.
var ErrUnsupported = errors.New("no XLA plugin for this program here")

// InstallOptions configures Install.
type InstallOptions struct {
	Kind  Kind
	From  string    // a wheel on this machine; "" downloads it
	Index string    // URL of a simple package index; "" takes pip's
	Out   io.Writer // progress for people
}

// Install puts the kind's plugin in place and returns its path. The wheel must
// have the pinned SHA-256, wherever it comes from. An installed plugin that matches
// the pin is kept.
func Install(ctx context.Context, o InstallOptions) (path string, err error) {
	switch {
	case runtime.GOOS != "linux" || runtime.GOARCH != "amd64":
		return "", fmt.Errorf("%w: the pinned plugins are for linux/amd64, this is %s/%s; backend go works", ErrUnsupported, runtime.GOOS, runtime.GOARCH)
	case !HasXLA:
		return "", fmt.Errorf("%w: this binary was built without cgo (it needs CGO_ENABLED=1 and a C compiler); backend go works", ErrUnsupported)
	}
	dir, err := folder.Cache()
	if err != nil {
		return "", err
	}
	path = pluginPath(dir, o.Kind)
	var unwritten error
	err = wheel.Install(ctx, wheel.Request{
		Pin: pinned(o.Kind), Path: path, Mode: 0o755, From: o.From, Index: o.Index, Command: installCommand(o.Kind),
		Log: func(format string, a ...any) {
			_, failed := fmt.Fprintf(o.Out, format+"\n", a...)
			unwritten = errors.Join(unwritten, failed)
		},
	})
	if err != nil {
		return "", fmt.Errorf("install plugin: %w", err)
	}
	return path, unwritten
}
