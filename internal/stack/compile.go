package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tailsweep/tailsweep/internal/jsonl"
)

// build compiles the program in a temporary folder next to file, and renames it to file.
func (r recipe) build(ctx context.Context, file string, out io.Writer) (err error) {
	gocmd, err := exec.LookPath("go")
	if err != nil {
		return errors.New("no `go` on the PATH: the embedded stack is compiled once on this machine; install Go, or set " +
			"TEMPORAL_ADDRESS and TAILSWEEP_S3_ENDPOINT to services that run elsewhere")
	}
	tmp, err := os.MkdirTemp(filepath.Dir(file), ".build-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()

	// The flags are those of a plain `go test` and `go vet` (no -trimpath, the
	// default of cgo), so that in a clone they share the build cache.
	args := []string{"install", "-v", "-ldflags=-s -w"}
	built := filepath.Join(tmp, r.program)
	if r.dir != "" {
		args = []string{"build", "-C", r.dir, "-v", "-ldflags=-s -w", "-o", built}
	}
	args = append(args, r.flags...)
	if r.dir == "" {
		args = append(args, r.pkg+"@"+r.version)
	}
	cmd := exec.CommandContext(ctx, gocmd, args...)
	cmd.Dir = tmp // outside any go.mod or go.work of the user
	cmd.Env = buildEnviron(os.Environ(), tmp)
	if err := runShowing(ctx, cmd, "building "+r.program, out); err != nil {
		return err
	}
	return os.Rename(built, file)
}

// buildEnviron sets where go install puts the program, and removes variables that are
// meant for the build of the main module: GOEXPERIMENT=simd, another target.
func buildEnviron(base []string, bin string) []string {
	env := slices.DeleteFunc(slices.Clone(base), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains([]string{"GOEXPERIMENT", "GOOS", "GOARCH", "GOWORK", "GOBIN"}, name)
	})
	return append(env, "GOWORK=off", "GOBIN="+bin)
}

// quiet is how long a build runs before progress is printed.
const quiet = 3 * time.Second

// runShowing runs `go build -v` or `go install -v` and prints its progress to out. Its
// error includes the messages of the compiler.
func runShowing(ctx context.Context, cmd *exec.Cmd, title string, out io.Writer) error {
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	var p progress
	over := make(chan struct{})
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		timer := time.NewTimer(quiet)
		defer timer.Stop()
		for first := true; ; first = false {
			select {
			case <-over:
				return
			case <-timer.C:
				if first {
					say(out, "%s; the first time this takes minutes", title)
				} else {
					say(out, "%s: %s%s", title, clock(time.Since(begin)), p.String())
				}
				timer.Reset(10 * time.Second)
			}
		}
	}()
	var readErr error
	for line, err := range jsonl.Lines(stderr, 1<<20) {
		if err != nil {
			readErr = err
			_, _ = io.Copy(io.Discard, stderr) // else go waits for a reader
			break
		}
		p.line(string(line))
	}
	err = cmd.Wait()
	close(over)
	<-shown
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, p.errors())
	}
	if readErr != nil {
		return readErr
	}
	if took := time.Since(begin); took > quiet {
		say(out, "%s: done in %s", title, clock(took))
	}
	return nil
}

// progress counts the lines of go: a package compiled, a module downloaded, and the
// rest, which are errors.
type progress struct {
	mu         sync.Mutex
	packages   int
	downloaded int
	rest       []string
}

func (p *progress) line(s string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case strings.HasPrefix(s, "go: downloading "):
		p.downloaded++
	case strings.ContainsAny(s, " \t:#"):
		const most = 30
		p.rest = append(p.rest, s)
		p.rest = p.rest[max(0, len(p.rest)-most):]
	case s != "":
		p.packages++
	}
}

// String returns the end of a progress line, "" while nothing has been counted.
func (p *progress) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.packages > 0:
		return fmt.Sprintf(", %d packages compiled", p.packages)
	case p.downloaded > 0:
		return fmt.Sprintf(", %d modules downloaded", p.downloaded)
	}
	return ""
}

func (p *progress) errors() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return "  " + strings.Join(p.rest, "\n  ")
}

// clock formats a duration as minutes and seconds.
func clock(d time.Duration) string {
	return fmt.Sprintf("%d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}
