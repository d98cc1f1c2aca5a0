package dataset

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/dataset/format"
	"github.com/tailsweep/tailsweep/trainer/trainertest"
)

// smallCIFAR is a set like CIFAR-100 in two files of n records each, and their contents.
func smallCIFAR(n int) (*cifar, [][]byte) {
	c := &cifar{archive: Pin{Name: "small.tar.gz"}, folder: "small-bin", labels: 2, classes: 3}
	var contents [][]byte
	for file := range 2 {
		var data []byte
		for record := range n {
			data = append(data, 99, byte(record%3)) // coarse, fine
			for i := range cifarImage {
				data = append(data, byte(file*100+record+i/cifarPlane))
			}
		}
		sum := sha256.Sum256(data)
		c.files = append(c.files, Pin{[]string{"one.bin", "two.bin"}[file], int64(len(data)), hex.EncodeToString(sum[:])})
		contents = append(contents, data)
	}
	return c, contents
}

type member struct {
	name string
	kind byte
	data []byte
}

func pack(t testing.TB, members ...member) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, m := range members {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: m.name, Typeflag: m.kind, Size: int64(len(m.data)), Mode: 0o644, Linkname: map[bool]string{true: "/etc/passwd"}[m.kind == tar.TypeSymlink]}))
		_, err := w.Write(m.data)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return trainertest.Gzip(t, out.Bytes())
}

func write(t testing.TB, data []byte, path ...string) string {
	t.Helper()
	name := filepath.Join(path...)
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
	require.NoError(t, os.WriteFile(name, data, 0o600))
	return name
}

func TestCIFARFromEveryForm(t *testing.T) {
	c, contents := smallCIFAR(4)
	archive := pack(t,
		member{"small-bin/", tar.TypeDir, nil}, member{"small-bin/readme.html", tar.TypeReg, []byte("hello")},
		member{"small-bin/two.bin", tar.TypeReg, contents[1]}, member{"../../one.bin", tar.TypeReg, []byte("not mine")}, member{"./small-bin/one.bin", tar.TypeReg, contents[0]})
	dir := t.TempDir()
	paths := map[string]string{"archive": write(t, archive, dir, "a", "any.tar.gz"), "folder of the archive": filepath.Dir(write(t, archive, dir, "b", "small.tar.gz"))}
	for i, pin := range c.files {
		paths["files"] = filepath.Dir(write(t, contents[i], dir, "c", pin.Name))
		paths["folder of the folder"] = filepath.Dir(filepath.Dir(write(t, contents[i], dir, "d", "small-bin", pin.Name)))
	}
	for form, path := range paths {
		t.Run(form, func(t *testing.T) {
			s, err := c.open(sweep.Dataset{Path: path, Size: 32})
			require.NoError(t, err)
			require.Equal(t, []int{0, 1, 2, 0, 0, 1, 2, 0}, s.labels, "the fine label")
			im, err := s.images([]int{5}, 32*32*3, Loader{})
			require.NoError(t, err)
			px := make([]float32, 32*32*3)
			require.NoError(t, im.Read(px, 0)) // file 1, record 1: 101, 102, 103
			require.InDeltaSlice(t, []float64{101/127.5 - 1, 102/127.5 - 1, 103/127.5 - 1}, []float64{float64(px[30]), float64(px[31]), float64(px[32])}, 1e-6)
		})
	}
}

func TestSize16AveragesThePlanes(t *testing.T) {
	planes := make([]byte, cifarImage)
	at := func(channel, y, x int) *byte { return &planes[channel*cifarPlane+y*32+x] }
	*at(0, 0, 2), *at(0, 1, 3) = 100, 20 // red (0,1) of 16x16
	*at(2, 31, 31) = 255                 // blue (15,15)
	got := make([]float32, 16*16*3)
	colourImage(got, planes, 16)
	for i, v := range got {
		want := map[int]float64{3 * 1: 120.0 / 4, 3*255 + 2: 255.0 / 4}[i]/127.5 - 1
		require.InDelta(t, want, v, 1e-6, "number %d", i)
	}
}

