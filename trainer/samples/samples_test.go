package samples

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/dataset/imagefile"
	"github.com/tailsweep/tailsweep/trainer/dataset/npy"
)

const side = 8

var (
	classes = []string{"bag", "a/b", "2", "coat"}
	folders = []string{"bag", "1", "2", "3"} // by name, by number, by a name that is a number, by number
	grey    = Form{Size: side, Channels: 1, Classes: classes}
	rgb     = Form{Size: side, Channels: 3, Classes: classes}
)

// levels is a made-up image `[S, S, channels]`.
func levels(seed, channels int) []byte {
	out := make([]byte, side*side*channels)
	for i := range out {
		out[i] = byte(seed*37 + i*i)
	}
	return out
}

func encode(t testing.TB, pixels []byte) []byte {
	t.Helper()
	data, err := imagefile.Encode(pixels, side)
	require.NoError(t, err)
	return data
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, data, 0o600))
}

// folder has n images of each class, with the given number of channels.
func folder(t testing.TB, n, channels int) string {
	t.Helper()
	dir := t.TempDir()
	for class, name := range folders {
		for k := range n {
			write(t, filepath.Join(dir, name, fmt.Sprintf("%03d.png", k)), encode(t, levels(10*class+k, channels)))
		}
	}
	return dir
}

// array is an .npz file with the images of folder, in an order in which classes alternate.
func array(t testing.TB, n, channels int, names []string) string {
	t.Helper()
	var b bytes.Buffer
	w := npy.NewWriter(&b)
	shape := []int{n * len(classes), side, side, channels}
	if channels == 1 {
		shape = shape[:3]
	}
	images, err := w.Create("images", npy.Header{Type: npy.Uint8, Shape: shape})
	require.NoError(t, err)
	var labels []int
	for k := range n {
		for class := range classes {
			_, err := images.Write(levels(10*class+k, channels))
			require.NoError(t, err)
			labels = append(labels, class)
		}
	}
	require.NoError(t, w.Integers("labels", labels))
	if names != nil {
		require.NoError(t, w.Texts("classes", names))
	}
	require.NoError(t, w.Close())
	path := filepath.Join(t.TempDir(), "x.npz")
	write(t, path, b.Bytes())
	return path
}

func read(t testing.TB, path string, f Form, perClass int) (*Set, error) {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { require.NoError(t, s.Close()) }()
	return s.Read(t.Context(), f, perClass)
}

// refused is the message of an error of class bad_data.
func refused(t testing.TB, err error) string {
	t.Helper()
	var failure *sweep.FailureError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, sweep.FailBadData, failure.Class, err)
	return err.Error()
}

// seal makes a checkpoint of a program of a folder.
func seal(t testing.TB, fill func(dir string)) string {
	t.Helper()
	staging := t.TempDir()
	dir := filepath.Join(staging, "program")
	require.NoError(t, os.Mkdir(dir, 0o755))
	fill(dir)
	final, err := checkpoint.Seal(staging, dir, checkpoint.Manifest{Step: 1}, nil)
	require.NoError(t, err)
	return final
}

// Each form of the same samples gives the same set.
func TestAllFormsGiveTheSameSamples(t *testing.T) {
	for _, f := range []Form{grey, rgb} {
		dir := folder(t, 3, f.Channels)
		npz := array(t, 3, f.Channels, classes)
		unpacked := t.TempDir()
		data, err := os.ReadFile(npz)
		require.NoError(t, err)
		archive, err := npy.OpenArchive(bytes.NewReader(data), int64(len(data)))
		require.NoError(t, err)
		for _, name := range []string{"images", "labels"} {
			a, ok, err := archive.Open(name)
			require.NoError(t, err)
			require.True(t, ok)
			var b bytes.Buffer
			require.NoError(t, npy.WriteHeader(&b, a.Header))
			_, err = b.ReadFrom(a)
			require.NoError(t, err)
			write(t, filepath.Join(unpacked, name+".npy"), b.Bytes())
		}
		var want []byte
		for class := range classes {
			want = slices.Concat(want, levels(10*class, f.Channels), levels(10*class+1, f.Channels))
		}
		for name, path := range map[string]string{
			"folder":           dir,
			"sealed folder":    seal(t, func(to string) { require.NoError(t, os.CopyFS(filepath.Join(to, "samples"), os.DirFS(dir))) }),
			"npz":              npz,
			"npz in a folder":  seal(t, func(to string) { write(t, filepath.Join(to, "samples.npz"), data) }),
			"npy":              unpacked,
			"unsealed samples": filepath.Dir(symlink(t, dir, "samples")),
		} {
			set, err := read(t, path, f, 2)
			require.NoError(t, err, name)
			require.Equal(t, dataset.Values(want), set.Images, name)
			require.Equal(t, []int{0, 0, 1, 1, 2, 2, 3, 3}, set.Labels, name)
			require.Equal(t, []int{3, 3, 3, 3}, set.Available, name)
			require.Equal(t, []string{"the first 2 samples of each class were used, of up to 3"}, set.Notes, name)
			whole, err := read(t, path, f, 3)
			require.NoError(t, err, name)
			require.Empty(t, whole.Notes, name)
			require.Len(t, whole.Labels, 12, name)
		}
	}
}

