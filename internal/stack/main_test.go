package stack

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tailsweep/tailsweep/internal/file"
)

// fakeEnv makes the test's own binary a fake devstack or a fake worker. Its value
// lists what goes wrong: "devstack-fails", "devstack-waits=SOCKET", "worker-fails", "worker-ignores-sigterm".
const fakeEnv = "TAILSWEEP_STACK_TEST_FAKE"

func TestMain(m *testing.M) {
	mode := os.Getenv(fakeEnv)
	switch {
	case mode == "":
		os.Exit(m.Run())
	case os.Args[1] == "--config":
		exit(fakeDevstack(os.Args[2], mode))
	case os.Args[1] == "worker":
		exit(fakeWorker(mode))
	}
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	os.Exit(0)
}

// announce sends the address to the test and waits until that has closed the connection.
func announce(socket, address string) error {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(conn, address); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, conn)
	return err
}

// fakeDevstack listens at the configured addresses, writes ready.json, and
// ends on SIGTERM. Its Prometheus is a sleeping child, which SIGHUP starts again. It is a fake.
func fakeDevstack(config, mode string) error {
	if strings.Contains(mode, "devstack-fails") {
		return errors.New("fake devstack: the port is taken")
	}
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	var c struct {
		Dir, Temporal, UI string
		S3                struct{ Address string }
		Prometheus        struct{ Binary, Address string }
	}
	if err := file.ReadJSON(config, &c); err != nil {
		return err
	}
	if socket, ok := strings.CutPrefix(mode, "devstack-waits="); ok {
		if err := announce(socket, c.Temporal); err != nil {
			return err
		}
	}
	for _, address := range []string{c.Temporal, c.UI, c.S3.Address} {
		if _, err := net.Listen("tcp", address); err != nil {
			return err
		}
	}
	l := layout(c.Dir)
	for {
		r := readiness{PID: os.Getpid(), Temporal: c.Temporal, UI: c.UI, S3: c.S3.Address, Prometheus: c.Prometheus.Address}
		child := exec.Command("sleep", "600")
		if c.Prometheus.Binary != "" {
			if err := child.Start(); err != nil {
				return err
			}
			go func() { _ = child.Wait() }() // it is killed
			r.PrometheusPID = child.Process.Pid
		}
		if err := file.WriteJSON(l.ready(), r, ownerOnly); err != nil {
			return err
		}
		select {
		case <-hangup:
		case <-terminated:
			if child.Process != nil {
				_ = child.Process.Kill() // it may have ended
			}
			return note(l, "stack stopped")
		}
	}
}

// fakeWorker answers /metrics, writes its environment down, and ends on SIGTERM.
// It is a fake.
func fakeWorker(mode string) error {
	if strings.Contains(mode, "worker-fails") {
		return errors.New("fake worker: no such backend")
	}
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	l := layout(os.Getenv("TAILSWEEP_STATE_DIR"))
	b, err := json.Marshal(os.Environ())
	if err == nil {
		err = os.WriteFile(l.path("environ.json"), b, 0o600)
	}
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", os.Getenv("TAILSWEEP_METRICS_ADDR"))
	if err != nil {
		return err
	}
	go func() {
		_ = http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	}()
	if err := note(l, "worker args "+strings.Join(os.Args[2:], " ")); err != nil {
		return err
	}
	<-terminated
	if strings.Contains(mode, "worker-ignores-sigterm") {
		select {}
	}
	return note(l, "worker stopped")
}

// note appends to a file that the test reads.
func note(l layout, line string) error {
	f, err := os.OpenFile(notes(l), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, line)
	return errors.Join(err, f.Close())
}

func notes(l layout) string { return filepath.Join(string(l), "notes.txt") }
