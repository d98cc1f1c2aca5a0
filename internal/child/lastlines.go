package child

import (
	"strings"
	"sync"

	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/internal/text"
)

// Limits of the last output that goes into a failure's message.
const (
	MaxLastText  = 1500 // bytes
	maxLastLines = 12
)

// LastLines keeps the end of a process's output for the message of its failure, without the
// secrets of addresses. The zero value is ready. Safe for concurrent use.
type LastLines struct {
	mu      sync.Mutex
	kept    []string
	crashed bool // kept begins with the first line of a crash and stops growing: the other goroutines matter less
}

// Add adds a line.
func (l *LastLines) Add(line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.crashed && len(l.kept) >= maxLastLines {
		return
	}
	if !l.crashed && isCrash(string(line)) {
		l.crashed = true
		l.kept = l.kept[:0]
	}
	l.kept = append(l.kept, text.Clip(address.Redact(string(line)), MaxLastText)) // half of an address could not be recognised
	if len(l.kept) > maxLastLines {
		l.kept = append(l.kept[:0], l.kept[len(l.kept)-maxLastLines:]...)
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

// Text returns at most 12 lines and MaxLastText bytes.
func (l *LastLines) Text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := strings.Join(l.kept, "\n")
	if l.crashed {
		return text.Clip(kept, MaxLastText)
	}
	return text.ClipStart(kept, MaxLastText)
}