// symlink makes a link of this name to dir.
func symlink(t testing.TB, dir, name string) string {
	t.Helper()
	link := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.Symlink(dir, link))
	return link
}

func TestTheFirstByName(t *testing.T) {
	dir := folder(t, 2, 1)
	write(t, filepath.Join(dir, "bag", "0.png"), encode(t, levels(99, 1)))
	set, err := read(t, dir, grey, 1)
	require.NoError(t, err)
	require.Equal(t, dataset.Values(levels(99, 1)), set.Images[:side*side], "0.png is before 000.png")
	require.Equal(t, []int{3, 2, 2, 2}, set.Available)
	source, err := Open(dir)
	require.NoError(t, err)
	size, err := source.Side()
	require.NoError(t, err)
	require.Equal(t, side, size)
	require.NoError(t, source.Close())
}

// What does not fit is refused, with the file, what it is and what is valid.
func TestFoldersThatAreRefused(t *testing.T) {
	save := func(img image.Image, jpg bool) []byte {
		var b bytes.Buffer
		if jpg {
			require.NoError(t, jpeg.Encode(&b, img, nil))
		} else {
			require.NoError(t, png.Encode(&b, img))
		}
		return b.Bytes()
	}
	frame := image.Rect(0, 0, side, side)
	cut := encode(t, levels(0, 1))
	for want, c := range map[string]struct {
		form Form
		file string
		data []byte
	}{
		"bag/x.png: an image of 9x8 pixels (valid: 8x8, the dataset's size)":                           {grey, "bag/x.png", save(image.NewGray(image.Rect(0, 0, 9, 8)), false)},
		"bag/x.png: an image with colours (valid: grey, as the dataset is)":                            {grey, "bag/x.png", encode(t, levels(0, 3))},
		"bag/x.png: a grey image (valid: RGB, as the dataset is)":                                      {rgb, "bag/x.png", encode(t, levels(0, 1))},
		"bag/x.jpeg: a grey image (valid: RGB":                                                         {rgb, "bag/x.jpeg", save(image.NewGray(frame), true)},
		"bag/x.png: an image of 16 bits a channel (valid: 8 bits)":                                     {grey, "bag/x.png", save(image.NewGray16(frame), false)},
		"bag/x.png: an image with transparent pixels (valid: opaque pixels)":                           {rgb, "bag/x.png", save(image.NewNRGBA(frame), false)},
		"bag/x.png: truncated PNG":                                                                     {grey, "bag/x.png", cut[:40]},
		"bag/x.png: empty file":                                                                        {grey, "bag/x.png", nil},
		"bag/x.png: none of the formats":                                                               {grey, "bag/x.png", []byte("<html>")},
		"hat: is not a class of the dataset (valid: a class's name, or its number from 0: bag, a/b, 2": {grey, "hat/x.png", encode(t, levels(0, 1))},
		"4: is not a class of the dataset":                                                             {grey, "4/x.png", encode(t, levels(0, 1))},
		"coat: is the second folder of class 3 (coat), after 3 (valid: one folder for each class)":     {grey, "coat/x.png", encode(t, levels(0, 1))},
		"/x.png: is in no folder of a class (valid: CLASS/NAME.png":                                    {grey, "x.png", encode(t, levels(0, 1))},
		"bag/x.webp: is an image or array in another format":                                           {grey, "bag/x.webp", nil},
		"bag/x.npy: is an image or array in another format":                                            {grey, "bag/x.npy", nil},
	} {
		dir := folder(t, 1, c.form.Channels)
		write(t, filepath.Join(dir, filepath.FromSlash(c.file)), c.data)
		if strings.HasPrefix(c.file, "bag/") { // in its place
			require.NoError(t, os.Remove(filepath.Join(dir, "bag", "000.png")))
		}
		_, err := read(t, dir, c.form, 1)
		require.Contains(t, refused(t, err), want)
		require.Contains(t, err.Error(), dir, "the whole path")
		sealed := seal(t, func(to string) { require.NoError(t, os.CopyFS(filepath.Join(to, "samples"), os.DirFS(dir))) })
		_, err = read(t, sealed, c.form, 1)
		require.Contains(t, refused(t, err), strings.TrimPrefix(want, "/"), "and in a checkpoint")
	}
}

