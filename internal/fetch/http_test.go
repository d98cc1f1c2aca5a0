package fetch

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// flaky serves content, cutting each answer after some bytes.
type flaky struct {
	content []byte
	etag    string
	cut     int // bytes of an answer; 0: all
	asked   []string
}

func (s *flaky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.asked = append(s.asked, r.Header.Get("Range"))
	w.Header().Set("ETag", s.etag)
	if s.cut == 0 {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(s.content))
		return
	}
	http.ServeContent(&cutting{w, s.cut}, r, "", time.Time{}, bytes.NewReader(s.content))
}

// cutting breaks the connection.
type cutting struct {
	http.ResponseWriter
	left int
}

func (c *cutting) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p[:min(len(p), c.left)])
	if c.left -= n; c.left == 0 {
		c.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	return n, err
}

func serve(t *testing.T, s http.Handler) string {
	t.Helper()
	old := firstRest
	firstRest = time.Millisecond
	server := httptest.NewServer(s)
	t.Cleanup(func() { server.Close(); firstRest = old })
	return server.URL + "/x.bin"
}

func TestDownloadGoesOn(t *testing.T) {
	s := &flaky{content: bytes.Repeat([]byte("0123456789"), 100), etag: `"v1"`, cut: 300}
	part := filepath.Join(t.TempDir(), "x.part")
	require.NoError(t, (&Fetcher{}).download(t.Context(), serve(t, s), part, 1000))
	require.Equal(t, []string{"", "bytes=300-", "bytes=600-", "bytes=900-"}, s.asked)
	got, err := os.ReadFile(part)
	require.NoError(t, err)
	require.Equal(t, s.content, got)
	require.NoFileExists(t, part+".validator")
}

func TestDownloadStartsAnewWhenTheFileChanged(t *testing.T) {
	s := &flaky{content: bytes.Repeat([]byte("old"), 100), etag: `"v1"`, cut: 50}
	url := serve(t, s)
	part := filepath.Join(t.TempDir(), "x.part")
	f := &Fetcher{}
	require.Error(t, f.try(t.Context(), url, part, 1000))
	require.EqualValues(t, 50, sizeOf(part))

	s.content, s.etag, s.cut = bytes.Repeat([]byte("new"), 90), `"v2"`, 0
	require.NoError(t, f.download(t.Context(), url, part, 1000))
	got, err := os.ReadFile(part)
	require.NoError(t, err)
	require.Equal(t, s.content, got)

	// A server that says nothing of its file's identity is asked for all of it.
	s.etag, s.cut = "", 50
	require.Error(t, f.try(t.Context(), url, part, 1000))
	require.EqualValues(t, 50, sizeOf(part))
	s.asked, s.cut = nil, 0
	require.NoError(t, f.download(t.Context(), url, part, 1000))
	require.Equal(t, []string{""}, s.asked)
}

func TestDownloadGivesUp(t *testing.T) {
	asked := 0
	status := http.StatusNotFound
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { asked++; w.WriteHeader(status) }))
	part := filepath.Join(t.TempDir(), "x.part")
	f := &Fetcher{}
	require.ErrorContains(t, f.download(t.Context(), url, part, 1000), url+": 404 Not Found\nget "+url+" on a machine that reaches it")
	require.Equal(t, 1, asked, "another try would change nothing")

	asked, status = 0, http.StatusServiceUnavailable
	require.ErrorContains(t, f.download(t.Context(), url, part, 1000), "503 Service Unavailable")
	require.Equal(t, tries, asked)

	s := &flaky{content: make([]byte, 1001)}
	err := f.download(t.Context(), serve(t, s), part, 1000)
	require.ErrorContains(t, err, "has 1001 bytes, want at most 1000")
	requireBadData(t, err)

	err = f.download(t.Context(), "http://127.0.0.1:1/x.bin", part, 1000)
	require.ErrorContains(t, err, "connection refused")
	require.ErrorContains(t, err, "give the file with `tailsweep data pull --from PATH`")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, f.download(ctx, url, part, 1000), context.Canceled)
}

func TestRedirectsStaySafe(t *testing.T) {
	url := serve(t, http.RedirectHandler("http://example.com/x", http.StatusFound))
	require.ErrorContains(t, (&Fetcher{}).download(t.Context(), url, filepath.Join(t.TempDir(), "p"), 10), "redirected to http://example.com/x: http:// is not supported")
}
