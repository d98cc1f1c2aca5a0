package npy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// Limits of an array.
const (
	maxHeader     = 64 << 10 // bytes
	maxDimensions = 8
	maxItem       = 4 << 10 // bytes of a value: a text
)

const magic = "\x93NUMPY"

// Type is the type of an array's values.
type Type struct {
	Kind byte // 'u' unsigned, 'i' signed integer, 'U' text in UTF-32, 'f' floating point, which is only written
	Size int  // of a value, in bytes
}

// The types that are written.
var (
	Uint8   = Type{'u', 1}
	Int64   = Type{'i', 8}
	Float32 = Type{'f', 4}
)

// Text is the type of texts with at most n characters.
func Text(n int) Type { return Type{'U', 4 * n} }

// Integer reports whether the values are integers.
func (t Type) Integer() bool { return t.Kind == 'u' || t.Kind == 'i' }

// String is NumPy's name of the type, such as |u1, <i8 or <U10.
func (t Type) String() string {
	switch {
	case t.Kind == 'U':
		return fmt.Sprintf("<U%d", t.Size/4)
	case t.Size == 1:
		return fmt.Sprintf("|%c1", t.Kind)
	}
	return fmt.Sprintf("<%c%d", t.Kind, t.Size)
}

// parseType reads a name of NumPy's.
func parseType(name string) (Type, error) {
	order, rest := byte('='), name
	if name != "" && strings.IndexByte("<>|=", name[0]) >= 0 {
		order, rest = name[0], name[1:]
	}
	if rest == "" {
		return Type{}, fmt.Errorf("type %q", name)
	}
	size, err := strconv.Atoi(rest[1:])
	if err != nil || size < 0 || rest[1] == '+' {
		return Type{}, fmt.Errorf("type %q (valid: integers, such as |u1 and <i8)", name)
	}
	t := Type{rest[0], size}
	switch t.Kind {
	case 'u', 'i':
		if size != 1 && size != 2 && size != 4 && size != 8 {
			return Type{}, fmt.Errorf("type %q: integers have 1, 2, 4 or 8 bytes", name)
		}
	case 'U':
		if size > maxItem/4 {
			return Type{}, fmt.Errorf("type %q: texts of more than %d characters", name, maxItem/4)
		}
		t.Size = 4 * size
	case 'f':
		return Type{}, fmt.Errorf("type %q: floating-point numbers are not read (valid: integers; for images uint8 from 0 to 255)", name)
	case 'O':
		return Type{}, fmt.Errorf("type %q: objects are pickled programs, which are not read (valid: integers)", name)
	default:
		return Type{}, fmt.Errorf("type %q (valid: integers, such as |u1 and <i8)", name)
	}
	if order == '>' && (t.Kind == 'U' || t.Size > 1) {
		return Type{}, fmt.Errorf("type %q: big endian is not read (valid: little endian)", name)
	}
	return t, nil
}

// Header describes an array.
type Header struct {
	Type  Type
	Shape []int // of C order: the last index changes first; empty for one value
}

// Len is the number of values.
func (h Header) Len() int64 {
	n := int64(1)
	for _, side := range h.Shape {
		n *= int64(side)
	}
	return n
}

// Bytes is the size of all values.
func (h Header) Bytes() int64 { return h.Len() * int64(h.Type.Size) }

// String is the type and the shape, such as |u1 (10, 28, 28).
func (h Header) String() string { return h.Type.String() + " " + shapeText(h.Shape) }

// shapeText writes a tuple as Python does.
func shapeText(shape []int) string {
	var b strings.Builder
	b.WriteByte('(')
	for i, side := range shape {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.Itoa(side))
	}
	if len(shape) == 1 {
		b.WriteByte(',')
	}
	b.WriteByte(')')
	return b.String()
}

// check returns an error for an array that is too large to count its bytes.
func (h Header) check() error {
	if len(h.Shape) > maxDimensions {
		return fmt.Errorf("an array of %d dimensions (valid: at most %d)", len(h.Shape), maxDimensions)
	}
	left := int64(math.MaxInt64) / int64(max(1, h.Type.Size))
	for _, side := range h.Shape {
		if side > 0 && left < int64(side) {
			return fmt.Errorf("an array of shape %s is too large", shapeText(h.Shape))
		}
		left /= int64(max(1, side))
	}
	return nil
}

