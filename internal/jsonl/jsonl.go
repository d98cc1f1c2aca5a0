package jsonl

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
)

// LongLineError reports a line that is longer than the reader accepts.
type LongLineError struct {
	Line int // from 1
	Max  int // bytes
}

// Error implements error.
func (e *LongLineError) Error() string {
	return fmt.Sprintf("line %d is longer than %d bytes", e.Line, e.Max)
}

// Lines yields the lines of r without their newlines; a carriage return before the
// newline is removed too. Each line is valid until the next one. A line of more
// than maxLine bytes is a *LongLineError. An error is yielded once, last.
func Lines(r io.Reader, maxLine int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		scan := bufio.NewScanner(r)
		scan.Buffer(nil, maxLine+len("\r\n"))
		n := 1
		// After a read error, what is left may be a part of a line.
		for ; scan.Scan() && scan.Err() == nil && len(scan.Bytes()) <= maxLine; n++ {
			if !yield(scan.Bytes(), nil) {
				return
			}
		}
		err := scan.Err()
		if errors.Is(err, bufio.ErrTooLong) || len(scan.Bytes()) > maxLine {
			err = &LongLineError{Line: n, Max: maxLine}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// Decode yields the values of r, one a line; an empty line is an error. Errors name
// the line, and are yielded once, last.
func Decode[T any](r io.Reader, maxLine int) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		n := 0
		for line, err := range Lines(r, maxLine) {
			n++
			var v T
			if err == nil {
				if err = json.Unmarshal(line, &v); err != nil {
					err = fmt.Errorf("line %d: %w", n, err)
				}
			}
			if !yield(v, err) || err != nil {
				return
			}
		}
	}
}

// DecodeAll returns the values of r, one a line, or the first error.
func DecodeAll[T any](r io.Reader, maxLine int) ([]T, error) {
	var all []T
	for v, err := range Decode[T](r, maxLine) {
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// Encode encodes values as JSON Lines.
func Encode[T any](values []T) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	for _, v := range values {
		if err := enc.Encode(v); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}
