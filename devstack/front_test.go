package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ask sends a GET with a Host header and returns the status and the body.
func ask(t *testing.T, address, path, host string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, http.NoBody)
	require.NoError(t, err)
	r.Host = host
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp.StatusCode, string(b)
}

func TestCheckHost(t *testing.T) {
	handler := checkHost([]string{"ada.example"}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for host, want := range map[string]int{
		"localhost": 200, "localhost:20002": 200, "LocalHost:9": 200, "127.0.0.1:20002": 200, "127.0.0.1": 200, "[::1]:20002": 200, "[::1]": 200, "ada.example:80": 200, "Ada.Example": 200,
		"evil.example": 421, "evil.example:20002": 421, "localhost.evil.example": 421, "127.0.0.1.evil.example:20002": 421, "10.0.0.1": 421, "": 421, "ada.example.evil": 421,
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1/", http.NoBody)
		require.NoError(t, err)
		r.Host = host
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		require.Equal(t, want, w.Code, host)
		if want != http.StatusOK {
			require.Contains(t, w.Body.String(), "valid: localhost, 127.0.0.1, [::1], ada.example; TAILSWEEP_HOSTS adds names after `tailsweep down`")
		}
	}
}

// An answer that is sent in parts arrives in parts, and a connection can be upgraded, as a
// websocket is.
func TestFrontPassesStreams(t *testing.T) {
	s := testStack(t)
	var err error
	s.certificate, err = makeCertificate(s.config.Dir)
	require.NoError(t, err)
	address := freeAddress(t)
	f, err := s.startFront("inner", address)
	require.NoError(t, err)
	status, body := ask(t, address, "/", "localhost")
	require.Equal(t, http.StatusBadGateway, status)
	require.Contains(t, body, "inner does not answer (it is not started yet): `tailsweep up` starts it again")

	port, err := f.open()
	require.NoError(t, err)
	next := make(chan struct{})
	inner := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", "echo")
			w.WriteHeader(http.StatusSwitchingProtocols)
			conn, both, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			line, _ := both.ReadString('\n') // compared at the other end
			_, _ = conn.Write([]byte("echo " + line))
			_ = conn.Close()
			return
		}
		_, _ = io.WriteString(w, r.Host+"\n")
		_ = http.NewResponseController(w).Flush()
		<-next
		_, _ = io.WriteString(w, "two\n")
	})}
	listener, err := net.Listen("tcp", net.JoinHostPort(innerHost, strconv.Itoa(port)))
	require.NoError(t, err)
	go func() { _ = inner.ServeTLS(listener, s.certificate.certFile, s.certificate.keyFile) }()
	t.Cleanup(func() { _ = inner.Close() })

	resp, err := http.Get("http://" + address)
	require.NoError(t, err)
	lines := bufio.NewReader(resp.Body)
	line, err := lines.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, address+"\n", line, "the server sees the Host that was asked for, and its first part arrives before the second")
	close(next)
	line, err = lines.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "two\n", line)
	require.NoError(t, resp.Body.Close())

	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = conn.Write([]byte("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"))
	require.NoError(t, err)
	from := bufio.NewReader(conn)
	upgraded, err := http.ReadResponse(from, nil)
	require.NoError(t, err)
	defer func() { _ = upgraded.Body.Close() }() // it is empty
	require.Equal(t, http.StatusSwitchingProtocols, upgraded.StatusCode)
	_, err = conn.Write([]byte("ping\n"))
	require.NoError(t, err)
	answer, err := from.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "echo ping\n", answer)
	require.NoError(t, conn.Close())
}

// A page of another site cannot read the UI or Prometheus, through the front or past it.
func TestForgedHostIsRefused(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Temporal and an S3 service")
	}
	c := testConfig(t)
	c.Hosts = []string{"ada.example"}
	cmd := launch(t, c)
	for address, path := range map[string]string{c.UI: "/api/v1/namespaces", c.Prometheus.Address: "/api/v1/query?query=up"} {
		if address == "" {
			continue // no Prometheus
		}
		_, port, err := net.SplitHostPort(address)
		require.NoError(t, err)
		for _, host := range []string{"localhost:" + port, "127.0.0.1:" + port, "[::1]:" + port, "ada.example"} {
			status, body := ask(t, address, path, host)
			require.Equal(t, http.StatusOK, status, "%s as %s: %s", address, host, body)
		}
		status, body := ask(t, address, path, "evil.example:"+port)
		require.Equal(t, http.StatusMisdirectedRequest, status)
		require.Contains(t, body, `host "evil.example:`+port+`" is refused (valid: localhost, 127.0.0.1, [::1], ada.example;`)
	}
	// An anonymous request for an object is refused, whatever its Host.
	status, _ := ask(t, c.S3.Address, "/"+c.Bucket, "evil.example")
	require.Equal(t, http.StatusForbidden, status)

	// Every other port speaks TLS with a certificate that no browser accepts, or gRPC.
	for _, listener := range listenersOf(t, cmd) {
		_, text, _ := strings.Cut(listener, ":")
		port, err := strconv.ParseUint(text, 16, 16)
		require.NoError(t, err)
		address := fmt.Sprintf("127.0.0.1:%d", port)
		if address == c.UI || address == c.S3.Address || address == c.Prometheus.Address || address == c.S3.Console {
			continue
		}
		resp, err := http.Get("http://" + address + "/")
		if err == nil {
			require.Equal(t, http.StatusBadRequest, resp.StatusCode, address)
			require.NoError(t, resp.Body.Close())
		}
		_, err = tls.Dial("tcp", address, nil)
		require.Error(t, err, address)
	}
	// Pages of other sites may not read Prometheus with CORS either.
	if c.Prometheus.Address != "" {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+c.Prometheus.Address+"/api/v1/query?query=up", http.NoBody)
		require.NoError(t, err)
		r.Header.Set("Origin", "http://evil.example")
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Empty(t, resp.Header.Get("Access-Control-Allow-Origin"))
	}
}

// Prometheus that is killed comes back at its address with its data.
func TestKilledPrometheusComesBack(t *testing.T) {
	if os.Getenv("DEVSTACK_TEST_PROMETHEUS") == "" {
		t.Skip("DEVSTACK_TEST_PROMETHEUS names no Prometheus")
	}
	c := testConfig(t)
	cmd := launch(t, c)
	requireComesBack(t, c, cmd, func(r ready) int { return r.PrometheusPID })
	status, body := ask(t, c.Prometheus.Address, "/api/v1/status/config", "localhost")
	require.Equal(t, http.StatusOK, status, body)
}

// MinIO that is killed comes back at its address with its objects.
func TestKilledMinIOComesBack(t *testing.T) {
	if os.Getenv("DEVSTACK_TEST_MINIO") == "" {
		t.Skip("DEVSTACK_TEST_MINIO names no MinIO")
	}
	c := testConfig(t)
	cmd := launch(t, c)
	store := (&stack{config: c, keys: testKeys}).s3Client()
	require.NoError(t, putIfAbsent(t.Context(), store, c.Bucket, "one"))
	requireComesBack(t, c, cmd, func(r ready) int { return r.MinIOPID })
	require.ErrorContains(t, putIfAbsent(t.Context(), store, c.Bucket, "two"), "PreconditionFailed")
}
