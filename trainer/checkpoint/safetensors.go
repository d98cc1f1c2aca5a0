package checkpoint

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/internal/text"
)

// Limits on tensor files from outside.
const (
	MaxHeaderBytes = 8 << 20
	MaxTensorBytes = 4 << 30 // of a whole file
	MaxTensors     = 1 << 16
	maxRank        = 8
)

// The keys of the metadata of model.safetensors: what a program needs to rebuild
// and sample the model from this one file.
const (
	MetaSpec       = "tailsweep.spec"       // sweep.Spec as JSON
	MetaAssignment = "tailsweep.assignment" // sweep.Assignment as JSON
	MetaClasses    = "tailsweep.classes"    // their names and training images, as JSON; older files have none
)

const metadataKey = "__metadata__"

// DType is an element type, named as in the safetensors format.
type DType string

// F32 is the element type of all tensors of this project.
const F32 DType = "F32"

// elementBytes has the size of an element of each type that is read and written.
var elementBytes = map[DType]int64{"F64": 8, "I64": 8, "U64": 8, F32: 4, "I32": 4, "U32": 4, "U8": 1, "BOOL": 1}

// Tensor is a named array. Data has its elements row by row, little-endian. A scalar has
// no Shape.
type Tensor struct {
	Name  string
	DType DType
	Shape []int
	Data  []byte
}

// FromFloat32 makes an F32 tensor. len(values) must be the product of shape.
func FromFloat32(name string, shape []int, values []float32) Tensor {
	data := make([]byte, 0, 4*len(values))
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	return Tensor{Name: name, DType: F32, Shape: slices.Clone(shape), Data: data}
}

// Float32 returns the elements of an F32 tensor.
func (t Tensor) Float32() ([]float32, error) {
	if t.DType != F32 {
		return nil, corruptf("tensor %q is %s, want F32", t.Name, t.DType)
	}
	out := make([]float32, len(t.Data)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.Data[4*i:]))
	}
	return out, nil
}

