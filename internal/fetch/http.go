package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/sweep"
)

// Patience with a web server.
const (
	tries = 5               // in a row that bring nothing new
	quiet = 1 * time.Minute // without a byte ends a try
)

// firstRest is the rest after the first try that fails, doubled after each further
// one; a test shortens it.
var firstRest = time.Second

// download brings a URL into the file part, going on where an earlier call was
// interrupted if the server says that the file is still the same.
func (f *Fetcher) download(ctx context.Context, url, part string, limit int64) error {
	rest := firstRest
	for try := 1; ; {
		before := sizeOf(part)
		err := f.try(ctx, url, part, limit)
		var refused *refusedError
		var failure *sweep.FailureError
		var local *fs.PathError
		switch {
		case err == nil:
			_ = os.Remove(part + ".validator") // of no use any more
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.As(err, &failure), errors.As(err, &local):
			return err
		case sizeOf(part) > before:
			try, rest = 1, firstRest
		case try == tries, errors.As(err, &refused):
			return fmt.Errorf("%w\nget %s on a machine that reaches it, and give the file with `tailsweep data pull --from PATH`", err, url)
		default:
			try++
		}
		select {
		case <-time.After(rest):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		rest *= 2
	}
}

func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// refusedError is an answer that another try does not change.
type refusedError struct{ url, status string }

func (e *refusedError) Error() string { return fmt.Sprintf("%s: %s", e.url, e.status) }

// try asks once. part.validator holds the ETag or the date of what part holds.
func (f *Fetcher) try(ctx context.Context, url, part string, limit int64) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return badData(err)
	}
	have := sizeOf(part)
	validator, err := os.ReadFile(part + ".validator")
	if err != nil || len(validator) == 0 {
		have = 0
	}
	if have > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
		request.Header.Set("If-Range", string(validator))
	}
	watch := time.AfterFunc(quiet, func() { cancel(fmt.Errorf("%s: no byte for %v", url, quiet)) })
	defer watch.Stop()
	response, err := f.client().Do(request)
	if err != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	defer response.Body.Close() //nolint:errcheck // only read
	p := Progress{What: path.Base(url), Total: max(0, response.ContentLength)}
	flags := os.O_CREATE | os.O_WRONLY | os.O_TRUNC
	switch {
	case response.StatusCode == http.StatusPartialContent && have > 0 && strings.HasPrefix(response.Header.Get("Content-Range"), "bytes "+strconv.FormatInt(have, 10)+"-"):
		flags = os.O_WRONLY | os.O_APPEND
		p.Done = have
		if p.Total > 0 {
			p.Total += have
		}
	case response.StatusCode == http.StatusOK:
		if err := os.WriteFile(part+".validator", []byte(strongValidator(response.Header)), 0o600); err != nil {
			return err
		}
	case response.StatusCode == http.StatusRequestedRangeNotSatisfiable, response.StatusCode == http.StatusPartialContent:
		return errors.Join(fmt.Errorf("%s: %s", url, response.Status), os.Remove(part)) // from the start, next time
	case response.StatusCode >= 500, response.StatusCode == http.StatusTooManyRequests:
		return fmt.Errorf("%s: %s", url, response.Status)
	default:
		return &refusedError{url, response.Status}
	}
	if p.Total > limit {
		return badData(fmt.Errorf("%s has %d bytes, want at most %d", url, p.Total, limit))
	}
	out, err := os.OpenFile(part, flags, 0o600)
	if err != nil {
		return err
	}
	return f.pour(ctx, out, &watched{response.Body, watch}, p, limit)
}

// strongValidator is what a later request may ask with whether the file is the same
// byte for byte; "" when nothing tells.
func strongValidator(h http.Header) string {
	if etag := h.Get("ETag"); etag != "" && !strings.HasPrefix(etag, "W/") {
		return etag
	}
	return h.Get("Last-Modified")
}

// watched winds the timer up at every read.
type watched struct {
	r     io.Reader
	timer *time.Timer
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	w.timer.Reset(quiet)
	return n, err
}

// client follows redirects to what sweep.CheckURL lets through, or with a query,
// since object stores sign the addresses that they send people to.
func (f *Fetcher) client() *http.Client {
	if f.HTTP != nil {
		return f.HTTP
	}
	return &http.Client{CheckRedirect: func(next *http.Request, via []*http.Request) error {
		bare := *next.URL
		bare.RawQuery, bare.Fragment = "", ""
		if err := sweep.CheckURL(bare.String()); err != nil {
			return fmt.Errorf("redirected to %s: %w", bare.Redacted(), err)
		}
		if len(via) > 10 {
			return errors.New("redirected 10 times")
		}
		return nil
	}}
}
