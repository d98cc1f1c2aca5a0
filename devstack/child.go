package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
)

// child is a server that runs as a child process.
type child struct {
	pid   int
	log   string
	ended chan struct{} // closed when it is reaped
	err   error         // how it ended, after ended
}

// startChild runs the command with its output in logs/<name>.log. On Linux it is
// killed when devstack dies.
func startChild(name string, cmd *exec.Cmd, dir string) (*child, error) {
	c := &child{log: filepath.Join(dir, "logs", name+".log"), ended: make(chan struct{})}
	log, err := os.OpenFile(c.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.SysProcAttr = dieWithParent()
	started := make(chan error)
	go func() {
		// The kernel sends the death signal when the thread that started the child
		// ends, so that thread stays for as long as the child runs.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- errors.Join(err, log.Close())
		if err != nil {
			return
		}
		c.err = cmd.Wait()
		if c.err == nil {
			c.err = errors.New("exit status 0")
		}
		close(c.ended)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	c.pid = cmd.Process.Pid
	return c, nil
}

// stop ends the child with SIGTERM, and kills it when ctx ends.
func (c *child) stop(ctx context.Context) error {
	signal := func(s syscall.Signal) error {
		if err := syscall.Kill(c.pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
		return nil
	}
	select {
	case <-c.ended:
		return nil
	default:
	}
	if err := signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-c.ended:
		return nil
	case <-ctx.Done():
	}
	err := signal(syscall.SIGKILL)
	<-c.ended
	return errors.Join(ctx.Err(), err)
}
