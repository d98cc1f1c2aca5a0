package worker

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/internal/child"
)

// Limits on the log of an attempt; child.MaxLine is that of a line.
const (
	maxLogHead = 2 << 20   // bytes of an attempt's log that are kept from its beginning
	maxLogTail = 256 << 10 // bytes kept from its end
)

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
	if word := bytes.LastIndexAny(line, " \t\"'<>") + 1; len(line) == child.MaxLine && bytes.ContainsAny(line[word:], ":=") {
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
