package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"
	"golang.org/x/term"

	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/connect"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/specfile"
)

// app is what the verbs share: the streams, and the way to both services.
type app struct {
	in       io.Reader
	out, err io.Writer
	flags    connect.Flags

	objects store.Store // a test's store instead of the configured one
}

// connectionFlags adds the flags that say where the services are.
func (a *app) connectionFlags(cmd *cobra.Command) {
	f := cmd.PersistentFlags()
	f.StringVar(&a.flags.Address, "address", "", "Temporal's host:port (TEMPORAL_ADDRESS; default: the embedded stack)")
	f.StringVar(&a.flags.Namespace, "namespace", "", "Temporal's namespace (TEMPORAL_NAMESPACE)")
	f.StringVar(&a.flags.Endpoint, "s3-endpoint", "", "the object store, http://host:port (TAILSWEEP_S3_ENDPOINT)")
	f.StringVar(&a.flags.Bucket, "s3-bucket", "", "its bucket (TAILSWEEP_S3_BUCKET)")
	f.StringVar(&a.flags.Prefix, "s3-prefix", "", "prefix of all keys in it (TAILSWEEP_S3_PREFIX)")
}

// archive opens the object store.
func (a *app) archive(ctx context.Context) (*archive.Archive, error) {
	if a.objects != nil {
		return archive.New(a.objects), nil
	}
	target, err := connect.Resolve(a.flags)
	if err != nil {
		return nil, err
	}
	s, err := target.OpenStore(ctx)
	if err != nil {
		return nil, err
	}
	return archive.New(s), nil
}

// temporal connects to Temporal. The caller closes the client.
func (a *app) temporal(ctx context.Context) (client.Client, error) {
	if a.objects != nil {
		return nil, connect.ErrStackDown // tests of verbs on the archive have no Temporal
	}
	target, err := connect.Resolve(a.flags)
	if err != nil {
		return nil, err
	}
	return target.Dial(ctx, nil)
}

// spec reads a sweep's spec from the archive; an unknown sweep exits 4.
func loadSpec(ctx context.Context, arc *archive.Archive, name string) (*sweep.Spec, []byte, error) {
	spec, text, err := arc.LoadSpec(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, &codedError{exitNotFound, fmt.Errorf("no sweep %q; `tailsweep list` shows those that are there", name)}
	}
	return spec, text, err
}

// choice is a flag with a closed list of values.
type choice struct {
	value string
	valid []string
}

func (c *choice) String() string { return c.value }
func (c *choice) Type() string   { return strings.Join(c.valid, "|") }
func (c *choice) Set(s string) error {
	if !slices.Contains(c.valid, s) {
		return fmt.Errorf("%q is none of %s", s, strings.Join(c.valid, ", "))
	}
	c.value = s
	return nil
}

// outputFlag adds -o table|json.
func outputFlag(cmd *cobra.Command) *choice {
	c := &choice{value: "table", valid: []string{"table", "json"}}
	cmd.Flags().VarP(c, "output", "o", "form of what is printed")
	return c
}

// printJSON writes v for programs: indented, so that people can read it too.
func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// print writes lines for people.
func (a *app) print(lines ...string) error {
	_, err := io.WriteString(a.out, strings.Join(lines, "\n")+"\n")
	return err
}

// say tells people what happens, beside the output proper.
func (a *app) say(format string, args ...any) {
	_, _ = io.WriteString(a.err, address.Redact(fmt.Sprintf(format, args...))+"\n") // no one is left to report to
}

// terminal is where output goes. The zero terminal is a file or a pipe.
type terminal struct {
	live          bool // a person watches
	width, height int  // 0: no limit
	colour        bool
}

// terminal looks at the output afresh, since windows change size.
func (a *app) terminal() terminal {
	f, ok := a.out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return terminal{}
	}
	t := terminal{live: true, width: 80, height: 24, colour: os.Getenv("NO_COLOR") == ""}
	if width, height, err := term.GetSize(int(f.Fd())); err == nil && width > 0 && height > 0 {
		t.width, t.height = width, height
	}
	return t
}

// message is what a person is told about an error; "" when it was told before.
func message(err error) string {
	var faults specfile.Faults
	var coded *codedError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &faults):
		return faults.Error()
	case errors.As(err, &coded) && coded.err == nil:
		return ""
	case errors.Is(err, context.Canceled):
		return "tailsweep: interrupted"
	default:
		return "tailsweep: " + address.Redact(err.Error())
	}
}
