package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// prometheusLimit is how long Prometheus may take to replay its log; after that devstack
// is ready without it.
const prometheusLimit = 20 * time.Second

// startPrometheus runs Prometheus as a child that scrapes the targets.
func (s *stack) startPrometheus(ctx context.Context) error {
	p := s.config.Prometheus
	if err := free(p.Address); err != nil {
		return err
	}
	dir := filepath.Join(s.config.Dir, "prometheus")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(prometheusYAML(p.Targets)), 0o600); err != nil {
		return err
	}
	c, err := startChild("prometheus", exec.Command(p.Binary,
		"--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--storage.tsdb.retention.time=90d",
		"--web.listen-address="+p.Address, "--log.level=warn"), s.config.Dir)
	if err != nil {
		return err
	}
	s.started("prometheus", c.stop)
	waiting, cancel := context.WithTimeout(ctx, prometheusLimit)
	defer cancel()
	go func() {
		<-c.ended
		if !c.stopping.Load() {
			s.log.Warn("prometheus ended; sweeps continue without it", "err", c.err, "log", c.log)
		}
		cancel() // nothing to wait for
	}()
	err = poll(waiting, func(ctx context.Context) error { return get(ctx, "http://"+p.Address+"/-/ready") })
	if err != nil {
		return errors.Join(fmt.Errorf("%w, see %s", err, c.log), c.stop(ctx))
	}
	s.ready.Prometheus, s.ready.PrometheusPID = p.Address, c.pid
	return nil
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
