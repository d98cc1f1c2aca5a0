package npy

import (
	"archive/zip"
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// maxDirectory is how many bytes of a zip archive are read to list its content.
const maxDirectory = 1 << 20

// extension ends the names of an archive's members.
const extension = ".npy"

// Archive is an open .npz file.
type Archive struct{ arrays map[string]*zip.File }

// OpenArchive lists the arrays of an archive of size bytes.
func OpenArchive(r io.ReaderAt, size int64) (*Archive, error) {
	bounded := &bounded{ReaderAt: r, left: maxDirectory}
	z, err := zip.NewReader(bounded, size)
	switch {
	case bounded.left < 0:
		return nil, fmt.Errorf("its list of arrays has more than %d bytes", maxDirectory)
	case errors.Is(err, zip.ErrFormat):
		return nil, errors.New("not an archive of NumPy: no zip file, or cut off")
	case err != nil && !errors.Is(err, zip.ErrInsecurePath): // names are compared, not opened
		return nil, err
	}
	bounded.open = true
	a := &Archive{arrays: map[string]*zip.File{}}
	for _, f := range z.File {
		name, ok := strings.CutSuffix(f.Name, extension)
		if !ok {
			continue
		}
		if a.arrays[name] != nil {
			return nil, fmt.Errorf("the array %q is in it twice", name)
		}
		a.arrays[name] = f
	}
	return a, nil
}

// bounded reads at most left bytes until it is open.
type bounded struct {
	io.ReaderAt
	left int64
	open bool
}

var errBounded = errors.New("too much was read")

func (b *bounded) ReadAt(p []byte, off int64) (int, error) {
	if !b.open {
		if b.left -= int64(len(p)); b.left < 0 {
			return 0, errBounded
		}
	}
	return b.ReaderAt.ReadAt(p, off)
}

// Names returns the names of the arrays, sorted.
func (a *Archive) Names() []string {
	names := make([]string, 0, len(a.arrays))
	for name := range a.arrays {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Array is an array whose values are read from it, in C order. Close ends the reading.
type Array struct {
	Header
	io.Reader // of Bytes() bytes, then io.EOF or an error
	io.Closer
}

// Open opens an array. ok is false where the archive has none of the name.
func (a *Archive) Open(name string) (array *Array, ok bool, err error) {
	f, ok := a.arrays[name]
	if !ok {
		return nil, false, nil
	}
	content, err := f.Open()
	if err != nil {
		return nil, true, err
	}
	array, err = NewArray(content)
	if err != nil {
		return nil, true, errors.Join(err, content.Close())
	}
	return array, true, nil
}

// NewArray reads the header of an array. The caller closes it; after an error the content is
// still the caller's to close.
func NewArray(content io.ReadCloser) (*Array, error) {
	h, err := ReadHeader(content)
	if err != nil {
		return nil, err
	}
	return &Array{Header: h, Reader: &exactly{content, h.Bytes()}, Closer: content}, nil
}

// exactly reads left bytes. Fewer or more are an error.
type exactly struct {
	r    io.Reader
	left int64
}

func (e *exactly) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if e.left == 0 {
		if n, err := io.ReadFull(e.r, make([]byte, 1)); n > 0 {
			return 0, errors.New("bytes follow the last value")
		} else if !errors.Is(err, io.EOF) {
			return 0, err
		}
		return 0, io.EOF
	}
	n, err := e.r.Read(p[:min(int64(len(p)), e.left)])
	if e.left -= int64(n); errors.Is(err, io.EOF) {
		err = nil
		if n == 0 {
			err = cut(io.EOF)
		}
	}
	return n, err
}

// Integers reads the values of an array of integers, at most most of them.
func (a *Array) Integers(most int) (values []int64, err error) {
	if !a.Type.Integer() {
		return nil, fmt.Errorf("values of type %s (valid: integers)", a.Type)
	}
	err = a.each(most, func(data []byte) error {
		v, err := a.Type.integer(data)
		values = append(values, v)
		return err
	})
	return values, err
}

// Texts reads the values of an array of texts, at most most of them.
func (a *Array) Texts(most int) (values []string, err error) {
	if a.Type.Kind != 'U' {
		return nil, fmt.Errorf("values of type %s (valid: text)", a.Type)
	}
	err = a.each(most, func(data []byte) error {
		var b strings.Builder
		for ; len(data) > 0; data = data[4:] {
			b.WriteRune(rune(binary.LittleEndian.Uint32(data))) // what is no character becomes U+FFFD
		}
		values = append(values, strings.TrimRight(b.String(), "\x00"))
		return nil
	})
	return values, err
}

// each reads the bytes of all values, at most most of them.
func (a *Array) each(most int, use func(data []byte) error) error {
	if a.Len() > int64(most) {
		return fmt.Errorf("%d values (valid: at most %d)", a.Len(), most)
	}
	data := make([]byte, a.Type.Size)
	r := bufio.NewReader(a)
	for range a.Len() {
		if _, err := io.ReadFull(r, data); err != nil {
			return err
		}
		if err := use(data); err != nil {
			return err
		}
	}
	_, err := io.Copy(io.Discard, r) // more bytes are an error
	return err
}

// integer reads a value.
func (t Type) integer(data []byte) (int64, error) {
	var u uint64
	switch t.Size {
	case 1:
		u = uint64(data[0])
	case 2:
		u = uint64(binary.LittleEndian.Uint16(data))
	case 4:
		u = uint64(binary.LittleEndian.Uint32(data))
	default:
		u = binary.LittleEndian.Uint64(data)
	}
	if t.Kind == 'u' {
		if u > 1<<63-1 {
			return 0, fmt.Errorf("the value %d is too large", u)
		}
		return int64(u), nil
	}
	shift := 64 - 8*t.Size
	return int64(u<<shift) >> shift, nil
}

// epoch is the date of an archive's members, so that equal arrays give equal bytes: the
// first that a zip file can have.
var epoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// Writer writes an archive.
type Writer struct{ zip *zip.Writer }

// NewWriter writes an archive to w. Its values are not compressed.
func NewWriter(w io.Writer) *Writer { return &Writer{zip.NewWriter(w)} }

// Create adds an array. Its values are written to the result, before another is added.
func (w *Writer) Create(name string, h Header) (io.Writer, error) {
	f, err := w.zip.CreateHeader(&zip.FileHeader{Name: name + extension, Method: zip.Store, Modified: epoch})
	if err != nil {
		return nil, err
	}
	return f, WriteHeader(f, h)
}

// Integers adds an array of one dimension, as int64.
func (w *Writer) Integers(name string, values []int) error {
	f, err := w.Create(name, Header{Type: Int64, Shape: []int{len(values)}})
	if err != nil {
		return err
	}
	data := make([]byte, 0, 8*len(values))
	for _, v := range values {
		data = binary.LittleEndian.AppendUint64(data, uint64(v))
	}
	_, err = f.Write(data)
	return err
}

// Texts adds an array of one dimension with texts.
func (w *Writer) Texts(name string, values []string) error {
	longest := 1
	for _, v := range values {
		longest = max(longest, utf8.RuneCountInString(v))
	}
	f, err := w.Create(name, Header{Type: Text(longest), Shape: []int{len(values)}})
	if err != nil {
		return err
	}
	var data []byte
	for _, v := range values {
		start := len(data)
		for _, r := range v {
			data = binary.LittleEndian.AppendUint32(data, uint32(r))
		}
		data = append(data, make([]byte, start+4*longest-len(data))...)
	}
	_, err = f.Write(data)
	return err
}

// Close ends the archive.
func (w *Writer) Close() error { return w.zip.Close() }
