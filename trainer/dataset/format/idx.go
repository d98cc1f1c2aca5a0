package format

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// ParseIDX splits an IDX file of unsigned bytes, called name in errors, into its
// dimensions and its elements: two zero bytes, the type 0x08, the rank, each
// dimension as a big-endian uint32, the elements. body shares data's memory.
func ParseIDX(name string, data []byte, rank int) (dims []int, body []byte, err error) {
	bad := func(offset int, text string, args ...any) ([]int, []byte, error) {
		return nil, nil, &Error{File: name, Offset: int64(offset), Packed: true, Reason: fmt.Sprintf(text, args...)}
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
