package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep"
)

// A segment is a line with a header, then one sweep.Trial per line. Its own
// digest is the SHA-256 of all its bytes, which the header of the next segment names as
// previous. So it proves its segment and all segments before. A pack is several
// segments, one after the other, byte for byte.

// header is the first line of a segment, in exactly the form of encoding/json.
type header struct {
	Segment  int    `json:"segment"`
	Previous string `json:"previous"` // own digest of the segment before; for the first one, the digest of the sweep's spec
	Trials   int    `json:"trials"`   // lines that follow
	Digest   string `json:"digest"`   // SHA-256 of these lines, with their newlines
}

// segment is one verified segment.
type segment struct {
	header
	trials    []sweep.Trial
	ownDigest string
	raw       []byte // all of it
}

// Limits of a segment, in bytes.
const (
	maxHeader  = 512
	maxLine    = 1 << 20 // a trial
	maxSegment = store.MaxConditional
)

// digestOf returns the SHA-256 of data in hexadecimal.
func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// encodeSegment writes a segment. Equal arguments give equal bytes. A trial, or a
// segment, above its limit is a bug: package conduct keeps them far below.
func encodeSegment(number int, previous string, trials []sweep.Trial) ([]byte, error) {
	var lines bytes.Buffer
	for _, t := range trials {
		if err := checkTrial(t); err != nil {
			return nil, fmt.Errorf("ledger segment %d: %w", number, err)
		}
		line, err := encodeTrial(t)
		if err != nil {
			return nil, err
		}
		if len(line) > maxLine {
			return nil, tooLarge("the result of trial %d has %d bytes; a ledger line can have %d", t.Number, len(line), maxLine)
		}
		lines.Write(line)
		lines.WriteByte('\n')
	}
	h := header{Segment: number, Previous: previous, Trials: len(trials), Digest: digestOf(lines.Bytes())}
	raw := append(h.encode(), lines.Bytes()...)
	if len(raw) > maxSegment {
		return nil, tooLarge("ledger segment %d has %d bytes; it can have %d", number, len(raw), maxSegment)
	}
	return raw, nil
}

func tooLarge(format string, args ...any) error {
	return sweep.Fail(sweep.FailBug, fmt.Errorf(""+format, args...))
}

// encode writes the header with its newline.
func (h header) encode() []byte {
	data, err := json.Marshal(h)
	if err != nil {
		panic("a header of text and numbers that cannot be written: " + err.Error())
	}
	return append(data, '\n')
}

// damage says what is wrong with bytes of a ledger.
type damage struct{ found, want string }

func (d *damage) Error() string { return d.found + "; expected: " + d.want }

func damaged(want, found string, args ...any) *damage {
	return &damage{found: fmt.Sprintf(found, args...), want: want}
}

// decodeSegments yields the segments of an object, in order. It checks each one by its
// own header; their order is checked by chain.add. An error is a *damage, yielded once,
// last.
func decodeSegments(data []byte) iter.Seq2[segment, error] {
	return func(yield func(segment, error) bool) {
		for len(data) > 0 {
			s, err := decodeSegment(data)
			if err != nil {
				yield(segment{}, err)
				return
			}
			if !yield(s, nil) {
				return
			}
			data = data[len(s.raw):]
		}
	}
}

// decodeSegment reads the segment at the beginning of data.
func decodeSegment(data []byte) (segment, error) {
	h, size, err := decodeHeader(data)
	if err != nil {
		return segment{}, err
	}
	rest := data[size:]
	var lines [][]byte
	for n := range h.Trials {
		line, after, ok := bytes.Cut(rest, []byte{'\n'})
		switch {
		case len(line) > maxLine:
			return segment{}, damaged(fmt.Sprintf("at most %d bytes", maxLine), "line %d of segment %d is longer than %d bytes", n+2, h.Segment, maxLine)
		case !ok:
			return segment{}, damaged(fmt.Sprintf("%d trials, as its header says", h.Trials), "segment %d ends after %d trials", h.Segment, n)
		}
		lines = append(lines, line)
		rest = after
	}
	size = len(data) - len(rest)
	s := segment{header: h, raw: data[:size], ownDigest: digestOf(data[:size])}
	if digest := digestOf(data[len(h.encode()):size]); digest != h.Digest {
		return segment{}, damaged(fmt.Sprintf("digest %.12s, as its header says", h.Digest), "the trials of segment %d have the digest %.12s", h.Segment, digest)
	}
	for i, line := range lines {
		t, err := decodeTrial(line)
		if err != nil {
			return segment{}, damaged("a trial", "line %d of segment %d: %v", i+2, h.Segment, err)
		}
		s.trials = append(s.trials, t)
	}
	return s, nil
}

// decodeHeader reads the line at the beginning of data and returns its size.
func decodeHeader(data []byte) (h header, size int, err error) {
	const want = "a segment's header, as tailsweep writes it"
	end := bytes.IndexByte(data[:min(len(data), maxHeader)], '\n')
	if end < 0 {
		return header{}, 0, damaged(want, "no line at its beginning in %d bytes", min(len(data), maxHeader))
	}
	line := data[:end+1]
	if err := json.Unmarshal(line, &h); err != nil {
		return header{}, 0, damaged(want, "its header cannot be read: %v", err)
	}
	if !bytes.Equal(h.encode(), line) || h.Trials < 0 {
		return header{}, 0, damaged(want, "the header of segment %d was changed", h.Segment)
	}
	return h, len(line), nil
}
