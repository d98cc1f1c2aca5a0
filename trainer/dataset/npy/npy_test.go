package npy

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func content(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return data
}

func archive(t testing.TB, data []byte) *Archive {
	t.Helper()
	a, err := OpenArchive(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	return a
}

func open(t testing.TB, a *Archive, name string) *Array {
	t.Helper()
	array, ok, err := a.Open(name)
	require.NoError(t, err)
	require.True(t, ok)
	t.Cleanup(func() { require.NoError(t, array.Close()) })
	return array
}

// The files that NumPy wrote: testdata/make.py.
func TestReadsTheFilesOfNumPy(t *testing.T) {
	for _, file := range []string{"stored.npz", "deflated.npz"} {
		a := archive(t, content(t, file))
		images := open(t, a, "images")
		require.Equal(t, "|u1 (2, 3, 4)", images.String())
		values, err := images.Integers(24)
		require.NoError(t, err)
		for i, v := range values {
			require.EqualValues(t, i, v)
		}
		labels, err := open(t, a, "labels").Integers(2)
		require.NoError(t, err)
		require.Equal(t, []int64{1, -2}, labels)
		_, ok, err := a.Open("label")
		require.NoError(t, err)
		require.False(t, ok)
	}
	a := archive(t, content(t, "stored.npz"))
	require.Equal(t, []string{"classes", "images", "labels"}, a.Names())
	classes, err := open(t, a, "classes").Texts(3)
	require.NoError(t, err)
	require.Equal(t, []string{"coat", "Größe", "猫"}, classes)
	_, err = open(t, a, "classes").Integers(3)
	require.ErrorContains(t, err, "values of type <U5 (valid: integers)")
	_, err = open(t, a, "labels").Texts(3)
	require.ErrorContains(t, err, "values of type <i2 (valid: text)")
	_, err = open(t, a, "labels").Integers(1)
	require.ErrorContains(t, err, "2 values (valid: at most 1)")

	for file, want := range map[string]string{"version2.npy": "|u1 (2, 3, 4)", "scalar.npy": "<u8 ()"} {
		array, err := NewArray(io.NopCloser(bytes.NewReader(content(t, file))))
		require.NoError(t, err)
		require.Equal(t, want, array.String())
		values, err := array.Integers(24)
		require.NoError(t, err)
		if file == "scalar.npy" {
			require.Equal(t, []int64{7}, values)
		}
	}
}

func TestRefusesOtherArrays(t *testing.T) {
	for file, want := range map[string]string{
		"fortran.npy":   "Fortran order (valid: C order, which numpy.ascontiguousarray makes)",
		"bigendian.npy": `type ">i2": big endian is not read`,
		"float.npy":     `type "<f4": floating-point numbers are not read`,
		"object.npy":    `type "|O"`,
		"record.npy":    "an array of records",
		"bool.npy":      `type "|b1" (valid: integers`,
		"make.py":       "not an array of NumPy",
	} {
		_, err := ReadHeader(bytes.NewReader(content(t, file)))
		require.ErrorContains(t, err, want, file)
	}
	header := func(text string) []byte {
		return append([]byte(magic+"\x01\x00"+string([]byte{byte(len(text)), byte(len(text) >> 8)})), text...)
	}
	for text, want := range map[string]string{
		`{'descr': '|u1', 'fortran_order': False, 'shape': (9223372036854775807, 2), }`: "is too large",
		`{'descr': '<i8', 'fortran_order': False, 'shape': (0, 4611686018427387904), }`: "is too large",
		`{'descr': '|u1', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }`:      "9 dimensions (valid: at most 8)",
		`{'descr': '|u1', 'fortran_order': False, 'shape': (-1,), }`:                    "not a length",
		`{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999,), }`:  "not a length",
		`{'descr': '|u1', 'fortran_order': False, }`:                                    "a key is missing",
		`{'descr': '|u1', 'descr': '|u1', 'shape': (), }`:                               "twice",
		`{'descr': '|u1', 'fortran_order': False, 'shape': (), 'x': 1}`:                 `the key "x"`,
		`{'descr': '|u1', 'fortran_order': False, 'shape': ()} x`:                       "text after its end",
		`{'descr': '|u1`:          "without an end",
		`{'descr': '|u3'}`:        "1, 2, 4 or 8 bytes",
		`{'descr': '<U99999999'}`: "more than",
		`{'descr': ''}`:           `type ""`,
		``:                        `no "{"`,
	} {
		_, err := ReadHeader(bytes.NewReader(header(text)))
		require.ErrorContains(t, err, want, text)
	}
	_, err := ReadHeader(strings.NewReader(magic + "\x03\x00\x00\x00\x00\x00"))
	require.ErrorContains(t, err, "version 3.0 of NumPy's format (valid: 1.0, 2.0)")
	_, err = ReadHeader(strings.NewReader(magic + "\x02\x00\xff\xff\xff\xff"))
	require.ErrorContains(t, err, "a header of 4294967295 bytes (valid: at most 65536)", "refused before the memory is taken")
}

// Every file that is cut is an error, wherever the cut is.
func TestCutFiles(t *testing.T) {
	whole := content(t, "version2.npy")
	for n := range whole {
		array, err := NewArray(io.NopCloser(bytes.NewReader(whole[:n])))
		if err == nil {
			_, err = array.Integers(24)
		}
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, n)
	}
	array, err := NewArray(io.NopCloser(bytes.NewReader(append(bytes.Clone(whole), 1))))
	require.NoError(t, err)
	_, err = array.Integers(24)
	require.ErrorContains(t, err, "bytes follow the last value")

	whole = content(t, "deflated.npz")
	for n := range whole {
		_, err := OpenArchive(bytes.NewReader(whole[:n]), int64(n))
		require.ErrorContains(t, err, "no zip file, or cut off", n)
	}
}

