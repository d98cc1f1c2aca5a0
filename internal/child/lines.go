package child

import (
	"bytes"
	"errors"
	"io"
	"os"
	"time"
)

// MaxLine is how many bytes of a line are read; the rest of a longer one is dropped.
const MaxLine = 256 << 10

// AfterExit is how long the rest of the output of a process that has ended is waited for: a
// process that left its group may keep the pipes open.
const AfterExit = 5 * time.Second

// Lines is a writer that calls Emit for each line, without its newline. Empty lines are
// dropped, and lines are cut after MaxLine bytes. Emit must not keep the line.
type Lines struct {
	Emit    func(line []byte)
	pending []byte
}

// Write implements io.Writer; it never fails.
func (l *Lines) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		part, rest, ended := bytes.Cut(p, []byte{'\n'})
		part = part[:min(len(part), MaxLine-len(l.pending))]
		l.pending = append(l.pending, part...)
		if ended {
			l.Flush()
		}
		p = rest
	}
	return n, nil
}

// Flush emits a last line without a newline.
func (l *Lines) Flush() {
	if len(l.pending) > 0 {
		l.Emit(l.pending)
	}
	l.pending = l.pending[:0]
}

// follow calls emit for each line from a process's pipe. wait is called after the process has
// ended and returns when all is read. A process that left the group may keep the
// pipe open, so wait gives up after AfterExit.
func follow(pipe io.ReadCloser, emit func(line []byte)) (wait func() error) {
	done := make(chan error, 1)
	go func() {
		l := Lines{Emit: emit}
		_, err := io.Copy(&l, pipe)
		l.Flush()
		done <- errors.Join(err, pipe.Close())
	}()
	return func() error {
		_ = pipe.(*os.File).SetReadDeadline(time.Now().Add(AfterExit)) // an error means that it is closed: all is read
		return <-done
	}
}