// header is the entry of a tensor in the header of a file.
type header struct {
	name    string
	DType   DType    `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// The format is written and read here since github.com/nlpodyssey/safetensors (untagged,
// its last commit of February 2025) accepts a name twice and decodes headers of 100 MB,
// and the release of github.com/gomlx/go-huggingface has no such package (v0.3.1).

// EncodeTensors writes a safetensors file: 8 bytes of header length, a JSON
// header, the data. Tensors are ordered by decreasing element size (so that each
// is aligned), then by name; equal arguments give equal bytes.
func EncodeTensors(w io.Writer, tensors []Tensor, metadata map[string]string) error {
	sorted := slices.Clone(tensors)
	slices.SortFunc(sorted, func(a, b Tensor) int {
		return cmp.Or(cmp.Compare(elementBytes[b.DType], elementBytes[a.DType]), strings.Compare(a.Name, b.Name))
	})
	// A map of header values: encoding/json orders its keys, and readers go by offsets.
	entries := make(map[string]any, len(sorted)+1)
	if len(metadata) > 0 {
		entries[metadataKey] = metadata
	}
	var offset int64
	for _, t := range sorted {
		n, err := byteSize(t.DType, t.Shape)
		if err != nil {
			return fmt.Errorf("checkpoint: tensor %q: %w", t.Name, err)
		}
		if n != int64(len(t.Data)) {
			return fmt.Errorf("checkpoint: tensor %q: %s%v needs %d bytes, has %d", t.Name, t.DType, t.Shape, n, len(t.Data))
		}
		if _, dup := entries[t.Name]; dup || t.Name == metadataKey {
			return fmt.Errorf("checkpoint: tensor name %q is taken", t.Name)
		}
		shape := t.Shape
		if shape == nil {
			shape = []int{}
		}
		entries[t.Name] = header{DType: t.DType, Shape: shape, Offsets: [2]int64{offset, offset + n}}
		offset += n
	}
	head, err := json.Marshal(entries)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	head = append(head, strings.Repeat(" ", (8-len(head)%8)%8)...)
	if len(head) > MaxHeaderBytes || len(sorted) > MaxTensors || offset > MaxTensorBytes {
		return fmt.Errorf("checkpoint: %d tensors of %d bytes with a header of %d are more than this package reads back", len(sorted), offset, len(head))
	}
	_, err = w.Write(append(binary.LittleEndian.AppendUint64(nil, uint64(len(head))), head...))
	for _, t := range sorted {
		if err == nil {
			_, err = w.Write(t.Data)
		}
	}
	return err
}

// DecodeTensors reads a safetensors file strictly: known element types, no name
// twice, and tensors that cover the data without gap or overlap. The tensors come
// ordered by name and share data's memory. Errors wrap ErrCorrupt.
func DecodeTensors(data []byte) (tensors []Tensor, metadata map[string]string, err error) {
	if len(data) < 8 {
		return nil, nil, corruptf("a safetensors file of %d bytes", len(data))
	}
	n := binary.LittleEndian.Uint64(data)
	if n > MaxHeaderBytes || n > uint64(len(data)-8) {
		return nil, nil, corruptf("safetensors header of %d bytes in a file of %d (at most %d are read)", n, len(data), MaxHeaderBytes)
	}
	headers, metadata, err := parseHeader(data[8 : 8+n])
	if err != nil {
		return nil, nil, err
	}
	body := data[8+n:]
	slices.SortFunc(headers, func(a, b header) int {
		return cmp.Or(slices.Compare(a.Offsets[:], b.Offsets[:]), strings.Compare(a.name, b.name))
	})
	var offset int64
	for _, h := range headers {
		size, err := byteSize(h.DType, h.Shape)
		if err != nil {
			return nil, nil, corruptf("tensor %.200q: %v", h.name, err)
		}
		begin, end := h.Offsets[0], h.Offsets[1]
		if begin != offset || end-begin != size || end > int64(len(body)) {
			return nil, nil, corruptf("tensor %.200q: %s%v at bytes %d to %d of %d, expected from %d", h.name, h.DType, h.Shape, begin, end, len(body), offset)
		}
		tensors = append(tensors, Tensor{Name: h.name, DType: h.DType, Shape: h.Shape, Data: body[begin:end:end]})
		offset = end
	}
	if offset != int64(len(body)) {
		return nil, nil, corruptf("%d bytes follow the last tensor", int64(len(body))-offset)
	}
	slices.SortFunc(tensors, func(a, b Tensor) int { return strings.Compare(a.Name, b.Name) })
	return tensors, metadata, nil
}

// ReadTensors reads the safetensors file at path, as DecodeTensors does.
func ReadTensors(path string) (tensors []Tensor, metadata map[string]string, err error) {
	data, err := readFile(path, MaxTensorBytes+MaxHeaderBytes)
	if err != nil {
		return nil, nil, err
	}
	tensors, metadata, err = DecodeTensors(data)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return tensors, metadata, nil
}

// parseHeader reads key by key, since decoding into a map would hide a name that occurs
// twice.
func parseHeader(head []byte) (headers []header, metadata map[string]string, err error) {
	bad := func(err error) ([]header, map[string]string, error) {
		return nil, nil, corruptf("safetensors header: %v", err)
	}
	dec := json.NewDecoder(bytes.NewReader(head))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return bad(errors.Join(errors.New("not a JSON object"), err))
	}
	seen := map[string]bool{}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return bad(err)
		}
		name, _ := tok.(string) // keys of an object are strings
		if name == metadataKey {
			if metadata != nil {
				return bad(errors.New("metadata twice"))
			}
			metadata = map[string]string{}
			if err := dec.Decode(&metadata); err != nil {
				return bad(err)
			}
			continue
		}
		if seen[name] {
			return bad(fmt.Errorf("tensor %.200q twice", name))
		}
		if len(headers) == MaxTensors {
			return bad(fmt.Errorf("more than %d tensors", MaxTensors))
		}
		h := header{name: name}
		if err := dec.Decode(&h); err != nil {
			return bad(err)
		}
		headers, seen[name] = append(headers, h), true
	}
	if _, err := dec.Token(); err != nil {
		return bad(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return bad(errors.New("something follows the object"))
	}
	return headers, metadata, nil
}

// byteSize returns the bytes of a tensor, or an error where they do not fit a file.
func byteSize(d DType, shape []int) (int64, error) {
	size, ok := elementBytes[d]
	if !ok {
		return 0, fmt.Errorf("unsupported dtype %.20q (valid: %s)", string(d), text.List(slices.Sorted(maps.Keys(elementBytes)), len(elementBytes)))
	}
	if len(shape) > maxRank {
		return 0, fmt.Errorf("rank %d is over %d", len(shape), maxRank)
	}
	for _, n := range shape {
		if n < 0 {
			return 0, fmt.Errorf("negative dimension in %v", shape)
		}
		if n > 0 && size > MaxTensorBytes/int64(n) {
			return 0, fmt.Errorf("shape %v is too large", shape)
		}
		size *= int64(n)
	}
	return size, nil
}
