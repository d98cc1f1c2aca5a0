package store

import (
	"bufio"
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/internal/block"
)

// fakeS3 is a fake service with one bucket, "bkt", and faults on demand. It knows
// single puts with conditions, get and head; storetest runs on real services.
type fakeS3 struct {
	mu      sync.Mutex
	objects map[string][]byte
	puts    int
	chunked int // puts in HTTP's chunked encoding
	// fault decides about put number n, from 1: "" carries it out, "lost" carries it
	// out and drops the connection, "drop" only drops it; "CODE STATUS" answers so.
	fault   func(n int) string
	revoked bool   // the keys are unknown from now on
	denied  string // "CODE STATUS", the answer to everything
}

func (f *fakeS3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch auth := r.Header.Get("Authorization"); {
	case f.revoked && strings.Contains(auth, "Credential=good/"), !strings.Contains(auth, "Credential=good/") && !strings.Contains(auth, "Credential=new/"):
		if r.Method == http.MethodHead { // as versitygw does
			w.WriteHeader(http.StatusNotFound)
			return
		}
		if f.revoked {
			answer(w, "XAdminUserNotFound", http.StatusNotFound)
			return
		}
		answer(w, "InvalidAccessKeyId", http.StatusForbidden)
		return
	case !strings.Contains(auth, "/us-east-1/s3/"):
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, "<Error><Code>AuthorizationHeaderMalformed</Code><Message>bad scope</Message><Region>us-east-1</Region></Error>")
		return
	}
	key, isObject := strings.CutPrefix(r.URL.Path, "/bkt/")
	if !strings.HasPrefix(r.URL.Path, "/bkt/") {
		answer(w, "NoSuchBucket", http.StatusNotFound)
		return
	}
	body, exists := f.objects[key]
	switch {
	case f.denied != "":
		code, status, _ := strings.Cut(f.denied, " ")
		n, _ := strconv.Atoi(status)
		answer(w, code, n)
	case !isObject || key == "":
		_, _ = io.WriteString(w, "<ListBucketResult></ListBucketResult>")
	case r.Method == http.MethodPut:
		f.put(w, r, key)
	case !exists:
		answer(w, "NoSuchKey", http.StatusNotFound)
	default:
		w.Header().Set("ETag", etagOf(body))
		w.Header().Set("Last-Modified", time.Unix(0, 0).UTC().Format(http.TimeFormat))
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	}
}

