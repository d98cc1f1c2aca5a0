package download

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// Content describes the bytes that Copy writes.
type Content struct {
	Name     string                  // for errors
	Done     int64                   // bytes that the file has already
	Total    int64                   // bytes in all; 0: not known
	Limit    int64                   // bytes at most
	Progress func(done, total int64) // may be nil
}

// Copy copies the rest of in to out, and flushes and closes out. More than c.Limit
// bytes in all are ErrContent, fewer than c.Total io.ErrUnexpectedEOF.
func Copy(ctx context.Context, out *os.File, in io.Reader, c Content) error {
	buf := make([]byte, 256<<10)
	var err error
	for err == nil {
		if err = context.Cause(ctx); err != nil {
			break
		}
		var n int
		n, err = in.Read(buf)
		if c.Done+int64(n) > c.Limit {
			err = fmt.Errorf("%w: %s is larger than %d bytes", ErrContent, c.Name, c.Limit)
			break
		}
		if _, failed := out.Write(buf[:n]); failed != nil {
			err = failed
		}
		c.Done += int64(n)
		if c.Progress != nil {
			c.Progress(c.Done, c.Total)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
		if c.Total > 0 && c.Done != c.Total {
			err = fmt.Errorf("%s: %d of %d bytes: %w", c.Name, c.Done, c.Total, io.ErrUnexpectedEOF)
		}
	}
	if err == nil {
		err = out.Sync()
	}
	return errors.Join(err, out.Close())
}
