package worker

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/internal/text"
)

// Limits on the output of a child.
const (
	maxLine     = 256 << 10 // bytes of a line; the rest of a longer one is dropped
	maxLogHead  = 2 << 20   // bytes of an attempt's log that are kept from its beginning
	maxLogTail  = 256 << 10 // bytes kept from its end
	maxLastText = 1500      // bytes of the last output that go into a failure's message
	maxLastLine = 12
)

// lines is a writer that calls emit for each line, without its newline. Empty lines are
// dropped, and lines are cut after maxLine bytes.
type lines struct {
	emit    func(line []byte)
	pending []byte
}

// Write implements io.Writer; it never fails.
func (l *lines) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		part, rest, ended := bytes.Cut(p, []byte{'\n'})
		part = part[:min(len(part), maxLine-len(l.pending))]
		l.pending = append(l.pending, part...)
		if ended {
			l.flush()
		}
		p = rest
	}
	return n, nil
}

// flush emits a last line without a newline.
func (l *lines) flush() {
	if len(l.pending) > 0 {
		l.emit(l.pending)
	}
	l.pending = l.pending[:0]
}

// follow calls emit for each line from a child's pipe. wait is called after the child has
// ended and returns when all is read. A process that left the child's group may keep the
// pipe open, so wait gives up after afterExit.
func follow(pipe io.ReadCloser, emit func(line []byte)) (wait func() error) {
	done := make(chan error, 1)
	go func() {
		l := lines{emit: emit}
		_, err := io.Copy(&l, pipe)
		l.flush()
		done <- errors.Join(err, pipe.Close())
	}()
	return func() error {
		err := pipe.(*os.File).SetReadDeadline(time.Now().Add(afterExit))
		if errors.Is(err, os.ErrClosed) {
			err = nil // all is read
		}
		return errors.Join(err, <-done)
	}
}

// attemptLog keeps the beginning of a child's output in a file, and its end in memory
// until close, without the secrets of addresses. It is safe for concurrent use by stdout and
// stderr.
type attemptLog struct {
	mu      sync.Mutex
	file    *os.File
	head    int
	tail    []byte
	skipped int64
	err     error // the first error of the file; it does not fail the job
}

func createLog(path string) (*attemptLog, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("create the attempt's log: %w", err)
	}
	return &attemptLog{file: f}, nil
}

func (l *attemptLog) line(line []byte) {
	if word := bytes.LastIndexAny(line, " \t\"'<>") + 1; len(line) == maxLine && bytes.ContainsAny(line[word:], ":=") {
		line = line[:word] // half of an address could not be recognised
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.skipped == 0 && len(l.tail) == 0 && l.head+len(line)+1 <= maxLogHead {
		l.head += len(line) + 1
		l.write([]byte(address.Redact(string(line))), []byte{'\n'})
		return
	}
	last := len(l.tail)
	l.tail = append(append(l.tail, line...), '\n')
	if over := len(l.tail) - maxLogTail; over > maxLogTail/4 {
		over = min(over+bytes.IndexByte(l.tail[over:], '\n')+1, last) // complete lines
		l.skipped += int64(over)
		l.tail = append(l.tail[:0], l.tail[over:]...)
	}
}

func (l *attemptLog) write(parts ...[]byte) {
	for _, p := range parts {
		if _, err := l.file.Write(p); err != nil && l.err == nil {
			l.err = err
		}
	}
}

// close appends the end of the output, and how many bytes were left out before it.
func (l *attemptLog) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.skipped > 0 {
		l.write(fmt.Appendf(nil, "... %d bytes left out ...\n", l.skipped))
	}
	l.write([]byte(address.Redact(string(l.tail)))) // only of what is kept: it is slow
	if err := errors.Join(l.err, l.file.Close()); err != nil {
		return fmt.Errorf("write the attempt's log: %w", err)
	}
	return nil
}

// lastLines keeps the end of a child's stderr for the message of its failure.
type lastLines struct {
	mu      sync.Mutex
	kept    []string
	crashed bool // kept begins with the first line of a crash and stops growing: the other goroutines matter less
}

func (l *lastLines) add(line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.crashed && len(l.kept) >= maxLastLine {
		return
	}
	if !l.crashed && isCrash(string(line)) {
		l.crashed = true
		l.kept = l.kept[:0]
	}
	l.kept = append(l.kept, text.Clip(address.Redact(string(line)), maxLastText)) // half of an address could not be recognised
	if len(l.kept) > maxLastLine {
		l.kept = append(l.kept[:0], l.kept[len(l.kept)-maxLastLine:]...)
	}
}

// isCrash reports whether a line of stderr is the first of a crash of the Go runtime.
func isCrash(line string) bool {
	for _, start := range []string{"panic: ", "fatal error: ", "SIGSEGV: ", "SIGABRT: ", "SIGBUS: ", "unexpected fault address"} {
		if strings.HasPrefix(line, start) {
			return true
		}
	}
	return false
}

// text returns at most maxLastLine lines and maxLastText bytes.
func (l *lastLines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := strings.Join(l.kept, "\n")
	if l.crashed {
		return text.Clip(kept, maxLastText)
	}
	return text.ClipStart(kept, maxLastText)
}