func (f *fakeS3) put(w http.ResponseWriter, r *http.Request, key string) {
	f.puts++
	if len(r.TransferEncoding) > 0 {
		f.chunked++
	}
	fault := ""
	if f.fault != nil {
		fault = f.fault(f.puts)
	}
	body := unchunk(r.Body)
	if code, status, ok := strings.Cut(fault, " "); ok {
		n, _ := strconv.Atoi(status)
		answer(w, code, n)
		return
	}
	if fault == "drop" {
		panic(http.ErrAbortHandler)
	}
	old, exists := f.objects[key]
	if exists && r.Header.Get("If-None-Match") == "*" || r.Header.Get("If-Match") != "" && r.Header.Get("If-Match") != etagOf(old) {
		answer(w, "PreconditionFailed", http.StatusPreconditionFailed)
		return
	}
	f.objects[key] = body
	if fault == "lost" {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("ETag", etagOf(body))
}

func etagOf(body []byte) string {
	sum := md5.Sum(body)
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

func answer(w http.ResponseWriter, code string, status int) {
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>fake error %s</Message></Error>", code, code)
}

// unchunk reads a body in S3's chunked signature format.
func unchunk(r io.Reader) []byte {
	var body []byte
	for b := bufio.NewReader(r); ; {
		line, err := b.ReadString('\n')
		size, _, _ := strings.Cut(line, ";")
		n, parseErr := strconv.ParseInt(size, 16, 32)
		if err != nil || parseErr != nil || n == 0 {
			return body
		}
		chunk := make([]byte, n+2)
		if _, err := io.ReadFull(b, chunk); err != nil {
			return body
		}
		body = append(body, chunk[:n]...)
	}
}

func openFake(t *testing.T, fault func(n int) string) (*S3, *fakeS3) {
	t.Helper()
	fake := &fakeS3{objects: map[string][]byte{}, fault: fault}
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	s, err := Open(t.Context(), Config{Endpoint: address.URL(server.URL), Bucket: "bkt", Prefix: "/pre/fix/", AccessKeyID: "good", SecretAccessKey: "hush-hush"})
	require.NoError(t, err)
	return s, fake
}

// first answers fault for the first n puts.
func first(n int, fault string) func(int) string {
	return func(put int) string {
		if put <= n {
			return fault
		}
		return ""
	}
}

func TestConditionalPutsSurviveFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		fault func(int) string
		other string // what another writer has put already
		want  error
		puts  int
	}{
		{"all well", nil, "", nil, 1},
		{"answer lost", first(1, "lost"), "", nil, 2},
		{"request lost", first(1, "drop"), "", nil, 2},
		{"request lost, another was there", first(1, "drop"), "other", ErrExists, 2},
		{"another was there with the same content", nil, "mine", ErrExists, 1},
		{"the service is busy", first(2, "SlowDown 503"), "", nil, 3},
		{"two puts met", first(2, "ConditionalRequestConflict 409"), "", nil, 3},
		{"its folder was just being removed", first(2, "ExistingObjectIsDirectory 409"), "", nil, 3},
		{"two puts met, the equal one won", first(1, "ConditionalRequestConflict 409"), "mine", ErrExists, 2},
		{"refused", first(9, "AccessDenied 403"), "", ErrDenied, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, fake := openFake(t, tt.fault)
			if tt.other != "" {
				fake.objects["pre/fix/k"] = []byte(tt.other)
			}
			etag, err := s.PutIfAbsent(t.Context(), "k", []byte("mine"))
			require.Equal(t, tt.puts, fake.puts)
			if tt.want != nil {
				require.ErrorIs(t, err, tt.want)
				return
			}
			require.NoError(t, err)
			require.Equal(t, etagOf([]byte("mine")), `"`+etag+`"`)
			require.Equal(t, "mine", string(fake.objects["pre/fix/k"]))
		})
	}
}

func TestReplaceSurvivesALostAnswer(t *testing.T) {
	t.Parallel()
	s, fake := openFake(t, first(1, "lost"))
	fake.objects["pre/fix/k"] = []byte("old")
	_, err := s.Replace(t.Context(), "k", []byte("new"), strings.Trim(etagOf([]byte("old")), `"`))
	require.NoError(t, err)
	require.Equal(t, "new", string(fake.objects["pre/fix/k"]))
	_, err = s.Replace(t.Context(), "k", []byte("newer"), "*")
	require.ErrorContains(t, err, "not an ETag")
}

func TestRequestsAreCounted(t *testing.T) {
	t.Parallel()
	fake := &fakeS3{objects: map[string][]byte{}, fault: first(1, "SlowDown 503")}
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	var mu sync.Mutex
	sent := map[string]int{}
	s, err := Open(t.Context(), Config{
		Endpoint: address.URL(server.URL), Bucket: "bkt", AccessKeyID: "good", SecretAccessKey: "hush-hush",
		Sent: func(method string) {
			mu.Lock()
			defer mu.Unlock()
			sent[method]++
		},
	})
	require.NoError(t, err)
	require.NoError(t, s.Put(t.Context(), "k", strings.NewReader("x"), 1))
	require.Equal(t, 2, fake.puts)
	require.Equal(t, map[string]int{http.MethodGet: 1, http.MethodPut: 2}, sent, "Open lists, and the put is sent again")
}

func TestRetriesAreBounded(t *testing.T) {
	t.Parallel()
	s, fake := openFake(t, first(99, "InternalError 500"))
	_, err := s.PutIfAbsent(t.Context(), "k", nil)
	require.ErrorContains(t, err, "fake error InternalError")
	require.Equal(t, attempts, fake.puts)
	require.Error(t, s.Put(t.Context(), "k", strings.NewReader("x"), 1))
	require.Equal(t, 2*attempts, fake.puts)
}

