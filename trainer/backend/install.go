package backend

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/internal/folder"
	"github.com/tailsweep/tailsweep/internal/lock"
)

// ErrUnsupported is what Install returns where no pinned plugin runs: not x86-64
// Linux, or a binary without cgo. Test with errors.Is.
var ErrUnsupported = errors.New("no XLA plugin for this program here")

// InstallOptions configures Install.
type InstallOptions struct {
	Kind  Kind
	From  string    // a wheel on this machine; "" downloads it
	Index string    // URL of a simple package index; "" takes pip's (see indexURL)
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
	pin := pinned(o.Kind)
	dir, err := folder.Cache()
	if err != nil {
		return "", err
	}
	path = pluginPath(dir, o.Kind)
	if isFile(path) {
		matches, err := pin.matches(path)
		if err != nil || matches {
			return path, errors.Join(err, report(o.Out, "%s %s is installed", pin.Project, pin.Version))
		}
		if err := report(o.Out, "%s is damaged and is installed again", path); err != nil {
			return "", err
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("install plugin: %w", err)
	}
	release, err := lock.Take(ctx, filepath.Join(filepath.Dir(path), ".lock"), nil)
	if err != nil {
		return "", fmt.Errorf("install plugin: %w", err)
	}
	defer func() { err = errors.Join(err, release()) }()
	wheel := o.From
	if wheel == "" {
		wheel = foundLink(pin)
	}
	if wheel == "" {
		wheel, err = downloadWheel(ctx, o, pin, filepath.Dir(path))
		if err != nil {
			return "", fmt.Errorf("install plugin: %w", err)
		}
		defer func() { err = errors.Join(err, os.Remove(wheel)) }()
	} else if err := verifyWheel(wheel, pin); err != nil {
		return "", fmt.Errorf("install plugin: %w", err)
	}
	if err := extract(wheel, pin.Member, path); err != nil {
		return "", fmt.Errorf("install plugin: %w", err)
	}
	return path, report(o.Out, "installed %s %s", pin.Project, pin.Version)
}

func report(w io.Writer, format string, a ...any) error {
	_, err := fmt.Fprintf(w, format+"\n", a...)
	return err
}

// foundLink is the pinned wheel in a folder of $PIP_FIND_LINKS, or "".
func foundLink(pin Pin) string {
	for _, dir := range strings.Fields(os.Getenv("PIP_FIND_LINKS")) {
		if path := filepath.Join(strings.TrimPrefix(dir, "file://"), pin.Wheel); isFile(path) {
			return path
		}
	}
	return ""
}

// verifyWheel compares a file with the pin.
func verifyWheel(path string, pin Pin) error {
	sum, err := file.SHA256(path)
	if err == nil && sum != pin.SHA256 {
		err = fmt.Errorf("%s has SHA-256 %s, want %s, that of %s", path, sum, pin.SHA256, pin.Wheel)
	}
	return err
}

// matches reports whether the plugin at path is the pinned one.
func (p Pin) matches(path string) (bool, error) {
	if p.PluginSHA256 == "" {
		return true, nil
	}
	sum, err := file.SHA256(path)
	return sum == p.PluginSHA256, err
}

// maxPlugin bounds an unpacked plugin, in bytes.
const maxPlugin = 2 << 30

// extract unpacks the member of this base name to path.
func extract(wheel, member, path string) error {
	archive, err := zip.OpenReader(wheel)
	if err != nil {
		return fmt.Errorf("%s: %w", wheel, err)
	}
	defer archive.Close() //nolint:errcheck // read only
	var found *zip.File
	for _, f := range archive.File {
		if f.Name[strings.LastIndex(f.Name, "/")+1:] == member {
			found = f
		}
	}
	if found == nil {
		return fmt.Errorf("%s has no file %s", wheel, member)
	}
	if found.UncompressedSize64 > maxPlugin {
		return fmt.Errorf("%s: %s unpacks to %d bytes, more than %d", wheel, member, found.UncompressedSize64, maxPlugin)
	}
	in, err := found.Open()
	if err != nil {
		return fmt.Errorf("%s: %s: %w", wheel, member, err)
	}
	defer in.Close() //nolint:errcheck // read only
	return file.Create(path, 0o755, func(out io.Writer) error {
		// The size in the directory may be wrong. The zip reader checks the CRC at the end.
		if _, err := io.Copy(out, io.LimitReader(in, int64(found.UncompressedSize64)+1)); err != nil {
			return fmt.Errorf("unpack %s: %w", member, err)
		}
		return nil
	})
}
