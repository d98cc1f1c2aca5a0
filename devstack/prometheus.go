package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// prometheusLimit is how long devstack waits for Prometheus, which replays its log, before
// it is ready without it.
const prometheusLimit = 20 * time.Second

// startPrometheus keeps Prometheus running, behind a front, as a child that scrapes the
// targets.
func (s *stack) startPrometheus(ctx context.Context) error {
	p := s.config.Prometheus
	dir := filepath.Join(s.config.Dir, "prometheus")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	file, web := filepath.Join(dir, "prometheus.yml"), filepath.Join(dir, "web.yml")
	if err := os.WriteFile(file, []byte(prometheusYAML(p.Targets)), 0o600); err != nil {
		return err
	}
	tls := fmt.Sprintf("tls_server_config: {cert_file: %q, key_file: %q}\n", s.certificate.certFile, s.certificate.keyFile)
	if err := os.WriteFile(web, []byte(tls), 0o600); err != nil {
		return err
	}
	f, err := s.startFront("prometheus", p.Address)
	if err != nil {
		return err
	}
	s.ready.Prometheus = p.Address
	return s.keep(ctx, kept{
		name: "prometheus", pid: &s.ready.PrometheusPID, patience: prometheusLimit,
		command: func() (*exec.Cmd, error) {
			port, err := f.open()
			return exec.Command(p.Binary, "--config.file="+file, "--web.config.file="+web,
				"--storage.tsdb.path="+filepath.Join(dir, "data"), "--storage.tsdb.retention.time=90d",
				"--web.listen-address="+net.JoinHostPort(innerHost, strconv.Itoa(port)), "--web.external-url=http://"+p.Address,
				"--web.cors.origin=none", // by default pages of all sites may read it
				"--log.level=warn"), err
		},
		answers: func(ctx context.Context) error { return get(ctx, "http://"+p.Address+"/-/ready") },
	})
}

// prometheusYAML returns Prometheus's configuration.
func prometheusYAML(targets []string) string {
	quoted := make([]string, len(targets))
	for i, t := range targets {
		quoted[i] = strconv.Quote(t)
	}
	return fmt.Sprintf(`# Written by devstack at each start.
global:
  scrape_interval: 2s
  scrape_timeout: 2s
scrape_configs:
  - job_name: tailsweep
    static_configs:
      - targets: [%s]
`, strings.Join(quoted, ", "))
}
