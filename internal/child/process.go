package child

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
)

// Command is a process to start.
type Command struct {
	Args           []string          // the program and its arguments; a program without a slash is looked for in this process's PATH
	Dir            string            // its working directory; "" is this process's
	Env            []string          // its whole environment, as NAME=value
	Stdout, Stderr func(line []byte) // called for each line, see Lines; each by one goroutine
	Survives       bool              // the kernel does not kill it when this process dies; its closed stdin must end it
	Mark           string            // an environment entry NAME=value; every process that has it is killed with this one, also outside of its group; "": only the group
}

// Process is a process that runs, or has ended.
type Process struct {
	process *os.Process
	mark    string
	box     *cgroup // nil without one
	ended   chan struct{}
	exit    Exit // after ended

	mu     sync.Mutex
	reaped bool // its pid may be another process's
}

// Start starts a process. An error that it cannot be started wraps that of package os/exec.
func (s Starter) Start(c Command) (*Process, error) {
	p := &Process{mark: c.Mark, ended: make(chan struct{})}
	if c.Mark != "" {
		p.box = newCgroup()
	}
	oom, _ := oomKills()
	pipes, err := p.spawn(s, c)
	if err != nil && p.box != nil { // the kernel or a sandbox allows no start into a cgroup
		p.box.remove()
		p.box = nil
		pipes, err = p.spawn(s, c)
	}
	if err != nil {
		return nil, err
	}
	readStdout, readStderr := follow(pipes.stdout, c.Stdout), follow(pipes.stderr, c.Stderr)
	go func() {
		defer close(p.ended)
		var left []string
		state, err := reap(p.process, func() {
			left = p.running()
			p.killGroup()
		})
		p.mu.Lock()
		p.reaped = true
		p.mu.Unlock()
		p.killRest()
		p.exit = exitOf(state)
		p.exit.Left = left
		p.exit.Err = errors.Join(err, pipes.stdin.Close(), readStdout(), readStderr())
		if now, ok := oomKills(); ok && now > oom {
			p.exit.OOMKilled = true
		}
		if p.box != nil {
			p.box.remove()
		}
	}()
	return p, nil
}

type pipes struct {
	stdin          io.Closer // open until the process ends, or this one does
	stdout, stderr io.ReadCloser
}

func (p *Process) spawn(s Starter, c Command) (pipes, error) {
	cmd := exec.Command(c.Args[0], c.Args[1:]...) //nolint:gosec // the caller decides what runs
	cmd.Dir, cmd.Env = c.Dir, c.Env
	isolate(cmd, c.Survives)
	if p.box != nil {
		p.box.enter(cmd.SysProcAttr)
	}
	var stdout, stderr io.ReadCloser
	stdin, err := cmd.StdinPipe()
	if err == nil {
		stdout, err = cmd.StdoutPipe()
	}
	if err == nil {
		stderr, err = cmd.StderrPipe()
	}
	if err == nil {
		err = s.start(cmd)
	}
	if err != nil {
		return pipes{}, fmt.Errorf("start a child: %w", err)
	}
	p.process = cmd.Process
	return pipes{stdin, stdout, stderr}, nil
}

// Ended returns a channel that is closed when the process is reaped, all that it started is
// killed, and its output is read.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Exit waits for Ended, and returns how the process ended.
func (p *Process) Exit() Exit {
	<-p.ended
	return p.exit
}

// Signal sends a signal to the process alone. The error is ignored: it means that the process
// has already ended.
func (p *Process) Signal(s os.Signal) { _ = p.process.Signal(s) }

// Kill kills the process and all that it started. It does not wait for Ended.
func (p *Process) Kill() {
	p.mu.Lock()
	if !p.reaped {
		p.killGroup()
	}
	p.mu.Unlock()
	p.killRest()
}

// running lists the command lines of what the process has started and that runs.
func (p *Process) running() []string {
	if p.mark == "" {
		return nil
	}
	return marked(func(entry string) bool { return entry == p.mark })
}

// killGroup kills the process group. The error is ignored: it means that it has ended.
func (p *Process) killGroup() { _ = syscall.Kill(-p.process.Pid, syscall.SIGKILL) }

// killRest kills what left the group.
func (p *Process) killRest() {
	if p.mark == "" {
		return
	}
	if p.box != nil {
		p.box.kill()
	}
	KillMarked(func(entry string) bool { return entry == p.mark })
}
