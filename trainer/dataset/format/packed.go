package format

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
)

// Gunzip decompresses r, called name in errors, to at most limit bytes.
// An error is an *Error, or comes from reading r.
func Gunzip(name string, r io.Reader, limit int64) ([]byte, error) {
	src := &source{name: name, r: r}
	z, err := gzip.NewReader(src)
	if err != nil {
		return nil, src.broken("gzip", 0, err)
	}
	var out bytes.Buffer
	if _, err := io.Copy(&out, io.LimitReader(z, limit+1)); err != nil {
		return nil, src.broken("gzip", int64(out.Len()), err)
	}
	if int64(out.Len()) > limit {
		return nil, &Error{File: name, Offset: limit, Packed: true, Reason: fmt.Sprintf("more than the expected %d bytes", limit)}
	}
	return out.Bytes(), nil
}

// Member is a file of an archive.
type Member struct {
	Path string // slash-separated
	Size int64  // bytes
}

// Untar returns the contents of the members of a tar.gz r, called name in errors, of
// which at most limit bytes are decompressed. An error is an *Error, or comes from
// reading r. Nothing is written to disk.
func Untar(name string, r io.Reader, limit int64, members []Member) ([][]byte, error) {
	src := &source{name: name, r: r}
	z, err := gzip.NewReader(src)
	if err != nil {
		return nil, src.broken("gzip", 0, err)
	}
	out := &counted{r: io.LimitReader(z, limit)}
	bad := func(reason string) error {
		return &Error{File: name, Offset: out.n, Packed: true, Reason: reason}
	}
	contents := make([][]byte, len(members))
	archive := tar.NewReader(out)
	for missing := len(members); missing > 0; {
		header, err := archive.Next()
		if err != nil {
			return nil, src.broken("archive", out.n, err)
		}
		for i, m := range members {
			if path.Clean(header.Name) != m.Path {
				continue
			}
			switch {
			case header.Typeflag != tar.TypeReg:
				return nil, bad(header.Name + " is not a regular file")
			case contents[i] != nil:
				return nil, bad(header.Name + " comes twice")
			}
			if contents[i], err = ReadSized(name+": "+path.Base(m.Path), archive, m.Size); err != nil {
				return nil, src.broken("archive", out.n, err)
			}
			missing--
		}
	}
	return contents, nil
}

// ReadSized reads exactly size bytes of r, called name in errors.
func ReadSized(name string, r io.Reader, size int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, size+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	case int64(len(data)) < size:
		return nil, &Error{File: name, Offset: int64(len(data)), Reason: fmt.Sprintf("truncated: want %d bytes", size)}
	case int64(len(data)) > size:
		return nil, &Error{File: name, Offset: size, Reason: fmt.Sprintf("more than the expected %d bytes", size)}
	}
	return data, nil
}

// source remembers a failure to read, which gzip does not distinguish from bad content.
type source struct {
	name string
	r    io.Reader
	err  error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// broken returns the error of decompressing s as what, at an offset of its content.
func (s *source) broken(what string, offset int64, err error) error {
	var content *Error
	switch {
	case s.err != nil:
		return fmt.Errorf("%s: %w", s.name, s.err)
	case errors.As(err, &content):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &Error{File: s.name, Offset: offset, Packed: true, Reason: "truncated " + what}
	}
	return &Error{File: s.name, Offset: offset, Packed: true, Reason: "damaged " + what + " (" + err.Error() + ")"}
}

// counted counts the bytes that are read.
type counted struct {
	r io.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
