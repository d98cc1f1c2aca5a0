package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"golang.org/x/sys/unix"
)

// The kinds of S3 service.
const (
	kindVersitygw = "versitygw"
	kindMinIO     = "minio"
)

// config is the configuration that tailsweep's internal/stack writes; the tests of both
// sides compare it with testdata/config.json. Addresses are host:port on loopback.
type config struct {
	Dir              string            `json:"dir"` // the state folder
	Namespace        string            `json:"namespace"`
	SearchAttributes map[string]string `json:"search_attributes"` // name to Temporal type
	Credentials      string            `json:"credentials"`       // path of a JSON file, see keys
	Bucket           string            `json:"bucket"`
	Temporal         string            `json:"temporal"`
	UI               string            `json:"ui"`
	S3               s3Config          `json:"s3"`
	Prometheus       prometheusConfig  `json:"prometheus"`
	Hosts            []string          `json:"hosts,omitempty"` // names, in lower case, under which the UI and Prometheus answer too
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
	Targets []string `json:"targets,omitempty"` // scraped every 2 s
}

// keys are the root credentials of the S3 service.
type keys struct {
	Access string `json:"access_key"`
	Secret string `json:"secret_key"`
}

// ready is what devstack writes when everything answers. "" is a service that is not
// configured; a pid is 0 while the child does not run.
type ready struct {
	PID           int    `json:"pid"`
	Temporal      string `json:"temporal"`
	UI            string `json:"ui"`
	S3            string `json:"s3"`
	S3Console     string `json:"s3_console"`
	Prometheus    string `json:"prometheus"`
	PrometheusPID int    `json:"prometheus_pid"`
	MinIOPID      int    `json:"minio_pid"`
}

// readConfig reads a configuration and reports all its faults.
func readConfig(file string) (config, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return config{}, fmt.Errorf("configuration: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var c config
	if err := d.Decode(&c); err != nil {
		return config{}, fmt.Errorf("configuration %s: %w", file, err)
	}
	if err := c.check(); err != nil {
		return config{}, fmt.Errorf("configuration %s: %w", file, err)
	}
	return c, nil
}

func (c config) check() error {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	address := func(field, value string) {
		host, port, err := net.SplitHostPort(value)
		if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() || port == "0" || port == "" {
			fault("%s %q: want an address on loopback, as 127.0.0.1:7233", field, value)
		}
	}
	if !filepath.IsAbs(c.Dir) {
		fault("dir %q: want an absolute path", c.Dir)
	}
	for _, f := range []struct{ field, value string }{
		{"namespace", c.Namespace}, {"credentials", c.Credentials}, {"bucket", c.Bucket},
	} {
		if f.value == "" {
			fault("%s is missing", f.field)
		}
	}
	for name, typ := range c.SearchAttributes {
		if _, err := enumspb.IndexedValueTypeFromString(typ); err != nil {
			fault("search_attributes: %s: type %q is unknown: choose Bool, Datetime, Double, Int, Keyword, KeywordList or Text", name, typ)
		}
	}
	address("temporal", c.Temporal)
	address("ui", c.UI)
	address("s3.address", c.S3.Address)
	switch c.S3.Kind {
	case kindVersitygw:
	case kindMinIO:
		address("s3.console", c.S3.Console)
		if c.S3.Binary == "" {
			fault("s3.binary is missing")
		}
	default:
		fault("s3.kind %q is unknown: choose %s or %s", c.S3.Kind, kindVersitygw, kindMinIO)
	}
	if c.Prometheus.Binary != "" {
		address("prometheus.address", c.Prometheus.Address)
		for _, t := range c.Prometheus.Targets {
			address("prometheus.targets", t)
		}
	}
	return errors.Join(errs...)
}

// readKeys reads the credentials. Their file must be readable by its owner only.
func readKeys(file string) (keys, error) {
	info, err := os.Stat(file)
	if err != nil {
		return keys{}, fmt.Errorf("credentials: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return keys{}, fmt.Errorf("credentials: %s has mode %#o: others may read it; want 0600", file, info.Mode().Perm())
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return keys{}, fmt.Errorf("credentials: %w", err)
	}
	var k keys
	if err := json.Unmarshal(b, &k); err != nil {
		return keys{}, fmt.Errorf("credentials %s: not the expected JSON", file) // the cause could quote a key
	}
	if k.Access == "" || k.Secret == "" {
		return keys{}, fmt.Errorf("credentials %s: access_key or secret_key is missing", file)
	}
	return k, nil
}

func readyFile(dir string) string { return filepath.Join(dir, "run", "ready.json") }

func removeReady(dir string) error {
	if err := os.Remove(readyFile(dir)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func writeReady(dir string, r ready) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	tmp := readyFile(dir) + ".new"
	if err := os.WriteFile(tmp, append(b, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, readyFile(dir))
}

// lockFolder makes this the only devstack on the state folder, until unlock or the end
// of the process.
func lockFolder(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, "devstack.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("state folder: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		holder, readErr := os.ReadFile(f.Name())
		if readErr != nil {
			holder = nil
		}
		return nil, errors.Join(fmt.Errorf("state folder %s is in use by another devstack (pid %s)", dir,
			strings.TrimSpace(string(holder))), f.Close())
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = fmt.Fprintln(f, os.Getpid())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("state folder: %w", err), f.Close())
	}
	return func() { _ = f.Close() }, nil
}