func TestCIFARNamesTheFault(t *testing.T) {
	c, contents := smallCIFAR(4)
	record := 2 + cifarImage
	whole := pack(t, member{"small-bin/one.bin", tar.TypeReg, contents[0]}, member{"small-bin/two.bin", tar.TypeReg, contents[1]})
	mislabelled := bytes.Clone(contents[0])
	mislabelled[2*record+1] = 3
	other := bytes.Clone(contents[0])
	other[17]++
	with := func(one []byte) []byte {
		return pack(t, member{"small-bin/one.bin", tar.TypeReg, one}, member{"small-bin/two.bin", tar.TypeReg, contents[1]})
	}
	for name, test := range map[string]struct {
		archive []byte
		want    string
	}{
		"truncated":    {whole[:len(whole)-100], "x.tar.gz: truncated archive at byte "},
		"empty":        {nil, "x.tar.gz: truncated gzip at byte 0"},
		"not gzip":     {[]byte("something else, long enough"), "x.tar.gz: damaged gzip (gzip: invalid header) at byte 0"},
		"not tar":      {trainertest.Gzip(t, bytes.Repeat([]byte("x"), 2000)), "x.tar.gz: damaged archive (archive/tar: invalid tar header) at byte 512 of its decompressed content"},
		"file missing": {pack(t, member{"small-bin/one.bin", tar.TypeReg, contents[0]}), "x.tar.gz: truncated archive at byte "},
		"link":         {pack(t, member{"small-bin/one.bin", tar.TypeSymlink, nil}), "x.tar.gz: small-bin/one.bin is not a regular file at byte 512"},
		"twice":        {pack(t, member{"small-bin/one.bin", tar.TypeReg, contents[0]}, member{"small-bin/one.bin", tar.TypeReg, contents[0]}), "small-bin/one.bin comes twice at byte "},
		"short file":   {with(contents[0][:record]), "x.tar.gz: one.bin: truncated: want 12296 bytes at byte 3074"},
		"long file":    {with(append(bytes.Clone(contents[0]), 1)), "x.tar.gz: one.bin: more than the expected 12296 bytes at byte 12296"},
		"mislabelled":  {with(mislabelled), "x.tar.gz: one.bin: label 3, want 0 to 2 at byte 6149"},
		"other pixels": {with(other), "x.tar.gz: one.bin has sha256 "},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.open(sweep.Dataset{Path: write(t, test.archive, t.TempDir(), "x.tar.gz")})
			requireBadData(t, err, test.want)
		})
	}
	_, err := c.unpack("x", io.MultiReader(bytes.NewReader(whole[:40]), failing{}))
	require.ErrorIs(t, err, errDisk, "the content is not to blame")

	dir := t.TempDir()
	_, err = c.open(sweep.Dataset{Name: sweep.CIFAR10, Path: dir})
	require.ErrorContains(t, err, "has neither small.tar.gz nor one.bin; `tailsweep data pull cifar-10` downloads the archive")
	write(t, contents[0][:100], dir, "one.bin")
	_, err = c.open(sweep.Dataset{Path: dir})
	require.ErrorContains(t, err, "one.bin: truncated: want 12296 bytes at byte 100")
}

// An archive may claim to be small and unpack to anything.
func TestUnpackingIsBounded(t *testing.T) {
	c, _ := smallCIFAR(4)
	bomb := pack(t, member{"small-bin/huge", tar.TypeReg, make([]byte, 1<<20)}, member{"small-bin/one.bin", tar.TypeReg, make([]byte, 1<<20)})
	_, err := c.unpack("x", bytes.NewReader(bomb))
	require.ErrorContains(t, err, "x: one.bin: more than the expected 12296 bytes")
}

