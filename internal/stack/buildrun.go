package stack

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// Nothing is said about builds that are over sooner.
const quiet = 3 * time.Second

// runShowing runs `go build -v` or `go install -v` and tells out how far it is.
// Its error holds the compiler's own words.
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
	lines := bufio.NewScanner(stderr)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		p.line(lines.Text())
	}
	readErr := lines.Err()
	err = cmd.Wait()
	close(over)
	<-shown
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, p.said())
	}
	if readErr != nil {
		return readErr
	}
	if took := time.Since(begin); took > quiet {
		say(out, "%s: done in %s", title, clock(took))
	}
	return nil
}

// progress is what go has said: the packages compiled, one a line, modules
// downloaded, and the rest, which are errors.
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

// String continues a sentence; where all is in the build cache there is nothing
// to count.
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

func (p *progress) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return "  " + strings.Join(p.rest, "\n  ")
}

// clock formats a duration as minutes and seconds.
func clock(d time.Duration) string {
	return fmt.Sprintf("%d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}
