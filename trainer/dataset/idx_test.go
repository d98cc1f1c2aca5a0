package dataset

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

func zip(t testing.TB, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err := z.Write(data)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return out.Bytes()
}

func TestParseIDX(t *testing.T) {
	dims, body, err := parseIDX("f", []byte{0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4}, 3)
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
		_, _, err := parseIDX("f", data, 1)
		require.ErrorContains(t, err, want)
		var format *FormatError
		require.ErrorAs(t, err, &format)
	}
}

func TestGunzipNamesTheOffset(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 1000)
	whole := zip(t, data)
	got, err := gunzip("f", bytes.NewReader(whole), int64(len(data)))
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
			_, err := gunzip("f", bytes.NewReader(test.in), test.limit)
			var format *FormatError
			require.ErrorAs(t, err, &format)
			require.ErrorContains(t, err, test.want)
		})
	}
	_, err = gunzip("f", io.MultiReader(bytes.NewReader(whole[:40]), failing{}), 1<<20)
	require.ErrorIs(t, err, errDisk)
	var format *FormatError
	require.False(t, errors.As(err, &format), "the content is not to blame")
}

var errDisk = errors.New("input/output error")

// failing is a fake of a disk that fails.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errDisk }

func TestFolderOfFiles(t *testing.T) {
	dir := t.TempDir()
	d := sweep.Dataset{Name: sweep.FashionMNIST, Path: dir, Size: 28, Imbalance: sweep.Imbalance{Profile: sweep.ProfileNone}}
	loadErr := func() error {
		_, err := Load(d)
		var failure *sweep.FailureError
		require.ErrorAs(t, err, &failure)
		require.Equal(t, sweep.FailBadData, failure.Class)
		return err
	}
	images := filepath.Join(dir, "train-images-idx3-ubyte.gz")
	require.ErrorContains(t, loadErr(), images)
	require.ErrorIs(t, loadErr(), os.ErrNotExist)

	// A path that cannot be right is the spec's fault, and trying again mends nothing.
	require.NoError(t, os.Mkdir(images, 0o700))
	require.ErrorContains(t, loadErr(), "dataset.path: "+images+" is not a regular file")
	require.NoError(t, os.Remove(images))
	require.NoError(t, os.WriteFile(images, nil, 0o600))
	d.Path = images
	require.ErrorContains(t, loadErr(), "dataset.path: ")
	d.Path = dir

	// The test images under the training images' name: a sound file, not the pinned one.
	other, err := builtin.ReadFile("data/t10k-images-idx3-ubyte.gz")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(images, other, 0o600))
	require.ErrorContains(t, loadErr(), images+": its decompressed content has sha256 5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b, want c59f468a")

	require.NoError(t, os.WriteFile(images, other[:len(other)/2], 0o600))
	require.ErrorContains(t, loadErr(), images+": truncated gzip at byte ")

	require.NoError(t, os.WriteFile(images, zip(t, make([]byte, fashionTrain.images.size+1)), 0o600))
	require.ErrorContains(t, loadErr(), images+": more than the expected 47040016 bytes")
}

// TestFullSet runs where TAILSWEEP_TEST_FASHION_MNIST names a folder with the
// training files.
func TestFullSet(t *testing.T) {
	dir := os.Getenv("TAILSWEEP_TEST_FASHION_MNIST")
	if dir == "" {
		t.Skip("TAILSWEEP_TEST_FASHION_MNIST is not set")
	}
	s := load(t, sweep.Dataset{Name: sweep.FashionMNIST, Path: dir, Size: 28, Imbalance: sweep.Imbalance{Profile: sweep.ProfileExp, Factor: 0.01}})
	require.Equal(t, []int{6000, 3596, 2156, 1292, 774, 464, 278, 166, 100, 60}, s.Counts)
	require.Equal(t, 14886, s.Len())
}

func FuzzIDX(f *testing.F) {
	f.Add(zip(f, []byte{0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4}), 3)
	f.Add(zip(f, []byte{0, 0, 8, 1, 255, 255, 255, 255}), 1)
	f.Add([]byte{0x1f, 0x8b}, 1)
	f.Fuzz(func(t *testing.T, data []byte, rank int) {
		const limit = 1 << 16
		plain, err := gunzip("f", bytes.NewReader(data), limit)
		if err != nil {
			var format *FormatError
			require.ErrorAs(t, err, &format)
			return
		}
		require.LessOrEqual(t, len(plain), limit)
		rank = 1 + int(uint(rank)%3)
		dims, body, err := parseIDX("f", plain, rank)
		if err != nil {
			var format *FormatError
			require.ErrorAs(t, err, &format)
			require.LessOrEqual(t, format.Offset, int64(len(plain)))
			return
		}
		size := 1
		for _, d := range dims {
			size *= d
		}
		require.Len(t, body, size)
	})
}