// The activities read whether the service failed or refuses just this object.
func TestTransientErrorsSaySo(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string]bool{
		"InternalError 500": true, "SlowDown 503": true, "Strange 502": true, "RequestTimeout 408": true,
		"EntityTooLarge 400": false, "InvalidRequest 400": false, "MethodNotAllowed 405": false,
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			s, _ := openFake(t, first(99, fault))
			_, err := s.PutIfAbsent(t.Context(), "k", nil)
			var transient interface {
				error
				Transient() bool
			}
			require.Equal(t, want, errors.As(err, &transient) && transient.Transient(), err)
		})
	}
	s := &S3{}
	r := &reader{io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF)), s, "k"}
	_, err := io.ReadAll(r)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.ErrorAs(t, err, new(*transientError), "of a body that is cut off")
	_, err = io.ReadAll(&reader{io.NopCloser(strings.NewReader("x")), s, "k"})
	require.NoError(t, err)
}

// versitygw misreads the next request on a connection after a chunked, empty put.
func TestEmptyPutsAreNotChunked(t *testing.T) {
	t.Parallel()
	s, fake := openFake(t, nil)
	require.NoError(t, s.Put(t.Context(), "a", strings.NewReader(""), 0))
	etag, err := s.PutIfAbsent(t.Context(), "b", nil)
	require.NoError(t, err)
	_, err = s.Replace(t.Context(), "b", nil, etag)
	require.NoError(t, err)
	_, err = s.PutIfAbsent(t.Context(), "b", nil)
	require.ErrorIs(t, err, ErrExists, "the condition is still sent")
	require.Equal(t, 4, fake.puts)
	require.Zero(t, fake.chunked)
}

// Deleting the last object of a folder removes the folder during a put.
func TestPutSurvivesARemovedFolder(t *testing.T) {
	t.Parallel()
	file := func(t *testing.T) io.Reader {
		path := filepath.Join(t.TempDir(), "body")
		require.NoError(t, os.WriteFile(path, []byte("xxbody"), 0o600))
		f, err := os.Open(path)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, f.Close(), "the store must leave it open") })
		return f
	}
	tests := []struct {
		name  string
		body  func(*testing.T) io.Reader
		fails int // puts that are answered so
		puts  int // that are made
		fine  bool
	}{
		{"a file", file, 2, 3, true},
		{"bytes", func(*testing.T) io.Reader { return strings.NewReader("xxbody") }, 1, 2, true},
		{"what cannot be rewound", func(*testing.T) io.Reader { return bufio.NewReader(strings.NewReader("xxbody")) }, 1, 1, false},
		{"it is permanent", file, 99, attempts, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, fake := openFake(t, first(tt.fails, "ExistingObjectIsDirectory 409"))
			body := tt.body(t)
			_, err := io.CopyN(io.Discard, body, 2) // a body begins where its reader is
			require.NoError(t, err)
			err = s.Put(t.Context(), "k", body, 4)
			require.Equal(t, tt.puts, fake.puts)
			if tt.fine {
				require.NoError(t, err)
				require.Equal(t, "body", string(fake.objects["pre/fix/k"]))
				return
			}
			require.ErrorContains(t, err, "put k")
			require.ErrorContains(t, err, "a folder of another")
		})
	}
}

func TestBackoffEndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s, fake := openFake(t, func(int) string { cancel(); return "InternalError 500" })
	_, err := s.PutIfAbsent(ctx, "k", nil)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 1, fake.puts)
}