// A damaged byte of the values is found by the checksum of the archive.
func TestDamagedArchive(t *testing.T) {
	data := content(t, "stored.npz")
	at := bytes.Index(data, []byte{5, 6, 7, 8, 9})
	require.Positive(t, at)
	data[at]++
	_, err := open(t, archive(t, data), "images").Integers(24)
	require.ErrorIs(t, err, zip.ErrChecksum)
}

func TestLargeDirectoriesAndDuplicatesAreRefused(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := range 9000 {
		_, err := z.Create(fmt.Sprintf("%0100d.npy", i))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	_, err := OpenArchive(bytes.NewReader(b.Bytes()), int64(b.Len()))
	require.ErrorContains(t, err, "its list of arrays has more than 1048576 bytes")

	b.Reset()
	z = zip.NewWriter(&b)
	for range 2 {
		_, err := z.Create("images.npy")
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	_, err = OpenArchive(bytes.NewReader(b.Bytes()), int64(b.Len()))
	require.ErrorContains(t, err, `the array "images" is in it twice`)
}

// What is written is what NumPy writes: headers byte for byte.
func TestWritesAsNumPyDoes(t *testing.T) {
	var b bytes.Buffer
	w := NewWriter(&b)
	images, err := w.Create("images", Header{Type: Uint8, Shape: []int{2, 3, 4}})
	require.NoError(t, err)
	for i := range 24 {
		_, err := images.Write([]byte{byte(i)})
		require.NoError(t, err)
	}
	require.NoError(t, w.Integers("labels", []int{1, -2}))
	require.NoError(t, w.Texts("classes", []string{"coat", "Größe", "猫"}))
	require.NoError(t, w.Texts("none", nil))
	require.NoError(t, w.Close())

	member := func(data []byte, name string) []byte {
		z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		require.NoError(t, err)
		f, err := z.Open(name)
		require.NoError(t, err)
		got, err := io.ReadAll(f)
		require.NoError(t, err)
		return got
	}
	for _, name := range []string{"images.npy", "classes.npy"} {
		require.Equal(t, member(content(t, "stored.npz"), name), member(b.Bytes(), name), name)
	}
	labels, err := open(t, archive(t, b.Bytes()), "labels").Integers(2)
	require.NoError(t, err)
	require.Equal(t, []int64{1, -2}, labels)
	none, err := open(t, archive(t, b.Bytes()), "none").Texts(0)
	require.NoError(t, err)
	require.Empty(t, none)
}

// Whatever the file is, an array has as many bytes as its header says, or reading it is an
// error; nothing panics.
func FuzzArray(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.npy"))
	require.NoError(f, err)
	for _, file := range files {
		f.Add(content(f, filepath.Base(file)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		array, err := NewArray(io.NopCloser(bytes.NewReader(data)))
		if err != nil {
			return
		}
		require.GreaterOrEqual(t, array.Bytes(), int64(0))
		if array.Type.Kind == 'U' {
			texts, err := array.Texts(1000)
			require.True(t, err != nil || int64(len(texts)) == array.Len())
			return
		}
		values, err := array.Integers(1000)
		require.True(t, err != nil || int64(len(values)) == array.Len())
		var again bytes.Buffer
		require.NoError(t, WriteHeader(&again, array.Header))
		header, err := ReadHeader(&again)
		require.NoError(t, err)
		require.Equal(t, array.String(), header.String())
	})
}

func FuzzArchive(f *testing.F) {
	f.Add(content(f, "stored.npz"))
	f.Add(content(f, "deflated.npz"))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := OpenArchive(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		for _, name := range a.Names() {
			array, ok, err := a.Open(name)
			require.True(t, ok)
			if err != nil {
				continue
			}
			n, err := io.Copy(io.Discard, io.LimitReader(array, 1<<16))
			require.True(t, err != nil || n == min(1<<16, array.Bytes()))
			if err := array.Close(); err != nil && !errors.Is(err, zip.ErrFormat) {
				t.Log(err)
			}
		}
	})
}
