package dataset

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// gunzip decompresses r, called name in errors, of which at most limit bytes are
// taken. An error is a *FormatError, or comes from reading r.
func gunzip(name string, r io.Reader, limit int64) ([]byte, error) {
	src := &watched{r: r}
	broken := func(offset int, err error) error {
		if src.err != nil {
			return fmt.Errorf("%s: %w", name, src.err)
		}
		reason := "damaged gzip (" + err.Error() + ")"
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			reason = "truncated gzip"
		}
		return &FormatError{File: name, Offset: int64(offset), Packed: true, Reason: reason}
	}
	z, err := gzip.NewReader(src)
	if err != nil {
		return nil, broken(0, err)
	}
	var out bytes.Buffer
	if _, err := io.Copy(&out, io.LimitReader(z, limit+1)); err != nil {
		return nil, broken(out.Len(), err)
	}
	if int64(out.Len()) > limit {
		return nil, &FormatError{File: name, Offset: limit, Packed: true, Reason: fmt.Sprintf("more than the expected %d bytes", limit)}
	}
	return out.Bytes(), nil
}

// watched remembers a failure to read, which gzip would not tell from bad content.
type watched struct {
	r   io.Reader
	err error
}

func (s *watched) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// parseIDX splits an IDX file of unsigned bytes into its dimensions and its
// elements: two zero bytes, the type 0x08, the rank, each dimension as a
// big-endian uint32, the elements. body shares data's memory.
func parseIDX(name string, data []byte, rank int) (dims []int, body []byte, err error) {
	bad := func(offset int, format string, args ...any) ([]int, []byte, error) {
		return nil, nil, &FormatError{File: name, Offset: int64(offset), Packed: true, Reason: fmt.Sprintf(format, args...)}
	}
	head := 4 + 4*rank
	if len(data) < head {
		return bad(len(data), "the IDX header ends early")
	}
	if want := []byte{0, 0, 8, byte(rank)}; !bytes.Equal(data[:4], want) {
		return bad(0, "magic number % x, want % x", data[:4], want)
	}
	dims = make([]int, rank)
	size := int64(1)
	for i := range dims {
		offset := 4 + 4*i
		n := binary.BigEndian.Uint32(data[offset:])
		dims[i] = int(n)
		if size *= int64(n); size > int64(len(data)) {
			return bad(offset, "dimensions %v need more bytes than there are", dims[:i+1])
		}
	}
	body = data[head:]
	if int64(len(body)) != size {
		return bad(head+min(len(body), int(size)), "dimensions %v need %d bytes, %d follow", dims, size, len(body))
	}
	return dims, body, nil
}
