package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// internal/stack tests that it writes exactly this file.
const sample = "testdata/config.json"

func TestReadConfigKnowsEveryField(t *testing.T) {
	c, err := readConfig(sample)
	require.NoError(t, err)
	b, err := json.MarshalIndent(c, "", "  ")
	require.NoError(t, err)
	want, err := os.ReadFile(sample)
	require.NoError(t, err)
	require.Equal(t, strings.TrimSpace(string(want)), string(b))
	require.Equal(t, "127.0.0.1:20005", c.Prometheus.Address)
}

func TestReadConfigRefuses(t *testing.T) {
	for _, tt := range []struct {
		name    string
		old     string
		new     string
		message string
	}{
		{"an open address", "127.0.0.1:20001", "0.0.0.0:20001", `temporal "0.0.0.0:20001": want an address on loopback`},
		{"no host", "127.0.0.1:20002", ":20002", `ui ":20002": want an address on loopback`},
		{"a name for a host", "127.0.0.1:20003", "localhost:20003", `s3.address "localhost:20003"`},
		{"an open target", "127.0.0.1:20006", "10.0.0.1:20006", `prometheus.targets "10.0.0.1:20006"`},
		{"another S3", `"minio",`, `"ceph",`, `s3.kind "ceph" is unknown: choose versitygw or minio`},
		{"another type", `"Keyword"`, `"String"`, `TailsweepState: type "String" is unknown: choose Bool, `},
		{"a relative folder", `"dir": "/home`, `"dir": "home`, `want an absolute path`},
		{"an unknown field", `"ui"`, `"gui"`, `unknown field "gui"`},
		{"no bucket", `"bucket": "tailsweep"`, `"bucket": ""`, `bucket is missing`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := os.ReadFile(sample)
			require.NoError(t, err)
			broken := strings.Replace(string(b), tt.old, tt.new, 1)
			require.NotEqual(t, string(b), broken)
			file := filepath.Join(t.TempDir(), "config.json")
			require.NoError(t, os.WriteFile(file, []byte(broken), 0o600))
			_, err = readConfig(file)
			require.ErrorContains(t, err, tt.message)
		})
	}
}

func TestReadKeysWantsAPrivateFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"access_key":"a","secret_key":"hidden-value"}`), 0o600))
	k, err := readKeys(file)
	require.NoError(t, err)
	require.Equal(t, keys{"a", "hidden-value"}, k)

	require.NoError(t, os.Chmod(file, 0o640))
	_, err = readKeys(file)
	require.ErrorContains(t, err, "want 0600")

	require.NoError(t, os.Chmod(file, 0o600))
	require.NoError(t, os.WriteFile(file, []byte(`{"secret_key":"hidden-value"`), 0o600))
	_, err = readKeys(file)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hidden-value")
}

func TestWriteReady(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "run"), 0o700))
	r := ready{PID: 42, Temporal: "127.0.0.1:20001", UI: "127.0.0.1:20002", S3: "127.0.0.1:20003", S3Console: "127.0.0.1:20004",
		Prometheus: "127.0.0.1:20005", PrometheusPID: 43, MinIOPID: 44}
	require.NoError(t, writeReady(dir, r))
	got, err := os.ReadFile(readyFile(dir))
	require.NoError(t, err)
	want, err := os.ReadFile("testdata/ready.json") // internal/stack reads the same
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

func TestOneDevstackAFolder(t *testing.T) {
	dir := t.TempDir()
	unlock, err := lockFolder(dir)
	require.NoError(t, err)
	_, err = lockFolder(dir)
	require.ErrorContains(t, err, "in use by another devstack (pid ")
	unlock()
	unlock, err = lockFolder(dir)
	require.NoError(t, err)
	unlock()
}
