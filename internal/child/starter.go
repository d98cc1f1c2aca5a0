package child

import (
	"os/exec"
	"runtime"
)

// Starter starts processes from one OS thread that it keeps until Close. Linux sends
// the parent-death signal when the thread that started the child ends, and the Go
// runtime may end a thread at any time. Safe for concurrent use.
type Starter chan startRequest

type startRequest struct {
	cmd    *exec.Cmd
	answer chan<- error
}

// NewStarter returns a Starter. The caller closes it.
func NewStarter() Starter {
	requests := make(Starter)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		for r := range requests {
			r.answer <- r.cmd.Start()
		}
	}()
	return requests
}

func (s Starter) start(cmd *exec.Cmd) error {
	answer := make(chan error, 1)
	s <- startRequest{cmd, answer}
	return <-answer
}

// Close ends the thread, and with it every process that still runs, except those with
// Command.Survives.
func (s Starter) Close() { close(s) }
