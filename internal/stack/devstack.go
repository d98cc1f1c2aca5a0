package stack

import (
	"errors"
	"os"

	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/internal/file"
)

// devstackConfig returns the content of run/devstack.json, the configuration of devstack.
// Addresses are host:port. devstack, which imports nothing of this module, declares the
// type; the tests of both sides compare it with devstack/testdata/config.json.
func devstackConfig(l layout, made setup, p programs, attributes map[string]string) map[string]any {
	s3 := map[string]any{"kind": made.S3, "address": loopback(made.Ports.S3)}
	if made.S3 == S3MinIO {
		s3["binary"], s3["console"] = p.minio, loopback(made.Ports.S3Console)
	}
	c := map[string]any{
		"dir": l, "namespace": Namespace, "search_attributes": attributes, "credentials": l.credentials(), "bucket": made.Bucket,
		"temporal": loopback(made.Ports.Temporal), "ui": loopback(made.Ports.UI), "s3": s3,
	}
	if p.prometheus != "" {
		c["prometheus"] = map[string]any{
			"binary": p.prometheus, "address": loopback(made.Ports.Prometheus), "targets": []string{loopback(made.Ports.WorkerMetrics)},
		}
	}
	if hosts := address.Hosts(); len(hosts) > 0 {
		c["hosts"] = hosts
	}
	return c
}

// readiness is run/ready.json, which devstack writes once everything answers.
// Addresses are host:port; "" is a service that is not configured. A pid is 0 while the
// child does not run.
type readiness struct {
	PID           int    `json:"pid"`
	Temporal      string `json:"temporal"`
	UI            string `json:"ui"`
	S3            string `json:"s3"`
	S3Console     string `json:"s3_console"`
	Prometheus    string `json:"prometheus"`
	PrometheusPID int    `json:"prometheus_pid"`
	MinIOPID      int    `json:"minio_pid"`
}

// ended returns the names of the children that should run and do not.
func (r readiness) ended() []string {
	var names []string
	if r.S3Console != "" && alive(r.MinIOPID) == 0 {
		names = append(names, ProcessMinIO)
	}
	if r.Prometheus != "" && alive(r.PrometheusPID) == 0 {
		names = append(names, ProcessPrometheus)
	}
	return names
}

// readReady returns the readiness of the running stack r; ok is false until it is ready.
func readReady(l layout, r record) (ready readiness, ok bool, err error) {
	err = file.ReadJSON(l.ready(), &ready)
	if errors.Is(err, os.ErrNotExist) {
		return readiness{}, false, nil
	}
	if err != nil {
		return readiness{}, false, err
	}
	// The file may be an older stack's.
	return ready, r.PID != 0 && ready.PID == r.PID, nil
}