// ReadHeader reads the header of an array. Its values follow in r.
func ReadHeader(r io.Reader) (Header, error) {
	var start [len(magic) + 2]byte
	if _, err := io.ReadFull(r, start[:]); err != nil {
		return Header{}, cut(err)
	}
	if !bytes.HasPrefix(start[:], []byte(magic)) {
		return Header{}, fmt.Errorf("not an array of NumPy: begins with % x", start[:])
	}
	major, minor := start[len(magic)], start[len(magic)+1]
	var length uint32
	var err error
	switch {
	case major == 1 && minor == 0:
		var short uint16
		err = binary.Read(r, binary.LittleEndian, &short)
		length = uint32(short)
	case major == 2 && minor == 0:
		err = binary.Read(r, binary.LittleEndian, &length)
	default:
		return Header{}, fmt.Errorf("version %d.%d of NumPy's format (valid: 1.0, 2.0)", major, minor)
	}
	if err != nil {
		return Header{}, cut(err)
	}
	if length > maxHeader {
		return Header{}, fmt.Errorf("a header of %d bytes (valid: at most %d)", length, maxHeader)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return Header{}, cut(err)
	}
	h, err := parseHeader(string(text))
	if err == nil {
		err = h.check()
	}
	return h, err
}

// cut names the end of a file where more was expected.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("cut off: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// WriteHeader writes the header of an array, as NumPy does: padded with spaces to a
// multiple of 64 bytes.
func WriteHeader(w io.Writer, h Header) error {
	const align = 64
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }", h.Type, shapeText(h.Shape))
	start := len(magic) + 2 + 2
	text += strings.Repeat(" ", align-1-(start+len(text))%align) + "\n"
	if len(text) > math.MaxUint16 {
		return fmt.Errorf("npy: an array of %d dimensions", len(h.Shape))
	}
	data := append([]byte(magic), 1, 0)
	data = binary.LittleEndian.AppendUint16(data, uint16(len(text)))
	_, err := w.Write(append(data, text...))
	return err
}

// parseHeader reads the text of a header, a dictionary of Python:
// {'descr': '|u1', 'fortran_order': False, 'shape': (10, 28, 28), }.
func parseHeader(text string) (h Header, err error) {
	p := &literal{rest: text}
	seen := map[string]bool{}
	p.expect("{")
	for p.err == nil && !p.accept("}") {
		key := p.quoted()
		p.expect(":")
		if seen[key] {
			p.fail("the key %q twice", key)
		}
		seen[key] = true
		switch key {
		case "descr":
			if p.peek() == '[' {
				p.fail("an array of records (valid: integers)")
				break
			}
			name := p.quoted()
			if p.err == nil {
				h.Type, p.err = parseType(name)
			}
		case "fortran_order":
			if p.accept("True") {
				p.fail("an array in Fortran order (valid: C order, which numpy.ascontiguousarray makes)")
			}
			p.expect("False")
		case "shape":
			h.Shape = p.tuple()
		default:
			p.fail("the key %q", key)
		}
		if !p.accept(",") {
			p.expect("}")
			break
		}
	}
	if p.err == nil && strings.TrimSpace(p.rest) != "" {
		p.fail("text after its end")
	}
	if p.err == nil && len(seen) != 3 {
		p.fail("a key is missing (valid: descr, fortran_order, shape)")
	}
	return h, p.err
}

// literal reads a literal of Python from the left. After an error nothing is read.
type literal struct {
	rest string
	err  error
}

func (p *literal) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("the array's header has "+format, args...)
	}
}

func (p *literal) space() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }

func (p *literal) peek() byte {
	if p.space(); p.rest == "" {
		return 0
	}
	return p.rest[0]
}

// accept reads a word if it comes next.
func (p *literal) accept(word string) bool {
	p.space()
	rest, ok := strings.CutPrefix(p.rest, word)
	if ok && p.err == nil {
		p.rest = rest
	}
	return ok && p.err == nil
}

func (p *literal) expect(word string) {
	if !p.accept(word) {
		p.fail("no %q where it is expected", word)
	}
}

// quoted reads a text between quotes. Escapes are not needed in what is valid.
func (p *literal) quoted() string {
	quote := p.peek()
	if quote != '\'' && quote != '"' {
		p.fail("no text where one is expected")
		return ""
	}
	value, rest, ok := strings.Cut(p.rest[1:], string(rune(quote)))
	if !ok {
		p.fail("a text without an end")
		return ""
	}
	p.rest = rest
	return value
}

// tuple reads (1, 2, 3), where a comma may follow the last number.
func (p *literal) tuple() (numbers []int) {
	p.expect("(")
	for p.err == nil && !p.accept(")") {
		p.space()
		end := 0
		for end < len(p.rest) && p.rest[end] >= '0' && p.rest[end] <= '9' {
			end++
		}
		n, err := strconv.Atoi(p.rest[:end])
		if err != nil {
			p.fail("a shape with something that is not a length")
			return nil
		}
		numbers, p.rest = append(numbers, n), p.rest[end:]
		if !p.accept(",") {
			p.expect(")")
			break
		}
	}
	return numbers
}
