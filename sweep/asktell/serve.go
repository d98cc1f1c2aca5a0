package asktell

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/tailsweep/tailsweep/sweep/sampler"
)

// maxLine is the length of the longest line that is read, in bytes.
const maxLine = 1 << 20

// Serve answers every non-blank line of in with one line to out, until quit or the end
// of in. A mistake of the client is answered; an error is one of in or out.
func Serve(in io.Reader, out io.Writer) error {
	return serve(in, out, &session{newSampler: sampler.New, most: maxTrials})
}

func serve(in io.Reader, out io.Writer, s *session) error {
	lines := bufio.NewReaderSize(in, maxLine)
	for {
		line, err := lines.ReadSlice('\n')
		long := errors.Is(err, bufio.ErrBufferFull)
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = lines.ReadSlice('\n')
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("asktell: read: %w", err)
		}
		var r reply
		quit := false
		switch {
		case long:
			r = failure(fmt.Errorf("a line of more than %d bytes", maxLine))
		case len(bytes.TrimSpace(line)) > 0:
			r, quit = s.do(line)
		case err != nil:
			return nil
		default:
			continue
		}
		if writeErr := write(out, r); writeErr != nil {
			return fmt.Errorf("asktell: write: %w", writeErr)
		}
		if quit || err != nil {
			return nil
		}
	}
}

// write writes one line at once.
func write(out io.Writer, r reply) error {
	var line bytes.Buffer
	e := json.NewEncoder(&line)
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil { // a reason with a number that is not finite
		line.Reset()
		if err := e.Encode(failure(err)); err != nil {
			return err
		}
	}
	_, err := out.Write(line.Bytes())
	return err
}
