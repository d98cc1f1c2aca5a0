package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/block"
)

// pipes is a listener of connections within this process, without buffers.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.done); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	p.conns <- there
	return here, nil
}

// withService runs test with virtual time and a store whose requests serve answers.
func withService(t *testing.T, serve http.HandlerFunc, test func(t *testing.T, s *S3)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &pipes{make(chan net.Conn), make(chan struct{})}
		ctx, cancel := context.WithCancel(context.Background())
		server := &http.Server{Handler: serve, BaseContext: func(net.Listener) context.Context { return ctx }}
		go func() { _ = server.Serve(l) }()
		defer func() {
			cancel()
			require.NoError(t, server.Close())
			time.Sleep(joining) // idle connections end; virtual time
		}()
		c := Config{Endpoint: "http://127.0.0.1:1", Bucket: "bkt", AccessKeyID: "good", SecretAccessKey: "x", Region: DefaultRegion, dial: l.dial}
		s, err := c.client(context.Background())
		require.NoError(t, err)
		test(t, s)
	})
}

// A store that accepts requests and does not answer fails each operation after one silence,
// with a reason, whether or not the connection was used before.
func TestASilentStoreIsUnreachable(t *testing.T) {
	var requests atomic.Int64
	var hangs atomic.Bool
	serve := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if !hangs.Load() {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		requests.Add(1)
		<-r.Context().Done()
	}
	for name, operation := range map[string]func(ctx context.Context, s *S3) error{
		"put":     func(ctx context.Context, s *S3) error { return s.Put(ctx, "a", strings.NewReader("x"), 1) },
		"create":  func(ctx context.Context, s *S3) error { _, err := s.PutIfAbsent(ctx, "a", []byte("x")); return err },
		"replace": func(ctx context.Context, s *S3) error { _, err := s.Replace(ctx, "a", []byte("x"), "e"); return err },
		"get":     func(ctx context.Context, s *S3) error { _, _, err := s.Get(ctx, "a"); return err },
		"stat":    func(ctx context.Context, s *S3) error { _, err := s.Stat(ctx, "a"); return err },
		"delete":  func(ctx context.Context, s *S3) error { return s.Delete(ctx, "a") },
		"list": func(ctx context.Context, s *S3) (err error) {
			for _, err = range s.List(ctx, "a") {
			}
			return err
		},
		"folders": func(ctx context.Context, s *S3) (err error) {
			for _, err = range s.Folders(ctx, "a/") {
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			withService(t, serve, func(t *testing.T, s *S3) {
				requests.Store(0)
				hangs.Store(false)
				require.NoError(t, s.Delete(context.Background(), "b")) // so that there is a connection
				hangs.Store(true)
				began := time.Now()
				err := operation(context.Background(), s)
				require.ErrorIs(t, err, ErrUnreachable)
				var access *AccessError
				require.ErrorAs(t, err, &access)
				require.Equal(t, block.Unreachable, access.BlockReason())
				var silent interface{ Silence() time.Duration }
				require.ErrorAs(t, err, &silent)
				require.Equal(t, silence, silent.Silence())
				require.InDelta(t, silence.Seconds(), time.Since(began).Seconds(), 4)
				require.Equal(t, int64(1), requests.Load())
			})
		})
	}
}

// A store that stops in the middle of an upload or a download is noticed, too.
func TestAStoreThatStopsInABody(t *testing.T) {
	body := bytes.Repeat([]byte("x"), 1<<20)
	serve := func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.Header().Set("Content-Length", "9")
			w.Header().Set("Last-Modified", time.Unix(0, 0).UTC().Format(http.TimeFormat))
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
		}
		_, _ = io.CopyN(io.Discard, r.Body, 1<<16)
		<-r.Context().Done()
	}
	withService(t, serve, func(t *testing.T, s *S3) {
		began := time.Now()
		require.ErrorIs(t, s.Put(context.Background(), "a", bytes.NewReader(body), int64(len(body))), ErrUnreachable)
		require.InDelta(t, silence.Seconds(), time.Since(began).Seconds(), 6)

		began = time.Now()
		r, _, err := s.Get(context.Background(), "a")
		require.NoError(t, err)
		_, err = io.ReadAll(r)
		var timeout net.Error
		require.ErrorAs(t, err, &timeout)
		require.True(t, timeout.Timeout())
		require.InDelta(t, silence.Seconds(), time.Since(began).Seconds(), 6)
		require.NoError(t, r.Close())
	})
}

