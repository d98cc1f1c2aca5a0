package dataset

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/dataset/imagefile"
	"github.com/tailsweep/tailsweep/trainer/dataset/npy"
)

// coloured is a set of three classes of colour images, whose names are no names of folders in
// part.
func coloured() *Set {
	s := &Set{Name: sweep.ImageFolder, Size: 8, Channels: 3, About: About{Classes: []string{"b/c", "bag", "Größe"}, Counts: []int{2, 3, 1}}}
	s.Groups = sweep.ClassGroups{Head: []int{1}, Medium: []int{0}, Tail: []int{2}}
	var levels []byte
	for class, n := range s.Counts {
		s.Labels = append(s.Labels, slices.Repeat([]int{class}, n)...)
	}
	for i := range len(s.Labels) * s.pixels() {
		levels = append(levels, byte(i*i+i/7))
	}
	s.Images = InMemory(Values(levels), s.pixels())
	return s
}

// files is the content of every file below dir.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, fs.WalkDir(os.DirFS(dir), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, path))
		all[path] = string(data)
		return err
	}))
	return all
}

func TestWriteFolderHasTheImagesInTheirOrder(t *testing.T) {
	s, dir := coloured(), filepath.Join(t.TempDir(), "out")
	require.NoError(t, os.Mkdir(dir, 0o755), "an empty folder may be there")
	require.NoError(t, s.WriteFolder(dir, nil))
	written := files(t, dir)
	require.Len(t, written, s.Len()+1)
	folders := []string{"b_c-0", "bag", "Größe"}
	for i, label := range s.Labels {
		image, err := s.Image(i)
		require.NoError(t, err)
		pixels := make([]byte, s.pixels())
		name := fmt.Sprintf("%s/%06d.png", folders[label], i)
		require.NoError(t, imagefile.Decode(name, []byte(written[name]), pixels, imagefile.Options{Size: 8, Channels: 3}))
		require.Equal(t, image, Values(pixels), name)
	}
	var about Exported
	require.NoError(t, json.Unmarshal([]byte(written[ExportName]), &about))
	digest, err := s.Digest()
	require.NoError(t, err)
	require.Equal(t, Exported{Name: sweep.ImageFolder, Size: 8, Channels: 3, Images: 6, Digest: digest, Classes: []ExportedClass{
		{"b/c", "b_c-0", "medium", 2}, {"bag", "bag", "head", 3}, {"Größe", "Größe", "tail", 1},
	}}, about)

	again := filepath.Join(t.TempDir(), "again")
	require.NoError(t, s.WriteFolder(again, nil))
	require.Equal(t, written, files(t, again), "equal bytes")
}

func TestWriteNPZ(t *testing.T) {
	s, path := coloured(), filepath.Join(t.TempDir(), "out.npz")
	require.NoError(t, s.WriteNPZ(path, false, nil))
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	archive, err := npy.OpenArchive(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	array := func(name, header string) *npy.Array {
		a, ok, err := archive.Open(name)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, header, a.String())
		return a
	}
	levels, err := io.ReadAll(array(ImagesArray, "|u1 (6, 8, 8, 3)"))
	require.NoError(t, err)
	want, _, err := s.Gather([]int{0, 1, 2, 3, 4, 5})
	require.NoError(t, err)
	require.Equal(t, want, Values(levels))
	labels, err := array(LabelsArray, "<i8 (6,)").Integers(6)
	require.NoError(t, err)
	require.Equal(t, []int64{0, 0, 1, 1, 1, 2}, labels)
	classes, err := array(ClassesArray, "<U5 (3,)").Texts(3)
	require.NoError(t, err)
	require.Equal(t, s.Classes, classes)

	again := filepath.Join(t.TempDir(), "again.npz")
	require.NoError(t, s.WriteNPZ(again, false, nil))
	other, err := os.ReadFile(again)
	require.NoError(t, err)
	require.Equal(t, data, other, "equal bytes")
}

// The published sets with a size of 16 have values between two grey levels: they are rounded,
// and that is said; exact keeps them.
func TestMeansAreRounded(t *testing.T) {
	d := sweep.Dataset{Name: sweep.FashionMNIST10k, Size: 28, Imbalance: sweep.Imbalance{Profile: sweep.ProfileExp, Factor: 0.01}}
	whole, err := Load(d)
	require.NoError(t, err)
	about, err := whole.Exported()
	require.NoError(t, err)
	require.False(t, about.Rounded)
	d.Size = 16
	means, err := Load(d)
	require.NoError(t, err)
	about, err = means.Exported()
	require.NoError(t, err)
	require.True(t, about.Rounded)

	path := filepath.Join(t.TempDir(), "exact.npz")
	require.NoError(t, means.WriteNPZ(path, true, nil))
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	first, err := means.Image(0)
	require.NoError(t, err)
	var want bytes.Buffer
	require.NoError(t, binary.Write(&want, binary.LittleEndian, first))
	require.Contains(t, string(data), "'descr': '<f4', 'fortran_order': False, 'shape': (2478, 16, 16), }")
	require.True(t, bytes.Contains(data, want.Bytes()))
}

// An error while it writes leaves nothing.
func TestAnInterruptedExportLeavesNothing(t *testing.T) {
	s, dir, stop := coloured(), t.TempDir(), errors.New("stop")
	interrupt := func(done, _ int) error {
		if done == 3 {
			return stop
		}
		return nil
	}
	require.ErrorIs(t, s.WriteFolder(filepath.Join(dir, "a"), interrupt), stop)
	require.ErrorIs(t, s.WriteNPZ(filepath.Join(dir, "a.npz"), false, interrupt), stop)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "mine"), nil, 0o600))
	require.Error(t, s.WriteFolder(dir, nil), "a folder with files is not replaced")
	require.Equal(t, []string{"mine"}, slices.Collect(maps.Keys(files(t, dir))))
	left, err = os.ReadDir(filepath.Dir(dir))
	require.NoError(t, err)
	for _, e := range left {
		require.False(t, strings.HasPrefix(e.Name(), "."), e.Name())
	}
}