func TestOtherFilesOfAFolder(t *testing.T) {
	dir := folder(t, 1, 1)
	for _, name := range []string{"CARD.md", "bag/notes.txt", ".DS_Store", "bag/.x.png", "@eaDir/x.png"} {
		write(t, filepath.Join(dir, name), nil)
	}
	set, err := read(t, dir, grey, 1)
	require.NoError(t, err)
	require.Equal(t, []string{"2 files of " + dir + " are no images and were ignored"}, set.Notes)

	nested := folder(t, 1, 1)
	require.NoError(t, os.Mkdir(filepath.Join(nested, "bag", "more"), 0o755))
	_, err = Open(nested)
	require.Contains(t, refused(t, err), "bag/more: is a folder inside the folder of a class")
	pipe := folder(t, 1, 1)
	require.NoError(t, syscall.Mkfifo(filepath.Join(pipe, "bag", "x.png"), 0o600))
	_, err = Open(pipe)
	require.Contains(t, refused(t, err), "bag/x.png: is a link or no plain file")
	linked := folder(t, 1, 1)
	require.NoError(t, os.Symlink(filepath.Join(linked, "2", "000.png"), filepath.Join(linked, "bag", "x.png")))
	_, err = Open(linked)
	require.Contains(t, refused(t, err), "bag/x.png: is a link or no plain file")
}

// The number of samples is checked before an image is read.
func TestTooFewSamples(t *testing.T) {
	for _, path := range []string{folder(t, 2, 1), array(t, 2, 1, nil)} {
		_, err := read(t, path, grey, 3)
		require.Contains(t, refused(t, err), "evaluate.samples_per_class: "+path+" has 2 samples of class bag (3; valid: at most 2, or more samples)")
	}
	dir := folder(t, 1, 1)
	require.NoError(t, os.Remove(filepath.Join(dir, "bag", "000.png")))
	_, err := read(t, dir, grey, 1)
	require.Contains(t, refused(t, err), "no sample of 1 of 4 classes: bag (valid: samples of every class)")
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "1")))
	_, err = read(t, dir, grey, 1)
	require.Contains(t, refused(t, err), "no sample of 2 of 4 classes: bag, a/b")
	empty := t.TempDir()
	_, err = read(t, empty, grey, 1)
	require.Contains(t, refused(t, err), "no sample of 4 of 4 classes")
	source, err := Open(empty)
	require.NoError(t, err)
	_, err = source.Side()
	require.Contains(t, refused(t, err), "has no samples (valid: CLASS/NAME.png")
}

