package download

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
	old := again
	again.First = time.Millisecond
	server := httptest.NewServer(s)
	t.Cleanup(func() { server.Close(); again = old })
	return server.URL + "/x.bin"
}

// get downloads url to path, at most 1000 bytes.
func get(t *testing.T, url, path string) error {
	t.Helper()
	return File(t.Context(), Request{URL: url, Path: path, Limit: 1000})
}

func TestAnInterruptedDownloadContinues(t *testing.T) {
	s := &flaky{content: bytes.Repeat([]byte("0123456789"), 100), etag: `"v1"`, cut: 150}
	path := filepath.Join(t.TempDir(), "x")
	var last [2]int64
	require.NoError(t, File(t.Context(), Request{URL: serve(t, s), Path: path, Limit: 1000, Progress: func(done, total int64) { last = [2]int64{done, total} }}))
	require.Equal(t, []string{"", "bytes=150-", "bytes=300-", "bytes=450-", "bytes=600-", "bytes=750-", "bytes=900-"}, s.asked)
	require.Equal(t, [2]int64{1000, 1000}, last)
	requireContent(t, path, s.content)

	require.NoError(t, get(t, "http://127.0.0.1:1/x", path), "the file exists")
}

// requireContent checks that a file is there, and nothing else in its folder.
func requireContent(t *testing.T, path string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, want, got)
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

func TestADownloadStartsAgainWhenTheFileChanged(t *testing.T) {
	s := &flaky{content: bytes.Repeat([]byte("old"), 100), etag: `"v1"`, cut: 50}
	r := Request{URL: serve(t, s), Path: filepath.Join(t.TempDir(), "x"), Limit: 1000}
	require.Error(t, r.try(t.Context()))
	require.EqualValues(t, 50, sizeOf(r.part()))

	s.content, s.etag, s.cut = bytes.Repeat([]byte("new"), 90), `"v2"`, 0
	require.NoError(t, File(t.Context(), r))
	requireContent(t, r.Path, s.content)

	// Without an ETag the file is requested from the beginning.
	require.NoError(t, os.Remove(r.Path))
	s.etag, s.cut = "", 50
	require.Error(t, r.try(t.Context()))
	require.EqualValues(t, 50, sizeOf(r.part()))
	s.asked, s.cut = nil, 0
	require.NoError(t, File(t.Context(), r))
	require.Equal(t, []string{""}, s.asked)
	requireContent(t, r.Path, s.content)
}

// Whenever a process ends, the validator on disk belongs to the bytes on disk: a file
// never mixes two contents.
func TestTheValidatorBelongsToTheBytesOnDisk(t *testing.T) {
	s := &flaky{content: bytes.Repeat([]byte("old"), 100), etag: `"v1"`, cut: 50}
	r := Request{URL: serve(t, s), Path: filepath.Join(t.TempDir(), "x"), Limit: 1000}
	require.Error(t, r.try(t.Context()))
	s.content, s.etag, s.cut = bytes.Repeat([]byte("new"), 100), `"v2"`, 0

	// The state cannot be written, as if the process ended between the two writes of the
	// second try.
	require.NoError(t, os.Remove(r.state()))
	require.NoError(t, os.MkdirAll(filepath.Join(r.state(), "in the way"), 0o755))
	require.Error(t, r.try(t.Context()))
	require.Zero(t, sizeOf(r.part()), "truncated before the validator is written")
	require.NoError(t, os.RemoveAll(r.state()))
	require.NoError(t, File(t.Context(), r))
	requireContent(t, r.Path, s.content)
}

// A part belongs to its URL. A partial answer with another ETag, from a server that
// ignores If-Range, is not appended.
func TestAPartOfAnotherContentIsNotContinued(t *testing.T) {
	s := &flaky{content: bytes.Repeat([]byte("old"), 100), etag: `"v1"`, cut: 50}
	url := serve(t, s)
	r := Request{URL: url, Path: filepath.Join(t.TempDir(), "x"), Limit: 1000}
	require.Error(t, r.try(t.Context()))
	r.URL, s.cut, s.asked = url+"?other", 0, nil
	s.content = bytes.Repeat([]byte("two"), 100)
	require.NoError(t, File(t.Context(), r))
	require.Equal(t, []string{""}, s.asked)
	requireContent(t, r.Path, s.content)

	require.NoError(t, os.Remove(r.Path))
	s.cut = 50
	require.Error(t, r.try(t.Context()))
	s.content, s.cut = bytes.Repeat([]byte("new"), 100), 0
	careless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		s.etag = `"v2"`
		q.Header.Del("If-Range")
		s.ServeHTTP(w, q)
	}))
	defer careless.Close()
	require.NoError(t, os.WriteFile(r.state(), []byte(careless.URL+"/x\n\"v1\""), 0o600))
	r.URL = careless.URL + "/x"
	require.NoError(t, File(t.Context(), r))
	requireContent(t, r.Path, s.content)
}

func TestADateIsAValidatorWhenItIsOld(t *testing.T) {
	sent := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	header := func(etag string, age time.Duration) http.Header {
		h := http.Header{"Date": {sent.Format(http.TimeFormat)}, "Last-Modified": {sent.Add(-age).Format(http.TimeFormat)}}
		if etag != "" {
			h.Set("ETag", etag)
		}
		return h
	}
	require.Equal(t, `"a"`, strongValidator(header(`"a"`, 0)))
	require.Empty(t, strongValidator(header(`W/"a"`, time.Hour)))
	require.NotEmpty(t, strongValidator(header("", time.Hour)))
	require.Empty(t, strongValidator(header("", time.Second)), "it may change twice in a second")
	require.Empty(t, strongValidator(http.Header{}))
}

func TestADownloadGivesUp(t *testing.T) {
	asked := 0
	status := http.StatusNotFound
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { asked++; w.WriteHeader(status) }))
	path := filepath.Join(t.TempDir(), "x")
	require.EqualError(t, get(t, url, path), url+": 404 Not Found")
	require.Equal(t, 1, asked, "another try would change nothing")

	asked, status = 0, http.StatusServiceUnavailable
	require.ErrorContains(t, get(t, url, path), "503 Service Unavailable")
	require.EqualValues(t, again.Tries, asked)

	require.ErrorContains(t, get(t, "http://127.0.0.1:1/x.bin", path), "connection refused")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, File(ctx, Request{URL: url, Path: path, Limit: 10}), context.Canceled)
}

// A file that is not the expected one leaves nothing behind.
func TestAFileThatIsNotTheExpectedOne(t *testing.T) {
	s := &flaky{content: make([]byte, 1001)}
	url := serve(t, s)
	dir := t.TempDir()
	for want, digest := range map[string]string{"has 1001 bytes, want at most 1000": "", "x.bin has sha256 ": "00"} {
		err := File(t.Context(), Request{URL: url, Path: filepath.Join(dir, "x"), Limit: int64(1000 + len(digest)), SHA256: digest})
		require.ErrorContains(t, err, want)
		require.ErrorIs(t, err, ErrContent)
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Empty(t, left)
	}
}

func TestErrorsHideAPassword(t *testing.T) {
	url := serve(t, http.NotFoundHandler())
	err := get(t, "http://user:secret@"+url[len("http://"):], filepath.Join(t.TempDir(), "x"))
	require.ErrorContains(t, err, "404")
	require.NotContains(t, err.Error(), "secret")
}