func TestOpenNamesTheCause(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(&fakeS3{})
	t.Cleanup(server.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	unused := "http://" + l.Addr().String()
	require.NoError(t, l.Close())
	good := Config{Endpoint: address.URL(server.URL), Bucket: "bkt", AccessKeyID: "good", SecretAccessKey: "hush-hush"}

	tests := []struct {
		name   string
		change func(*Config)
		is     error
		texts  []string
	}{
		{"nothing listens", func(c *Config) { c.Endpoint = address.URL(unused) }, ErrUnreachable, []string{unused, "tailsweep up", "TAILSWEEP_S3_ENDPOINT"}},
		{"refused keys", func(c *Config) { c.AccessKeyID = "bad" }, ErrDenied, []string{server.URL, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}},
		{"half the keys", func(c *Config) { c.AccessKeyID = "" }, ErrDenied, []string{server.URL, "only one of"}},
		{"missing bucket", func(c *Config) { c.Bucket = "nope" }, ErrNoBucket, []string{"nope", server.URL, "TAILSWEEP_S3_BUCKET"}},
		{"no bucket", func(c *Config) { c.Bucket = "" }, nil, []string{"TAILSWEEP_S3_BUCKET"}},
		{"no endpoint", func(c *Config) { c.Endpoint = "" }, nil, []string{"TAILSWEEP_S3_ENDPOINT", "tailsweep up"}},
		{"no scheme", func(c *Config) { c.Endpoint = "localhost:9000" }, nil, []string{"localhost:9000", "http://host:port"}},
		{"a folder", func(c *Config) { c.Endpoint += "/bkt" }, nil, []string{"TAILSWEEP_S3_PREFIX"}},
		{"keys in the address", func(c *Config) { c.Endpoint = "http://me:hush-hush@h" }, nil, []string{"AWS_ACCESS_KEY_ID"}},
		{"not TLS", func(c *Config) { c.Endpoint = address.URL(strings.Replace(server.URL, "http:", "https:", 1)) }, nil, []string{"no TLS connection", "http://"}},
		{"prefix", func(c *Config) { c.Prefix = "a/../b" }, nil, []string{`"a/../b"`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := good
			tt.change(&c)
			_, err := Open(t.Context(), c)
			require.Error(t, err)
			if tt.is != nil {
				require.ErrorIs(t, err, tt.is)
			}
			for _, text := range tt.texts {
				require.ErrorContains(t, err, text)
			}
			require.NotContains(t, err.Error(), "hush-hush")
		})
	}
}

// TestAccessErrorNamesTheReason plays what services answer to HEAD, which carries
// no error code, and to GET.
func TestAccessErrorNamesTheReason(t *testing.T) {
	t.Parallel()
	open := func(t *testing.T, fake *fakeS3, c Config) (*S3, error) {
		server := httptest.NewServer(fake)
		t.Cleanup(server.Close)
		c.Endpoint, c.Bucket, c.SecretAccessKey = address.URL(server.URL), "bkt", "hush-hush"
		return Open(t.Context(), c)
	}
	reason := func(t *testing.T, err error) block.Reason {
		t.Helper()
		var failed *AccessError
		require.ErrorAs(t, err, &failed)
		require.Equal(t, failed.Reason, failed.BlockReason())
		return failed.Reason
	}
	t.Run("an unknown key is not a missing bucket", func(t *testing.T) {
		_, err := open(t, &fakeS3{}, Config{AccessKeyID: "unknown"})
		require.Equal(t, block.UnknownKey, reason(t, err))
		require.NotErrorIs(t, err, ErrNoBucket)
		require.ErrorContains(t, err, "AWS_ACCESS_KEY_ID")
	})
	t.Run("a wrong region names both regions", func(t *testing.T) {
		_, err := open(t, &fakeS3{}, Config{AccessKeyID: "good", Region: "eu-west-3"})
		require.Equal(t, block.Region, reason(t, err))
		for _, text := range []string{`"eu-west-3"`, `"us-east-1"`, "AWS_REGION"} {
			require.ErrorContains(t, err, text)
		}
	})
	t.Run("a key that is revoked later is not a missing object", func(t *testing.T) {
		fake := &fakeS3{objects: map[string][]byte{"a": []byte("x")}}
		s, err := open(t, fake, Config{AccessKeyID: "good"})
		require.NoError(t, err)
		_, err = s.Stat(t.Context(), "b")
		require.ErrorIs(t, err, ErrNotFound)
		fake.revoked = true
		for _, key := range []string{"a", "b"} {
			_, err = s.Stat(t.Context(), key)
			require.NotErrorIs(t, err, ErrNotFound)
			require.Equal(t, block.UnknownKey, reason(t, err))
			_, _, err = s.Get(t.Context(), key)
			require.NotErrorIs(t, err, ErrNotFound)
			require.Equal(t, block.UnknownKey, reason(t, err))
		}
	})
	for answer, want := range map[string]block.Reason{
		"NoSuchBucket 404": block.NoBucket, "AccessDenied 403": block.Denied, "SignatureDoesNotMatch 403": block.WrongSecret,
		"ExpiredToken 400": block.ExpiredKeys, "RequestTimeTooSkewed 403": block.Clock, "PermanentRedirect 301": block.Region,
		"XMinioStorageFull 507": block.Full, "Strange 403": block.Denied,
	} {
		t.Run(answer, func(t *testing.T) {
			fake := &fakeS3{objects: map[string][]byte{}}
			s, err := open(t, fake, Config{AccessKeyID: "good"})
			require.NoError(t, err)
			fake.denied = answer
			_, err = s.Stat(t.Context(), "k")
			require.Equal(t, want, reason(t, err), "stat")
			_, _, err = s.Get(t.Context(), "k")
			require.Equal(t, want, reason(t, err), "get")
			_, err = s.PutIfAbsent(t.Context(), "k", nil)
			require.Equal(t, want, reason(t, err), "put")
			require.ErrorContains(t, err, reasonText[want].hint)
		})
	}
}

// TestNewCredentialsAreRead replaces revoked credentials in their file.
func TestNewCredentialsAreRead(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	path := filepath.Join(t.TempDir(), "credentials")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", path)
	write := func(key string) {
		text := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = hush-hush\n", key)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	write("good")
	fake := &fakeS3{objects: map[string][]byte{}}
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	s, err := Open(t.Context(), Config{Endpoint: address.URL(server.URL), Bucket: "bkt"})
	require.NoError(t, err)
	require.NoError(t, s.Put(t.Context(), "k", strings.NewReader("x"), 1))

	fake.revoked = true
	require.ErrorIs(t, s.Put(t.Context(), "k", strings.NewReader("x"), 1), ErrDenied)
	write("new")
	require.NoError(t, s.Put(t.Context(), "k", strings.NewReader("x"), 1), "without a restart")
}

// TestReasonsHaveAText checks that the list of reasons and their texts agree.
func TestReasonsHaveAText(t *testing.T) {
	t.Parallel()
	for r, text := range reasonText {
		require.NotEmpty(t, text.what, r)
		require.NotEmpty(t, text.hint, r)
	}
	require.ElementsMatch(t, block.Reasons(), append(slices.Collect(maps.Keys(reasonText)), block.LedgerDamaged, block.NotOwner, block.WrongStore, block.WrongBuild, block.Environment, block.Other))
	for code, known := range codes {
		require.Equal(t, known.class == blocked, known.reason != "", code)
	}
}

func TestOpenWithoutKeys(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/none")
	_, err := Open(t.Context(), Config{Endpoint: "http://127.0.0.1:1", Bucket: "bkt"})
	require.ErrorIs(t, err, ErrDenied)
	require.ErrorContains(t, err, "AWS_ACCESS_KEY_ID")
}

func TestConfigHidesItsSecrets(t *testing.T) {
	t.Parallel()
	c := Config{Endpoint: "http://me:hush-hush@h", Bucket: "bkt", AccessKeyID: "id", SecretAccessKey: "hush-hush", SessionToken: "hush-hush"}
	asJSON, err := json.Marshal(c)
	require.NoError(t, err)
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("open", "config", c)
	for _, text := range []string{fmt.Sprint(c), fmt.Sprintf("%+v %#v", c, c), string(asJSON), log.String()} {
		require.NotContains(t, text, "hush-hush")
		require.Contains(t, text, "http://***@h")
	}
}

func TestCheckKey(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"a", "a/b", "..a/b..", "a b", "käse", strings.Repeat("k", 255)} {
		require.NoError(t, CheckKey(key), key)
	}
	for _, key := range []string{"", "/", "a/", "/a", "a//b", ".", "..", "a/../b", "a\x7f", "\u0085", `\`, "\xc3", strings.Repeat("k", 256)} {
		require.Error(t, CheckKey(key), "%q", key)
	}
}