func TestPublishedCIFAR(t *testing.T) {
	require.Equal(t, sweep.Dataset{Name: sweep.CIFAR10}.Classes(), cifar10.classes)
	require.Equal(t, sweep.Dataset{Name: sweep.CIFAR100}.Classes(), cifar100.classes)
	for _, c := range []*cifar{cifar10, cifar100} {
		images := int64(0)
		for _, pin := range append(c.files, c.archive) {
			require.Len(t, pin.SHA256, 64)
		}
		for _, pin := range c.files {
			require.Zero(t, pin.Size%int64(c.labels+cifarImage))
			images += pin.Size / int64(c.labels+cifarImage)
		}
		require.EqualValues(t, 50000, images)
	}
}

// TestRealCIFAR runs where TAILSWEEP_TEST_CIFAR names a folder with both archives.
func TestRealCIFAR(t *testing.T) {
	dir := os.Getenv("TAILSWEEP_TEST_CIFAR")
	if dir == "" {
		t.Skip("TAILSWEEP_TEST_CIFAR is not set")
	}
	for name, want := range map[string]int{sweep.CIFAR10: 12406, sweep.CIFAR100: 10847} {
		s := load(t, sweep.Dataset{Name: name, Path: dir, Size: 32, Imbalance: sweep.Imbalance{Profile: sweep.ProfileExp, Factor: 0.01}})
		require.Equal(t, want, s.Len(), name)
	}
}

func FuzzCIFAR(f *testing.F) {
	c, contents := smallCIFAR(1)
	f.Add(pack(f, member{"small-bin/one.bin", tar.TypeReg, contents[0]}, member{"small-bin/two.bin", tar.TypeReg, contents[1]}))
	f.Add(pack(f, member{"small-bin/one.bin", tar.TypeSymlink, nil}))
	f.Add([]byte{0x1f, 0x8b})
	f.Fuzz(func(t *testing.T, data []byte) {
		contents, err := c.unpack("f", bytes.NewReader(data))
		if err != nil {
			var broken *format.Error
			require.ErrorAs(t, err, &broken)
		} else {
			require.Len(t, contents, 2)
			data = contents[0]
		}
		images, labels, err := c.parse("f", data)
		if err != nil {
			var broken *format.Error
			require.ErrorAs(t, err, &broken)
			require.LessOrEqual(t, broken.Offset, int64(len(data)))
			return
		}
		require.Len(t, images, len(data)/(2+cifarImage))
		for i, l := range labels {
			require.Less(t, l, 3)
			require.Len(t, images[i], cifarImage)
		}
	})
}

// A small archive of the form loads and is split as CIFAR is, at both sizes.
func TestSplitOfACIFARArchive(t *testing.T) {
	c, contents := smallCIFAR(12)
	path := write(t, pack(t, member{"small-bin/one.bin", tar.TypeReg, contents[0]}, member{"small-bin/two.bin", tar.TypeReg, contents[1]}), t.TempDir(), "small.tar.gz")
	for _, size := range []int{32, 16} {
		d := sweep.Dataset{Path: path, Size: size, Name: sweep.CIFAR10, Imbalance: sweep.Imbalance{Profile: sweep.ProfileExp, Factor: 0.25, Seed: 1}}
		src, err := c.open(d)
		require.NoError(t, err)
		src.classes = []string{"a", "b", "c"}
		s, err := Loader{}.split(d, src)
		require.NoError(t, err)
		require.Equal(t, []int{8, 4, 2}, s.Counts)
		require.Len(t, pixelsOf(t, s), 14*size*size*3)
		for i, label := range s.Labels {
			px := imageOf(t, s, i)
			level := (px[0] + 1) * 127.5 // 100 file + record, and the class is record % 3
			require.InDelta(t, label, int(level+.5)%100%3, 0)
			require.InDelta(t, 1, (px[1]-px[0])*127.5, 1e-3, "channels are last")
		}
	}
}