// Grey images that are stored as RGB lose nothing.
func TestGreyImagesInRGB(t *testing.T) {
	tripled := func(pixels []byte) (out []byte) {
		for _, v := range pixels {
			out = append(out, v, v, v)
		}
		return out
	}
	dir := t.TempDir()
	for _, name := range folders {
		write(t, filepath.Join(dir, name, "x.png"), encode(t, tripled(levels(5, 1))))
	}
	set, err := read(t, dir, grey, 1)
	require.NoError(t, err)
	require.Equal(t, dataset.Values(levels(5, 1)), set.Images[:side*side])
	require.Equal(t, []string{"RGB images without colours were read as grey"}, set.Notes)
	for i := range 256 {
		one, err := imagefile.DecodeAsIs("x", encode(t, bytes.Repeat([]byte{byte(i)}, 3*side*side)), make([]byte, side*side), side, 1)
		require.NoError(t, err)
		require.True(t, one)
	}

	for channel := range 3 { // one pixel with a little of one colour
		pixels := tripled(levels(5, 1))
		pixels[3*17+channel] ^= 1
		_, err := imagefile.DecodeAsIs("x", encode(t, pixels), make([]byte, side*side), side, 1)
		require.ErrorContains(t, err, "x: an image with colours")
	}

	jpg := image.NewYCbCr(image.Rect(0, 0, side, side), image.YCbCrSubsampleRatio420)
	for i := range jpg.Cb {
		jpg.Cb[i], jpg.Cr[i] = 128, 128
	}
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, jpg, nil))
	for _, name := range folders {
		require.NoError(t, os.RemoveAll(filepath.Join(dir, name)))
		write(t, filepath.Join(dir, name, "x.JPG"), b.Bytes())
	}
	_, err = read(t, dir, grey, 1)
	require.NoError(t, err)
}

func TestArraysThatAreRefused(t *testing.T) {
	type member struct {
		header npy.Header
		data   []byte
	}
	pixels := bytes.Repeat([]byte{1, 2, 3}, side*side*4)
	shape := func(n ...int) member {
		size := 1
		for _, side := range n {
			size *= side
		}
		return member{npy.Header{Type: npy.Uint8, Shape: n}, append(pixels, make([]byte, max(0, size-len(pixels)))...)[:size]}
	}
	four := member{npy.Header{Type: npy.Uint8, Shape: []int{4}}, []byte{0, 1, 2, 3}}
	for want, c := range map[string]struct {
		form    Form
		members map[string]member
	}{
		`has no array images, but ["labels"] (valid: images (uint8,`:                                {grey, map[string]member{"labels": four}},
		`has no array labels, but ["images"]`:                                                       {grey, map[string]member{"images": shape(4, 8, 8)}},
		"the array images: has 3 images, and labels has 4 (valid: equally many)":                    {grey, map[string]member{"images": shape(3, 8, 8), "labels": four}},
		"the array images: shape [4 3 8 8] has the channels first (valid: uint8":                    {rgb, map[string]member{"images": shape(4, 3, 8, 8), "labels": four}},
		"the array images: shape [4 8 9] (valid: uint8":                                             {grey, map[string]member{"images": shape(4, 8, 9), "labels": four}},
		"the array images: shape [4 8 8 2] (valid":                                                  {grey, map[string]member{"images": shape(4, 8, 8, 2), "labels": four}},
		"the array images: shape [4] (valid":                                                        {grey, map[string]member{"images": shape(4), "labels": four}},
		"the array images: type <i8 (valid: uint8":                                                  {grey, map[string]member{"images": {npy.Header{Type: npy.Int64, Shape: []int{4, 8, 8}}, nil}, "labels": four}},
		"the array images: type \"<f4\": floating-point numbers are not read":                       {grey, map[string]member{"images": {npy.Header{Type: npy.Float32, Shape: []int{4, 8, 8}}, nil}, "labels": four}},
		"images of 16x16 pixels (valid: 8x8, the dataset's size)":                                   {grey, map[string]member{"images": shape(4, 16, 16), "labels": four}},
		"grey images (valid: RGB, [N, S, S, 3], as the dataset is)":                                 {rgb, map[string]member{"images": shape(4, 8, 8), "labels": four}},
		"image 0 has colours (valid: grey images, as the dataset is)":                               {grey, map[string]member{"images": shape(4, 8, 8, 3), "labels": four}},
		"the array images: cut off":                                                                 {grey, map[string]member{"images": {npy.Header{Type: npy.Uint8, Shape: []int{4, 8, 8}}, pixels[:100]}, "labels": four}},
		"the array labels: |u1 (2, 2) (valid: integers of shape [N])":                               {grey, map[string]member{"images": shape(4, 8, 8), "labels": shape(2, 2)}},
		"labels[3] is 4 (valid: 0 to 3)":                                                            {grey, map[string]member{"images": shape(4, 8, 8), "labels": {four.header, []byte{0, 1, 2, 4}}}},
		"labels[1] is -1 (valid: 0 to 3)":                                                           {grey, map[string]member{"images": shape(4, 8, 8), "labels": {npy.Header{Type: npy.Type{Kind: 'i', Size: 1}, Shape: []int{4}}, []byte{0, 255, 2, 3}}}},
		"the array labels: 1000001 values (valid: at most 1000000)":                                 {grey, map[string]member{"images": shape(4, 8, 8), "labels": {npy.Header{Type: npy.Uint8, Shape: []int{1_000_001}}, nil}}},
		`its array classes has ["\x00"], and the dataset's classes are ["bag" "a/b" "2" "coat"] (v`: {grey, map[string]member{"images": shape(4, 8, 8), "labels": four, "classes": {npy.Header{Type: npy.Text(2), Shape: []int{1}}, []byte{0, 0, 0, 0, 1, 0, 0, 0}}}},
	} {
		var b bytes.Buffer
		w := npy.NewWriter(&b)
		for name, m := range c.members {
			out, err := w.Create(name, m.header)
			require.NoError(t, err)
			_, err = out.Write(m.data)
			require.NoError(t, err)
		}
		require.NoError(t, w.Close())
		path := filepath.Join(t.TempDir(), "x.npz")
		write(t, path, b.Bytes())
		_, err := read(t, path, c.form, 1)
		require.Contains(t, strings.ReplaceAll(refused(t, err), `\x00\x01`, `\x00`), want)
		require.Contains(t, err.Error(), path)
	}
	for want, path := range map[string]string{
		"not an archive of NumPy":                   filepath.Join(folder(t, 1, 1), "bag.npz"),
		"is no folder and no .npz file (valid: a f": filepath.Join(folder(t, 1, 1), "bag.zip"),
	} {
		write(t, path, []byte("PK"))
		_, err := read(t, path, grey, 1)
		require.Contains(t, refused(t, err), want)
	}
	_, err := read(t, filepath.Join(t.TempDir(), "none"), grey, 1)
	require.Contains(t, refused(t, err), "none: no such file or directory")
}

