package dataset

import (
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/trainer/dataset/format"
)

func TestParseSplit(t *testing.T) {
	l, err := parseSplit("s.txt", []byte("train/n01/a b.JPEG 1\ntrain/n00/x.jpg  0\n  \ntrain/n01/c.png\t1"), maxImages)
	require.NoError(t, err)
	require.Equal(t, listing{
		classes: []string{"n00", "n01"}, files: []string{"train/n00/x.jpg", "train/n01/a b.JPEG", "train/n01/c.png"}, labels: []int{0, 1, 1},
	}, l, "by name, whatever the order of the lines")

	marked, err := parseSplit("s.txt", []byte("\ufefftrain/n01/a b.JPEG 1\ntrain/n00/x.jpg  0\n  \ntrain/n01/c.png\t1"), maxImages)
	require.NoError(t, err)
	require.Equal(t, l, marked, "a byte order mark is not a part of the first name")

	for text, want := range map[string][]string{
		"a.jpg 0\nb.jpg 1":                                        {"class 0", "class 1"},      // no folders
		"x/a.jpg 0\ny/b.jpg 0\nz/c.jpg 1":                         {"class 0", "z"},            // two folders
		"v/x/a.jpg 0\nt/x/b.jpg 0\nz/c.jpg 1\nz/d.jpg 2":          {"x", "class 1", "class 2"}, // one folder of two classes
		"n0/images/a.jpg 0\nn1/images/b.jpg 1\nn0/images/c.jpg 0": {"n0", "n1"},                // TinyImageNet
	} {
		l, err := parseSplit("s.txt", []byte(text), maxImages)
		require.NoError(t, err)
		require.Equal(t, want, l.classes, text)
	}
}

func TestParseSplitNamesTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"a.jpg 0\nb.jpg":         `s.txt:2: want two fields, an image and its label, not "b.jpg" at byte 8`,
		"a.jpg 0\nb.jpg x":       `s.txt:2: label "x", want a number from 0 to 9999 at byte 8`,
		"a.jpg -1":               `s.txt:1: label "-1", want a number from 0 to 9999 at byte 0`,
		"a.jpg 10000":            `s.txt:1: label "10000"`,
		"/etc/a.jpg 0":           `s.txt:1: path "/etc/a.jpg", want one relative`,
		"a/../../b.jpg 0":        `s.txt:1: path "a/../../b.jpg", want one relative`,
		"a.jpg 0\r\n\r\na.jpg 0": `s.txt:3: "a.jpg" comes twice, first in line 1`,
		"a.heic 0":               `s.txt:1: "a.heic" is not a supported image file (supported: .png, .jpg, `,
		"\xff\xfea\x00":          `s.txt:0: is UTF-16, want UTF-8`,
		"\ufeffa.jpg 0\nb.jpg":   `not "b.jpg" at byte 11`,
		"a.jpg 0\nb.jpg 2":       `no image of class 1, and the greatest label is 2`,
		"\n\n":                   `s.txt:2: no images`,
		"a.jpg 0\n" + strings.Repeat("b", maxLine+1): `s.txt:2: a line of more than 8192 bytes at byte 8`,
	} {
		_, err := parseSplit("s.txt", []byte(text), maxImages)
		require.ErrorContains(t, err, want)
		var broken *format.Error
		require.ErrorAs(t, err, &broken)
	}
}

func TestASplitFileIsBounded(t *testing.T) {
	text := []byte("a.jpg 0\n\nb.jpg 0\nc.jpg 1\n")
	_, err := parseSplit("s.txt", text, 3)
	require.NoError(t, err)
	_, err = parseSplit("s.txt", text, 2)
	require.EqualError(t, err, "s.txt:4: more than 2 images at byte 17")

	d := folderSpec(t.TempDir())
	d.SplitFile = "large.txt"
	large := write(t, nil, d.Path, d.SplitFile)
	require.NoError(t, os.Truncate(large, maxSplit+1)) // without blocks on the disk
	_, err = Describe(d)
	requireBadData(t, err, "dataset.split: "+large+" is larger than 1024 MiB (valid: a smaller list)")
}

func FuzzSplit(f *testing.F) {
	f.Add([]byte("train/n01/a.JPEG 1\ntrain/n00/x.jpg 0\n"))
	f.Add([]byte("../a.jpg 0"))
	f.Add([]byte("a.jpg 99999999999999999999"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := parseSplit("s.txt", data, maxImages)
		if err != nil {
			var broken *format.Error
			require.ErrorAs(t, err, &broken)
			return
		}
		require.Len(t, l.labels, len(l.files))
		require.NotEmpty(t, l.files)
		seen := make([]bool, len(l.classes))
		for i, file := range l.files {
			require.True(t, fs.ValidPath(file))
			seen[l.labels[i]] = true
		}
		require.NotContains(t, seen, false)
		require.True(t, slices.IsSorted(l.files))
		lines := strings.Split(strings.TrimPrefix(string(data), byteOrderMark), "\n")
		slices.Reverse(lines)
		reversed, err := parseSplit("s.txt", []byte("\n"+strings.Join(lines, "\n")), maxImages)
		require.NoError(t, err)
		require.Equal(t, l, reversed, "the order of the lines has no effect")
	})
}
