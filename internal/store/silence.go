package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"
)

const (
	// silence is how long the service may neither take nor send a byte of a request. It
	// is so short that a sweep shows within a minute that it waits for a store that hangs.
	silence = 20 * time.Second
	// joining is the same for the last request of a multipart upload: some services copy
	// all parts before they answer.
	joining = 5 * time.Minute
	// dialing is how long a connection may take.
	dialing = 10 * time.Second
)

// silentError means that the service was silent for too long, or a connection took too long.
type silentError struct{ err error }

// Error implements error.
func (e *silentError) Error() string { return "no answer in time: " + e.err.Error() }

// Unwrap returns the error of the connection.
func (e *silentError) Unwrap() error { return e.err }

// sender sends the requests of the client.
type sender struct {
	quick, patient *http.Transport // patient is for requests that take as long as joining
	sent           func(method string)
}

func (c Config) sender(secure bool) (*sender, error) {
	quick, err := c.transport(secure, silence)
	if err != nil {
		return nil, err
	}
	patient, err := c.transport(secure, joining)
	if err != nil {
		return nil, err
	}
	return &sender{quick: quick, patient: patient, sent: c.Sent}, nil
}

// transport returns minio's, except that a request fails after a silence. While nothing but
// the answer is missing, the transport notices that, since it would repeat some requests after
// an error of the connection; the connection notices it otherwise. An idle connection is
// closed well before: a request that begins at that moment would fail.
func (c Config) transport(secure bool, silence time.Duration) (*http.Transport, error) {
	t, err := minio.DefaultTransport(secure)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
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
		return &connection{conn, silence + silence/4}, nil
	}
	t.ResponseHeaderTimeout, t.IdleConnTimeout = silence, min(t.IdleConnTimeout, silence/2)
	return t, nil
}

// connection fails once the other side has neither sent nor taken a byte for a time.
type connection struct {
	net.Conn
	silence time.Duration
}

// Read implements net.Conn.
func (c *connection) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.silence)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

// Write implements net.Conn. Meanwhile another goroutine waits in Read for the answer, which
// must not fail first: the request would fail because of a closed connection.
func (c *connection) Write(p []byte) (int, error) {
	now := time.Now()
	if err := errors.Join(c.SetWriteDeadline(now.Add(c.silence)), c.SetReadDeadline(now.Add(2*c.silence))); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	if err == nil {
		err = c.SetReadDeadline(time.Now().Add(c.silence))
	}
	return n, err
}

// patience is the key of a context's *atomic.Pointer[silentError].
type patience struct{}

// oneSilence returns a context whose requests fail once the service was silent for one of
// them, since minio's client would send it again a few times.
func oneSilence(ctx context.Context) context.Context {
	return context.WithValue(ctx, patience{}, new(atomic.Pointer[silentError]))
}

// RoundTrip implements http.RoundTripper.
func (s *sender) RoundTrip(r *http.Request) (*http.Response, error) {
	before, _ := r.Context().Value(patience{}).(*atomic.Pointer[silentError])
	if before != nil && before.Load() != nil {
		return nil, before.Load()
	}
	if s.sent != nil {
		s.sent(r.Method)
	}
	transport := s.quick
	if r.Method == http.MethodPost && r.URL.Query().Has("uploadId") {
		transport = s.patient
	}
	response, err := transport.RoundTrip(r)
	var timeout net.Error
	if err == nil || r.Context().Err() != nil || !errors.As(err, &timeout) || !timeout.Timeout() {
		return response, err
	}
	silent := &silentError{err}
	if before != nil {
		before.Store(silent)
	}
	return nil, silent
}