// A store that is slow is not silent: each byte counts, and the answer to a part of an upload
// and the end of an upload in parts may take longer.
func TestASlowStoreIsNotSilent(t *testing.T) {
	slow := silence * 9 / 10
	small, large := []byte("some bytes"), bytes.Repeat([]byte("x"), partSize+1)
	serve := func(w http.ResponseWriter, r *http.Request) {
		switch query := r.URL.Query(); {
		case r.Method == http.MethodPost && query.Has("uploads"):
			_, _ = io.WriteString(w, "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")
		case r.Method == http.MethodPost:
			time.Sleep(joining * 9 / 10)
			_, _ = io.WriteString(w, "<CompleteMultipartUploadResult><Bucket>bkt</Bucket><ETag>e</ETag></CompleteMultipartUploadResult>")
		case query.Has("partNumber"):
			_, _ = io.Copy(io.Discard, r.Body)
			time.Sleep(storing * 9 / 10)
			w.Header().Set("ETag", "e")
		case r.Method == http.MethodPut:
			for piece := make([]byte, 1<<18); ; time.Sleep(slow) {
				if _, err := io.ReadFull(r.Body, piece); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
					return
				}
			}
		default:
			w.Header().Set("Content-Length", "10")
			w.Header().Set("Last-Modified", time.Unix(0, 0).UTC().Format(http.TimeFormat))
			for _, b := range small {
				time.Sleep(slow)
				_, _ = w.Write([]byte{b})
				_ = http.NewResponseController(w).Flush()
			}
		}
	}
	withService(t, serve, func(t *testing.T, s *S3) {
		began := time.Now()
		require.NoError(t, s.Put(context.Background(), "a", bytes.NewReader(large[:1<<20]), 1<<20))
		r, _, err := s.Get(context.Background(), "a")
		require.NoError(t, err)
		got, err := io.ReadAll(r)
		require.NoError(t, err)
		require.Equal(t, small, got)
		require.Greater(t, time.Since(began), 10*silence)
		require.NoError(t, s.Put(context.Background(), "a", bytes.NewReader(large), int64(len(large))))
	})
}

// slowDisk is a file whose reads take longer than the service may be silent.
type slowDisk struct{ *bytes.Reader }

func (d slowDisk) Read(p []byte) (int, error) {
	time.Sleep(2 * silence)
	return d.Reader.Read(p)
}

func (d slowDisk) ReadAt(p []byte, at int64) (int, error) {
	time.Sleep(2 * storing)
	return d.Reader.ReadAt(p, at)
}

// The time in which a file is read for an upload is not silence of the service, also while
// another request has just opened the connection.
func TestASlowDiskIsNotASilentStore(t *testing.T) {
	large := bytes.Repeat([]byte("x"), partSize+1)
	for name, size := range map[string]int64{"one put": 1 << 18, "parts": int64(len(large))} {
		t.Run(name, func(t *testing.T) {
			var hangs atomic.Bool
			withService(t, func(w http.ResponseWriter, r *http.Request) {
				switch query := r.URL.Query(); {
				case r.Method == http.MethodPost && query.Has("uploads"):
					_, _ = io.WriteString(w, "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")
				case r.Method == http.MethodPost:
					_, _ = io.WriteString(w, "<CompleteMultipartUploadResult><Bucket>bkt</Bucket><ETag>e</ETag></CompleteMultipartUploadResult>")
				default:
					_, _ = io.Copy(io.Discard, r.Body)
					if hangs.Load() {
						<-r.Context().Done()
					}
					w.Header().Set("ETag", "e")
				}
			}, func(t *testing.T, s *S3) {
				for range 2 { // on a new connection, and on one that was used
					require.NoError(t, s.Put(context.Background(), "a", slowDisk{bytes.NewReader(large[:size])}, size))
				}
				hangs.Store(true)
				require.ErrorIs(t, s.Put(context.Background(), "a", slowDisk{bytes.NewReader(large[:size])}, size), ErrUnreachable, "it is silent after the upload")
			})
		})
	}
}

// The parts of an upload that failed by a silence are removed, by one request that does not
// wait for long.
func TestAnUploadIsAbortedAfterASilence(t *testing.T) {
	large := bytes.Repeat([]byte("x"), partSize+1)
	for name, test := range map[string]struct {
		takes, aborts bool // what the service still does
		within        time.Duration
	}{
		"of a part's answer":             {takes: true, aborts: true, within: storing + 10*time.Second},
		"in a part":                      {aborts: true, within: silence + 15*time.Second},
		"of a service that always hangs": {within: silence + aborting + 15*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			var aborted atomic.Int64
			withService(t, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Method == http.MethodPost:
					_, _ = io.WriteString(w, "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")
					return
				case r.Method == http.MethodDelete && r.URL.Query().Get("uploadId") == "u":
					if aborted.Add(1); test.aborts {
						w.WriteHeader(http.StatusNoContent)
						return
					}
				case test.takes:
					_, _ = io.Copy(io.Discard, r.Body)
				}
				<-r.Context().Done()
			}, func(t *testing.T, s *S3) {
				began := time.Now()
				require.ErrorIs(t, s.Put(context.Background(), "a", bytes.NewReader(large), int64(len(large))), ErrUnreachable)
				require.Equal(t, int64(1), aborted.Load())
				require.Less(t, time.Since(began), test.within)
			})
		})
	}
}
