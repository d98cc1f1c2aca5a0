package stack

import (
	"bytes"
	"io"
	"os"
	"strings"
)

// devstackConfig is run/devstack.json, the argument of devstack. Addresses are
// host:port. devstack declares the same on its side; devstack/testdata/config.json
// holds both together.
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

// tail returns the last n lines of a log, indented.
func tail(path string, n int) string {
	f, err := os.Open(path)
	if err != nil {
		return "  (" + err.Error() + ")"
	}
	defer func() { _ = f.Close() }() // only read
	const most = 16 << 10
	if info, err := f.Stat(); err == nil && info.Size() > most {
		if _, err := f.Seek(-most, io.SeekEnd); err != nil {
			return "  (" + err.Error() + ")"
		}
	}
	b, err := io.ReadAll(f)
	if err != nil {
		return "  (" + err.Error() + ")"
	}
	lines := strings.Split(string(bytes.TrimSpace(b)), "\n")
	lines = lines[max(0, len(lines)-n):]
	return "  " + strings.Join(lines, "\n  ")
}