func TestSamplesInTwoFormsOrNone(t *testing.T) {
	npz, err := os.ReadFile(array(t, 1, 1, nil))
	require.NoError(t, err)
	both := seal(t, func(to string) {
		write(t, filepath.Join(to, "samples.npz"), npz)
		write(t, filepath.Join(to, "samples", "bag", "x.png"), nil)
	})
	_, err = Open(both)
	require.Contains(t, refused(t, err), "has samples in two forms: samples.tar, samples.npz (valid: one of them)")
	_, err = Open(seal(t, func(to string) { write(t, filepath.Join(to, "weights"), nil) }))
	require.Contains(t, refused(t, err), "is a checkpoint without samples (valid: one with samples.tar or samples.npz)")
}

func TestReadingEndsWithTheContext(t *testing.T) {
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	tar := seal(t, func(to string) {
		require.NoError(t, os.CopyFS(filepath.Join(to, "samples"), os.DirFS(folder(t, 1, 1))))
	})
	for _, path := range []string{folder(t, 1, 1), array(t, 1, 1, nil), tar} {
		s, err := Open(path)
		require.NoError(t, err)
		_, err = s.Read(ctx, grey, 1)
		require.ErrorIs(t, err, stop, path)
		require.NoError(t, s.Close())
	}
}

// Whatever the file is, it is read or refused.
func FuzzArrays(f *testing.F) {
	for _, path := range []string{array(f, 1, 1, nil), array(f, 1, 3, classes)} {
		data, err := os.ReadFile(path)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { readAny(t, "x.npz", data) })
}

func FuzzTar(f *testing.F) {
	data, err := os.ReadFile(filepath.Join(seal(f, func(to string) {
		require.NoError(f, os.CopyFS(filepath.Join(to, "samples"), os.DirFS(folder(f, 1, 1))))
	}), "samples.tar"))
	require.NoError(f, err)
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) { readAny(t, "samples.tar", data) })
}

// readAny reads a file of any content: it gives one sample of each class, or an error of class bad data.
func readAny(t *testing.T, name string, data []byte) {
	path := filepath.Join(t.TempDir(), name)
	write(t, path, data)
	if name == checkpoint.SamplesName {
		path = filepath.Dir(path)
	}
	set, err := read(t, path, grey, 1)
	if err != nil {
		refused(t, err)
		return
	}
	require.Len(t, set.Images, side*side*len(classes))
	require.Equal(t, []int{0, 1, 2, 3}, set.Labels)
}
