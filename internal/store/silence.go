package store

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"
)

const (
	// silence is how long the service may neither take nor send a byte of a request. It
	// is so short that a sweep shows within a minute that it waits for a store that hangs.
	silence = 20 * time.Second
	// storing is how long the service may take to answer once it has taken a part of a
	// multipart upload: some write the part to a slow disk, or pass it on, before they answer.
	storing = time.Minute
	// joining is the same for the last request of a multipart upload: some services copy
	// all parts before they answer.
	joining = 5 * time.Minute
	// aborting bounds the request that removes the parts of an upload after a silence, which
	// a service that still hangs would only prolong.
	aborting = 5 * time.Second
	// dialing is how long a connection may take.
	dialing = 10 * time.Second
)

// silentError means that the service was silent for too long, or a connection took too long.
type silentError struct {
	err    error
	lasted time.Duration
}

// Error implements error.
func (e *silentError) Error() string { return "no answer in time: " + e.err.Error() }

// Unwrap returns the error of the connection.
func (e *silentError) Unwrap() error { return e.err }

// Silence returns how long the service was silent, at least.
func (e *silentError) Silence() time.Duration { return e.lasted }

// sender sends the requests of the client.
type sender struct {
	quick   *http.Transport
	part    *http.Transport // for requests that take as long as storing
	patient *http.Transport // for requests that take as long as joining
	sent    func(method string)
}

func (c Config) sender(secure bool) (*sender, error) {
	quick, err := c.transport(secure, silence)
	if err != nil {
		return nil, err
	}
	part, err := c.transport(secure, storing)
	if err != nil {
		return nil, err
	}
	patient, err := c.transport(secure, joining)
	if err != nil {
		return nil, err
	}
	return &sender{quick: quick, part: part, patient: patient, sent: c.Sent}, nil
}

// transport returns minio's, except that a request fails after a silence, or once answer has
// passed while nothing but the answer is missing. The transport notices the latter, since it
// would repeat some requests after an error of the connection; the connection notices it
// otherwise. An idle connection is closed well before: a request that begins at that moment
// would fail.
func (c Config) transport(secure bool, answer time.Duration) (*http.Transport, error) {
	t, err := minio.DefaultTransport(secure)
	if err != nil {
		return nil, fmt.Errorf("object store: %w", err)
	}
	dial := c.dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialing}).DialContext
	}
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &connection{Conn: conn, write: silence + silence/4, read: answer + answer/4}, nil
	}
	t.ResponseHeaderTimeout, t.IdleConnTimeout = answer, min(t.IdleConnTimeout, silence/2)
	return t, nil
}

// connection fails once the other side has neither sent nor taken a byte for a time, in which
// a body was not being read on this machine.
type connection struct {
	net.Conn
	write, read time.Duration

	mu    sync.Mutex
	local bool // the body of a request is being read
}

// await sets the time in which the other side has to send a byte.
func (c *connection) await(d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.local {
		return nil
	}
	return c.SetReadDeadline(time.Now().Add(d))
}

// reading notes that the read of a body begins or has ended. Meanwhile there is no time limit.
func (c *connection) reading(begins bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.local = begins
	if begins {
		return c.SetReadDeadline(time.Time{})
	}
	return c.SetReadDeadline(time.Now().Add(c.read))
}

// Read implements net.Conn.
func (c *connection) Read(p []byte) (int, error) {
	if err := c.await(c.read); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

// Write implements net.Conn. Meanwhile another goroutine waits in Read for the answer, which
// must not fail first: the request would fail because of a closed connection.
func (c *connection) Write(p []byte) (int, error) {
	if err := errors.Join(c.SetWriteDeadline(time.Now().Add(c.write)), c.await(c.write+c.read)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	if err == nil {
		err = c.await(c.read)
	}
	return n, err
}

// requestBody is the body of a request. The time that its reads take, mostly from a file, is not
// silence of the service.
type requestBody struct {
	io.ReadCloser
	conn atomic.Pointer[connection] // that the request uses
}

// Read implements io.Reader.
func (b *requestBody) Read(p []byte) (int, error) {
	c := b.conn.Load()
	if c == nil {
		return b.ReadCloser.Read(p)
	}
	if err := c.reading(true); err != nil {
		return 0, err
	}
	n, err := b.ReadCloser.Read(p)
	if failed := c.reading(false); failed != nil {
		return n, failed
	}
	return n, err
}

// withBody returns a request that uploads something with a requestBody. The bodies of other
// requests are in memory.
func withBody(r *http.Request) *http.Request {
	if r.Method != http.MethodPut || r.Body == nil || r.ContentLength <= 0 {
		return r
	}
	b := &requestBody{ReadCloser: r.Body}
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) {
		conn := got.Conn
		if secure, ok := conn.(*tls.Conn); ok {
			conn = secure.NetConn()
		}
		c, _ := conn.(*connection)
		b.conn.Store(c)
	}}))
	r.Body = b
	return r
}

// patience is the key of a context's *silences.
type patience struct{}

// silences is what the requests of one operation know of each other.
type silences struct {
	first   atomic.Pointer[silentError]
	aborted atomic.Bool // the upload was aborted after it
}

// oneSilence returns a context whose requests fail once the service was silent for one of
// them, since minio's client would send it again a few times. One request that aborts an
// upload in parts is still sent: the service would keep the parts.
func oneSilence(ctx context.Context) context.Context {
	return context.WithValue(ctx, patience{}, new(silences))
}

// RoundTrip implements http.RoundTripper.
func (s *sender) RoundTrip(r *http.Request) (*http.Response, error) {
	before, _ := r.Context().Value(patience{}).(*silences)
	query := r.URL.Query()
	late := before != nil && before.first.Load() != nil
	if late && (r.Method != http.MethodDelete || !query.Has("uploadId") || before.aborted.Swap(true)) {
		return nil, before.first.Load()
	}
	if s.sent != nil {
		s.sent(r.Method)
	}
	if late {
		return s.abort(r)
	}
	transport := s.quick
	switch {
	case r.Method == http.MethodPost && query.Has("uploadId"):
		transport = s.patient
	case r.Method == http.MethodPut && query.Has("partNumber"):
		transport = s.part
	}
	began := time.Now()
	response, err := transport.RoundTrip(withBody(r))
	var timeout net.Error
	if err == nil || r.Context().Err() != nil || !errors.As(err, &timeout) || !timeout.Timeout() {
		return response, err
	}
	silent := &silentError{err, min(time.Since(began), silence)}
	if before != nil {
		before.first.Store(silent)
	}
	return nil, silent
}

// abort sends a request that aborts an upload, and waits for its answer for a short time.
func (s *sender) abort(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), aborting)
	defer cancel()
	response, err := s.quick.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(answer))
	return response, nil
}
