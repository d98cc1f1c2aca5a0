package format

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/trainer/trainertest"
)

func TestParseIDX(t *testing.T) {
	dims, body, err := ParseIDX("f", []byte{0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4}, 3)
	require.NoError(t, err)
	require.Equal(t, []int{2, 1, 2}, dims)
	require.Equal(t, []byte{1, 2, 3, 4}, body)

	for want, data := range map[string][]byte{
		"f: the IDX header ends early at byte 5":                              {0, 0, 8, 1, 0},
		"f: magic number 00 00 08 03, want 00 00 08 01 at byte 0":             {0, 0, 8, 3, 0, 0, 0, 0},
		"f: dimensions [4294967295] need more bytes than there are at byte 4": {0, 0, 8, 1, 255, 255, 255, 255},
		"f: dimensions [3] need 3 bytes, 2 follow at byte 10":                 {0, 0, 8, 1, 0, 0, 0, 3, 1, 2},
		"f: dimensions [1] need 1 bytes, 2 follow at byte 9":                  {0, 0, 8, 1, 0, 0, 0, 1, 1, 2},
	} {
		_, _, err := ParseIDX("f", data, 1)
		require.ErrorContains(t, err, want)
		var broken *Error
		require.ErrorAs(t, err, &broken)
	}
}

func TestGunzipNamesTheOffset(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 1000)
	whole := trainertest.Gzip(t, data)
	got, err := Gunzip("f", bytes.NewReader(whole), int64(len(data)))
	require.NoError(t, err)
	require.Equal(t, data, got)

	damaged := bytes.Clone(whole)
	damaged[len(damaged)-6] ^= 1 // its checksum
	tests := map[string]struct {
		in    []byte
		limit int64
		want  string
	}{
		"truncated": {whole[:len(whole)/2], 1 << 20, "truncated gzip"},
		"empty":     {nil, 1 << 20, "truncated gzip at byte 0"},
		"not gzip":  {[]byte("plain text, not gzip"), 1 << 20, "damaged gzip (gzip: invalid header) at byte 0"},
		"checksum":  {damaged, 1 << 20, "damaged gzip (gzip: invalid checksum) at byte 16000"},
		"trailing":  {append(bytes.Clone(whole), "rest"...), 1 << 20, "gzip at byte 16000"},
		"oversized": {whole, 15999, "more than the expected 15999 bytes at byte 15999"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Gunzip("f", bytes.NewReader(test.in), test.limit)
			var broken *Error
			require.ErrorAs(t, err, &broken)
			require.ErrorContains(t, err, test.want)
		})
	}
	_, err = Gunzip("f", io.MultiReader(bytes.NewReader(whole[:40]), failing{}), 1<<20)
	require.ErrorIs(t, err, errDisk)
	var broken *Error
	require.False(t, errors.As(err, &broken), "the content is not to blame")
}

var errDisk = errors.New("input/output error")

// failing is a fake of a disk that fails.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errDisk }

func FuzzIDX(f *testing.F) {
	f.Add(trainertest.Gzip(f, []byte{0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4}), 3)
	f.Add(trainertest.Gzip(f, []byte{0, 0, 8, 1, 255, 255, 255, 255}), 1)
	f.Add([]byte{0x1f, 0x8b}, 1)
	f.Fuzz(func(t *testing.T, data []byte, rank int) {
		const limit = 1 << 16
		plain, err := Gunzip("f", bytes.NewReader(data), limit)
		if err != nil {
			var broken *Error
			require.ErrorAs(t, err, &broken)
			return
		}
		require.LessOrEqual(t, len(plain), limit)
		rank = 1 + int(uint(rank)%3)
		dims, body, err := ParseIDX("f", plain, rank)
		if err != nil {
			var broken *Error
			require.ErrorAs(t, err, &broken)
			require.LessOrEqual(t, broken.Offset, int64(len(plain)))
			return
		}
		size := 1
		for _, d := range dims {
			size *= d
		}
		require.Len(t, body, size)
	})
}
