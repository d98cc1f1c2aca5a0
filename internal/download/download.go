package download

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

	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/internal/retry"
)

// ErrContent is the error of a file that is not the expected one: too large, or with
// another digest. Test with errors.Is.
var ErrContent = errors.New("not the expected file")

// Request is one file to download.
type Request struct {
	URL      string
	Path     string                  // of the file
	Limit    int64                   // bytes at most
	SHA256   string                  // in hexadecimal; "" is not compared
	Client   *http.Client            // nil: http.DefaultClient
	Progress func(done, total int64) // bytes, total is 0 where it is not known; may be nil
}

// quiet is how long a server may send nothing before the try ends.
const quiet = time.Minute

// again counts the tries in a row that bring no new byte. A test shortens its waits.
var again = retry.Policy{First: time.Second, Most: time.Minute, Tries: 5}

// File downloads a file, unless it exists.
func File(ctx context.Context, r Request) error {
	if _, err := os.Lstat(r.Path); err == nil {
		return nil
	}
	if err := r.downloadPart(ctx); err != nil {
		return err
	}
	return Verified(r.part(), r.Path, r.SHA256, r.redacted())
}

// Verified renames a complete part to path if its digest is right ("" is not compared),
// and removes it otherwise. from names it in errors.
func Verified(part, path, digest, from string) error {
	if digest != "" {
		sum, err := file.SHA256(part)
		if err != nil {
			return err
		}
		if sum != digest {
			return errors.Join(fmt.Errorf("%w: %s has sha256 %s, want %s", ErrContent, from, sum, digest), os.Remove(part))
		}
	}
	return os.Rename(part, path)
}

func (r Request) part() string { return r.Path + ".part" }

// state is the file that says where the part comes from: its first line is the URL, its
// second line the validator (ETag or date) of the content.
func (r Request) state() string { return r.part() + ".validator" }

// redacted is the URL without its secrets.
func (r Request) redacted() string { return address.Redact(r.URL) }

// downloadPart downloads the complete content into the part, and tries again after transient errors.
func (r Request) downloadPart(ctx context.Context) error {
	have := sizeOf(r.part())
	policy := again
	policy.Progressed = func() bool {
		before := have
		have = sizeOf(r.part())
		return have > before
	}
	err := retry.Do(ctx, policy, func() error {
		err := r.try(ctx)
		var local *fs.PathError
		if errors.Is(err, ErrContent) || errors.As(err, &local) {
			return retry.Permanent(err)
		}
		return err
	})
	switch {
	case err == nil:
		return os.Remove(r.state())
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, ErrContent):
		return errors.Join(err, os.RemoveAll(r.part()), os.RemoveAll(r.state()))
	}
	return err
}

func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// validator returns the ETag or date of the content that the part belongs to, "" if the
// download has to start from the beginning.
func (r Request) validator() string {
	state, err := os.ReadFile(r.state())
	from, validator, _ := strings.Cut(string(state), "\n")
	if err != nil || from != r.redacted() {
		return ""
	}
	return validator
}

// try sends one request, which asks for the rest of the content.
func (r Request) try(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL, nil)
	if err != nil {
		return retry.Permanent(fmt.Errorf("%s: %w", r.redacted(), err))
	}
	have, validator := sizeOf(r.part()), r.validator()
	if validator == "" {
		have = 0
	}
	if have > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
		request.Header.Set("If-Range", validator)
	}
	watch := time.AfterFunc(quiet, func() { cancel(fmt.Errorf("%s: no byte for %v", r.redacted(), quiet)) })
	defer watch.Stop()
	client := r.Client
	if client == nil {
		client = http.DefaultClient
	}
	response, err := client.Do(request)
	if err != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	defer response.Body.Close() //nolint:errcheck // only read
	out, done, err := r.open(response, have, validator)
	if err != nil {
		return err
	}
	total := max(0, response.ContentLength)
	if total > 0 {
		total += done
	}
	if total > r.Limit {
		return errors.Join(fmt.Errorf("%w: %s has %d bytes, want at most %d", ErrContent, r.redacted(), total, r.Limit), out.Close())
	}
	return Copy(ctx, out, &timedReader{response.Body, watch}, Content{Name: path.Base(request.URL.Path), Done: done, Total: total, Limit: r.Limit, Progress: r.Progress})
}

// open opens the part for the body of a response. If the response continues the content
// with this validator after have bytes, it appends; if the response has the complete
// content, it empties the part first. done is the number of bytes that the part keeps.
func (r Request) open(response *http.Response, have int64, validator string) (out *os.File, done int64, err error) {
	switch status := response.StatusCode; {
	case status == http.StatusPartialContent && have > 0 && rangeFrom(response) == have && sameContent(response.Header, validator):
		out, err = os.OpenFile(r.part(), os.O_WRONLY|os.O_APPEND, 0o600)
		return out, have, err
	case status == http.StatusOK:
		// The part is truncated before the new validator is written. So the bytes of a part
		// never belong to a different content than its validator, even if the process ends
		// between the two.
		if out, err = os.OpenFile(r.part(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600); err != nil {
			return nil, 0, err
		}
		if err := file.Write(r.state(), []byte(r.redacted()+"\n"+strongValidator(response.Header)), 0o600); err != nil {
			return nil, 0, errors.Join(err, out.Close())
		}
		return out, 0, nil
	}
	err = fmt.Errorf("%s: %s", r.redacted(), response.Status)
	switch status := response.StatusCode; {
	case status == http.StatusRequestedRangeNotSatisfiable, status == http.StatusPartialContent:
		return nil, 0, errors.Join(err, os.Remove(r.part())) // the next try starts from the beginning
	case status >= 500, status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
		return nil, 0, err
	}
	return nil, 0, retry.Permanent(err)
}

// rangeFrom is the first byte of a partial response, or -1.
func rangeFrom(response *http.Response) int64 {
	first, _, _ := strings.Cut(strings.TrimPrefix(response.Header.Get("Content-Range"), "bytes "), "-")
	n, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// sameContent reports whether a partial response does not contradict the validator: a
// server may ignore If-Range.
func sameContent(h http.Header, validator string) bool {
	now := strongValidator(h)
	return now == "" || now == validator
}

// strongValidator returns the header with which a later request can ask whether the
// content is the same byte for byte, "" if the response has none. A date is strong if
// the content was a minute old when it was sent (RFC 9110, 8.8.2.2 asks for a second,
// by clocks that agree).
func strongValidator(h http.Header) string {
	if etag := h.Get("ETag"); etag != "" {
		if strings.HasPrefix(etag, "W/") {
			return ""
		}
		return etag
	}
	modified, err := http.ParseTime(h.Get("Last-Modified"))
	sent, dateErr := http.ParseTime(h.Get("Date"))
	if err != nil || dateErr != nil || sent.Sub(modified) < time.Minute {
		return ""
	}
	return h.Get("Last-Modified")
}

// timedReader resets the timer at every read.
type timedReader struct {
	r     io.Reader
	timer *time.Timer
}

func (w *timedReader) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	w.timer.Reset(quiet)
	return n, err
}
