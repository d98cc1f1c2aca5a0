package worker

import (
	"os/exec"
	"runtime"
)

// starter starts processes from one OS thread that it keeps until close. Linux sends
// the parent-death signal when the thread that started the child ends, and the Go
// runtime may end a thread at any time.
type starter chan startRequest

type startRequest struct {
	cmd    *exec.Cmd
	answer chan<- error
}

func newStarter() starter {
	requests := make(starter)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		for r := range requests {
			r.answer <- r.cmd.Start()
		}
	}()
	return requests
}

func (s starter) start(cmd *exec.Cmd) error {
	answer := make(chan error, 1)
	s <- startRequest{cmd, answer}
	return <-answer
}

// close ends the thread, and with it every child that still runs.
func (s starter) close() { close(s) }
