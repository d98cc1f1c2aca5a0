package jsonl_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/jsonl"
)

func TestDecodeReadsLinesOfAnyLength(t *testing.T) {
	long := strings.Repeat("x", 300_000) // more than the default of a bufio.Scanner
	for name, text := range map[string]string{
		"a last newline":   `"a"` + "\n" + `"` + long + `"` + "\n" + `"b"` + "\n",
		"no last newline":  `"a"` + "\n" + `"` + long + `"` + "\n" + `"b"`,
		"carriage returns": `"a"` + "\r\n" + `"` + long + `"` + "\r\n" + `"b"` + "\r\n",
		"spaces":           `"a"` + " \n" + `"` + long + `" ` + "\n" + `"b"`,
	} {
		t.Run(name, func(t *testing.T) {
			got, err := jsonl.DecodeAll[string](strings.NewReader(text), 1<<20)
			require.NoError(t, err)
			require.Equal(t, []string{"a", long, "b"}, got)
		})
	}
	got, err := jsonl.DecodeAll[string](strings.NewReader(""), 10)
	require.NoError(t, err)
	require.Empty(t, got)
}

func TestDecodeNamesTheLine(t *testing.T) {
	_, err := jsonl.DecodeAll[int](strings.NewReader("1\n2\nx\n4\n"), 10)
	require.ErrorContains(t, err, "line 3")
	_, err = jsonl.DecodeAll[int](strings.NewReader("1\n\n3\n"), 10)
	require.ErrorContains(t, err, "line 2")

	_, err = jsonl.DecodeAll[int](strings.NewReader("1\n123456\n"), 5)
	var long *jsonl.LongLineError
	require.ErrorAs(t, err, &long)
	require.Equal(t, 2, long.Line)
	got, err := jsonl.DecodeAll[int](strings.NewReader("1\n12345\n"), 5)
	require.NoError(t, err)
	require.Equal(t, []int{1, 12345}, got)
	_, err = jsonl.DecodeAll[string](strings.NewReader("\"1\"\n\"123456789\"\r\n"), 5)
	require.ErrorAs(t, err, &long)
	got, err = jsonl.DecodeAll[int](strings.NewReader("1\r\n12345\r\n"), 5)
	require.NoError(t, err)
	require.Equal(t, []int{1, 12345}, got)
}

func TestLinesReportsAReadError(t *testing.T) {
	broken := errors.New("connection reset")
	r := io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken))
	var got []string
	var last error
	for line, err := range jsonl.Lines(r, 10) {
		if err == nil {
			got = append(got, string(line))
		}
		last = err
	}
	require.Equal(t, []string{"a"}, got)
	require.ErrorIs(t, last, broken)
}
