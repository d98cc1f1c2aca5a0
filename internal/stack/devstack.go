package stack

import (
	"errors"
	"os"

	"github.com/tailsweep/tailsweep/internal/file"
)

// devstackConfig is run/devstack.json, the configuration of devstack. Addresses are
// host:port. devstack, which imports nothing of this module, declares the same; the
// tests of both sides compare it with devstack/testdata/config.json.
type devstackConfig struct {
	Dir              string            `json:"dir"`
	Namespace        string            `json:"namespace"`
	SearchAttributes map[string]string `json:"search_attributes"`
	Credentials      string            `json:"credentials"` // path of credentials.json
	Bucket           string            `json:"bucket"`
	Temporal         string            `json:"temporal"`
	UI               string            `json:"ui"`
	S3               s3Config          `json:"s3"`
	Prometheus       prometheusConfig  `json:"prometheus"`
}

type s3Config struct {
	Kind    string `json:"kind"`
	Address string `json:"address"`
	Binary  string `json:"binary,omitempty"`  // of MinIO
	Console string `json:"console,omitempty"` // of MinIO
}

type prometheusConfig struct {
	Binary  string   `json:"binary,omitempty"` // "" for no Prometheus
	Address string   `json:"address,omitempty"`
	Targets []string `json:"targets,omitempty"` // the worker's metrics
}

func newDevstackConfig(l layout, made setup, p programs, attributes map[string]string) devstackConfig {
	c := devstackConfig{
		Dir: string(l), Namespace: Namespace, SearchAttributes: attributes,
		Credentials: l.credentials(), Bucket: made.Bucket,
		Temporal: loopback(made.Ports.Temporal), UI: loopback(made.Ports.UI),
		S3: s3Config{Kind: made.S3, Address: loopback(made.Ports.S3)},
	}
	if made.S3 == S3MinIO {
		c.S3.Binary, c.S3.Console = p.minio, loopback(made.Ports.S3Console)
	}
	if p.prometheus != "" {
		c.Prometheus = prometheusConfig{
			Binary: p.prometheus, Address: loopback(made.Ports.Prometheus),
			Targets: []string{loopback(made.Ports.WorkerMetrics)},
		}
	}
	return c
}

// readiness is run/ready.json, which devstack writes once everything answers.
// Addresses are host:port; "" is a service that does not run.
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
