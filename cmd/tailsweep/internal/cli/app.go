package cli

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"
	"golang.org/x/term"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/connect"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
)

// App has the streams, and connects to Temporal and to the object store.
type App struct {
	In       io.Reader
	Out, Err io.Writer
	Flags    connect.Flags

	Objects     store.Store   // for tests: the object store
	Workflows   client.Client // for tests with Objects: Temporal; nil: the connection fails with NoWorkflows
	NoWorkflows error         // for tests with Objects
}

// ConnectionFlags adds the flags that say where the services are.
func (a *App) ConnectionFlags(cmd *cobra.Command) {
	f := cmd.PersistentFlags()
	f.StringVar(&a.Flags.Address, "address", "", "Temporal's host:port (TEMPORAL_ADDRESS; default: the embedded stack)")
	f.StringVar(&a.Flags.Namespace, "namespace", "", "Temporal's namespace (TEMPORAL_NAMESPACE)")
	f.StringVar(&a.Flags.Endpoint, "s3-endpoint", "", "the object store, http://host:port ("+address.EndpointVariable+")")
	f.StringVar(&a.Flags.Bucket, "s3-bucket", "", "bucket in the object store ("+address.BucketVariable+")")
	f.StringVar(&a.Flags.Prefix, "s3-prefix", "", "prefix of all keys in the bucket ("+address.PrefixVariable+")")
}

// Archive opens the object store.
func (a *App) Archive(ctx context.Context) (*archive.Archive, error) {
	if a.Objects != nil {
		return archive.New(a.Objects), nil
	}
	target, err := connect.Resolve(a.Flags)
	if err != nil {
		return nil, err
	}
	s, err := target.OpenStore(ctx)
	if err != nil {
		return nil, err
	}
	return archive.New(s), nil
}

// Temporal connects to Temporal. The caller closes the client.
func (a *App) Temporal(ctx context.Context) (client.Client, error) {
	switch {
	case a.Workflows != nil:
		return a.Workflows, nil
	case a.Objects != nil:
		return nil, cmp.Or(a.NoWorkflows, connect.ErrStackDown)
	}
	target, err := connect.Resolve(a.Flags)
	if err != nil {
		return nil, err
	}
	return target.Dial(ctx, nil)
}

// Here returns where the sweeps of this command line run: the Temporal cluster and
// namespace that c is connected to, and this build.
func (a *App) Here(ctx context.Context, c client.Client) (sweep.Identity, error) {
	target, err := connect.Resolve(a.Flags)
	if err != nil {
		return sweep.Identity{}, err
	}
	cluster, err := connect.ClusterID(ctx, c)
	if err != nil {
		return sweep.Identity{}, err
	}
	return sweep.Identity{Cluster: cluster, Namespace: target.Namespace(), Build: ReadBuild().String()}, nil
}

// Print writes lines of the output, without the secrets of URLs and without characters that
// control a terminal.
func (a *App) Print(lines ...string) error {
	_, err := io.WriteString(a.Out, console.Safe(address.Redact(strings.Join(lines, "\n")))+"\n")
	return err
}

// Copy writes a log. On a terminal, characters that control it are left out.
func (a *App) Copy(log io.Reader) error {
	if !a.Terminal().Live {
		_, err := io.Copy(a.Out, log)
		return err
	}
	for r := bufio.NewReader(log); ; {
		line, err := r.ReadString('\n')
		if _, err := io.WriteString(a.Out, console.Safe(line)); err != nil {
			return err
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// PrintJSON writes v as indented JSON, as Print does.
func (a *App) PrintJSON(v any) error {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(a.Out, text.EscapeJSON(address.Redact(b.String())))
	return err
}

// PrintAs writes v as JSON where that is the output format, otherwise the lines.
func (a *App) PrintAs(form *Choice, v any, lines ...string) error {
	if form.Value == FormatJSON {
		return a.PrintJSON(v)
	}
	return a.Print(lines...)
}

// Lines returns the lines of a table, cut to the width of the terminal.
func (a *App) Lines(t *console.Table) []string {
	term := a.Terminal()
	return t.Render(term.Width, console.Painter(term.Colour))
}

// Confirm asks a question on stderr and reads the answer. Without a terminal to ask on it
// is an error that names --yes. The end of ctx is an InterruptedError with the note.
func (a *App) Confirm(ctx context.Context, verb, question, note string) (bool, error) {
	in, ok := a.In.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return false, Usagef("%s: there is no terminal to ask on: give --yes", verb)
	}
	_, _ = io.WriteString(a.Err, question+" [y/N] ")
	return confirmed(ctx, a.In, note)
}

// confirmed reads whether a line says yes, until ctx ends.
func confirmed(ctx context.Context, in io.Reader, note string) (bool, error) {
	type answer struct {
		yes bool
		err error
	}
	read := make(chan answer, 1)
	go func() {
		yes, err := readYes(in)
		read <- answer{yes, err}
	}()
	select { // a read of stdin cannot be interrupted
	case a := <-read:
		return a.yes, a.err
	case <-ctx.Done():
		return false, &InterruptedError{Note: note}
	}
}

// readYes reads whether a line says yes.
func readYes(in io.Reader) (bool, error) {
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("read the answer: %w", err)
	}
	answer := strings.ToLower(strings.TrimSpace(line))
	return answer == "y" || answer == "yes", nil
}

// Log writes a message to stderr, as Print does. On a terminal, lines break between words.
func (a *App) Log(format string, args ...any) {
	width, _ := a.attended()
	var b strings.Builder
	for line := range strings.SplitSeq(console.Safe(address.Redact(fmt.Sprintf(format, args...))), "\n") {
		b.WriteString(strings.Join(console.WrapTo(width, line), "\n") + "\n")
	}
	_, _ = io.WriteString(a.Err, b.String()) // there is nowhere to report an error
}

// Attended reports whether stderr is a terminal.
func (a *App) Attended() bool {
	_, ok := a.attended()
	return ok
}

// attended returns the width of the terminal that stderr is; ok is false where it is none.
func (a *App) attended() (width int, ok bool) {
	f, isFile := a.Err.(*os.File)
	if !isFile || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		width = 0
	}
	return width, true
}

// Terminal describes where the output goes. The zero Terminal is a file or a pipe.
type Terminal struct {
	Live          bool // output can be redrawn
	Width, Height int  // 0: no limit
	Colour        bool
}

// Terminal returns the output's terminal with its size at this moment.
func (a *App) Terminal() Terminal {
	f, ok := a.Out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return Terminal{}
	}
	t := Terminal{Live: true, Width: 80, Height: 24, Colour: os.Getenv("NO_COLOR") == ""}
	if width, height, err := term.GetSize(int(f.Fd())); err == nil && width > 0 && height > 0 {
		t.Width, t.Height = width, height
	}
	return t
}
