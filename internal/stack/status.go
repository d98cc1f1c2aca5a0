package stack

import (
	"errors"
	"fmt"
	"os"

	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/internal/folder"
)

// Read returns the state of the stack in the state folder dir; "" means
// folder.State(). A stack that is stopped, or was never made, is not an error.
func Read(dir string) (Status, error) {
	dir, err := resolve(dir)
	if err != nil {
		return Status{}, err
	}
	s, err := read(dir)
	return s, folder.Hint(err, folder.StateVariable)
}

func read(dir string) (Status, error) {
	l := layout(dir)
	s := Status{Dir: dir}
	var made setup
	if err := file.ReadJSON(l.setup(), &made); err != nil && !errors.Is(err, os.ErrNotExist) {
		return s, fmt.Errorf("state folder: %w", err)
	}
	s.S3Kind, s.Bucket = made.S3, made.Bucket

	stack, err := lastRecord(l, ProcessStack)
	if err != nil {
		return s, err
	}
	worker, err := lastRecord(l, ProcessWorker)
	if err != nil {
		return s, err
	}
	ready, ok, err := readReady(l, stack)
	if err != nil {
		return s, err
	}
	if ok && stack.running() {
		s.Temporal, s.UI, s.S3 = ready.Temporal, url(ready.UI), url(ready.S3)
	} else {
		ready = readiness{}
	}
	s3 := ready.S3
	if made.S3 == S3MinIO {
		s3 = "" // MinIO listens there, not devstack
	}
	s.add(l, ProcessStack, stack.PID != 0, stack.pid(), ready.Temporal, ready.UI, s3)
	metrics := ""
	if worker.running() {
		metrics = loopback(made.Ports.WorkerMetrics)
		s.WorkerMetrics = url(metrics) + "/metrics"
		s.WorkerBackend, s.WorkerSlots = worker.Backend, worker.Slots
	} else {
		s.NoWorker = stack.NoWorker && stack.running()
	}
	s.RunsCommands = worker.Commands // the record is removed when it is stopped
	s.add(l, ProcessWorker, worker.PID != 0, worker.pid(), metrics)
	prometheus := alive(ready.PrometheusPID)
	s.add(l, ProcessPrometheus, ready.Prometheus != "", prometheus, ready.Prometheus)
	if prometheus != 0 {
		s.Prometheus = url(ready.Prometheus)
	}
	if made.S3 == S3MinIO {
		s.add(l, ProcessMinIO, ready.S3 != "", alive(ready.MinIOPID), ready.S3, ready.S3Console)
	}
	return s, nil
}

// add adds a process, which was started and not stopped since, or was not started. pid is 0
// where it does not run.
func (s *Status) add(l layout, name string, started bool, pid int, addresses ...string) {
	p := Process{Name: name, PID: pid, Running: pid != 0, Dead: started && pid == 0, Addresses: []string{}, Log: l.log(name)}
	for _, a := range addresses {
		if a != "" && p.Running {
			p.Addresses = append(p.Addresses, a)
		}
	}
	s.Processes = append(s.Processes, p)
}

// alive returns the pid of a child of devstack, 0 when it has ended. Children end with
// devstack, so the pid is unlikely to be reused while devstack runs.
func alive(pid int) int {
	if pid == 0 {
		return 0
	}
	if _, err := startOf(pid); err != nil || dying(pid) {
		return 0
	}
	return pid
}

func url(address string) string {
	if address == "" {
		return ""
	}
	return "http://" + address
}
