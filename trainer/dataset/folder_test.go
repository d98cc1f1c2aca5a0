package dataset

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// solid is an image of one colour.
func solid(w, h int, c color.Color) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.Set(x, y, c)
		}
	}
	return img
}

func pngOf(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, img))
	return b.Bytes()
}

// animals is a folder of three classes, with 5, 2 and 3 images, of which image k of
// a class has red 10k.
func animals(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for class, n := range map[string]int{"cat": 5, "ant": 2, "bee/images": 3} {
		for k := range n {
			write(t, pngOf(t, solid(20, 12, color.RGBA{uint8(10 * k), 100, 200, 255})), dir, class, fmt.Sprintf("%d.png", k))
		}
	}
	write(t, []byte("n0 1 2 3 4"), dir, "bee", "boxes.txt")
	write(t, []byte("readme"), dir, "README.png.txt")
	write(t, nil, dir, ".cache", "x.png")
	write(t, nil, dir, "cat", ".DS_Store")
	return dir
}

func folderSpec(dir string) sweep.Dataset {
	return sweep.Dataset{Name: sweep.ImageFolder, Path: dir, FolderClasses: 3, FolderChannels: 3, Size: 8, Imbalance: sweep.Imbalance{Profile: sweep.ProfileNone}}
}

func TestLoadFolder(t *testing.T) {
	d := folderSpec(animals(t))
	s := load(t, d)
	require.Equal(t, []string{"ant", "bee", "cat"}, s.Classes, "sorted")
	require.Equal(t, []int{2, 3, 5}, s.Counts)
	require.Equal(t, []int{0, 0, 1, 1, 1, 2, 2, 2, 2, 2}, s.Labels)
	require.Len(t, pixelsOf(t, s), 10*8*8*3)
	seen := map[int]bool{}
	for i := 5; i < 10; i++ {
		px := imageOf(t, s, i)
		seen[int((px[0]+1)*127.5+.5)] = true
		require.InDelta(t, 100/127.5-1, px[1], 1e-6)
		require.InDelta(t, 200/127.5-1, px[8*8*3-1], 1e-6)
	}
	require.Equal(t, map[int]bool{0: true, 10: true, 20: true, 30: true, 40: true}, seen, "each image once")
	require.Equal(t, digestOf(t, s), digestOf(t, load(t, d)))

	about, err := Describe(d)
	require.NoError(t, err)
	require.Equal(t, About{
		Classes: s.Classes, Available: s.Counts, Counts: s.Counts, Groups: sweep.ClassGroups{Head: []int{2}, Medium: []int{1}, Tail: []int{0}},
		LeftOut: []LeftOut{
			{leftSystem, 2, []string{".cache/", "cat/.DS_Store"}}, {leftOther, 2, []string{"README.png.txt", "bee/boxes.txt"}},
		},
	}, about)

	d.FolderChannels = 1
	grey := load(t, d)
	require.Len(t, pixelsOf(t, grey), 10*8*8)
	require.NotEqual(t, digestOf(t, s), digestOf(t, grey))

	d.Imbalance = sweep.Imbalance{Profile: sweep.ProfileStep, Factor: 0.5}
	require.Equal(t, []int{2, 2, 1}, load(t, d).Counts, "of the smallest class's 2")
	whole, err := Balanced(d)
	require.NoError(t, err)
	require.Equal(t, digestOf(t, grey), digestOf(t, whole))
}

// Files names the file of each image of Load, whatever the split keeps.
func TestFilesAreThoseOfLoad(t *testing.T) {
	d := folderSpec(animals(t))
	for _, im := range []sweep.Imbalance{{Profile: sweep.ProfileNone}, {Profile: sweep.ProfileStep, Factor: 0.5, Seed: 3}} {
		d.Imbalance = im
		s := load(t, d)
		paths, err := Files(d)
		require.NoError(t, err)
		require.Len(t, paths, s.Len())
		for i, path := range paths {
			var k int
			_, err := fmt.Sscanf(filepath.Base(path), "%d.png", &k)
			require.NoError(t, err)
			require.InDelta(t, float64(10*k)/127.5-1, imageOf(t, s, i)[0], 1e-6, path)
			require.Contains(t, path, s.Classes[s.Labels[i]])
		}
	}
	paths, err := Files(sweep.Dataset{Name: sweep.FashionMNIST10k, Size: 16})
	require.NoError(t, err)
	require.Nil(t, paths, "its images are not files")
}

func TestLoadSplit(t *testing.T) {
	d := folderSpec(animals(t))
	d.SplitFile = "lists/train.txt"
	write(t, []byte("cat/3.png 0\n\ncat/1.png\t0\r\nant/0.png 1\nbee/images/2.png 2\n"), d.Path, d.SplitFile)
	s := load(t, d)
	require.Equal(t, []string{"cat", "ant", "bee"}, s.Classes, "as the labels say")
	require.Equal(t, []int{2, 1, 1}, s.Counts)

	d.Reference = "lists/val.txt"
	write(t, []byte("cat/0.png 0\nant/1.png 1\nbee/images/0.png 2"), d.Path, d.Reference)
	real, err := Balanced(d)
	require.NoError(t, err)
	require.Equal(t, []int{1, 1, 1}, real.Counts)

	require.NoError(t, os.RemoveAll(filepath.Join(d.Path, "lists")))
	write(t, []byte("cat/3.png 0\nant/0.png 1\nbee/images/2.png 2\n"), d.Path, "train.txt")
	d.SplitFile, d.Reference = "train.txt", d.Path // its order is another
	_, err = Balanced(d)
	require.ErrorContains(t, err, `dataset.reference: class 0 is "ant", and in dataset.path "cat"`)
}

func TestFolderNamesTheFault(t *testing.T) {
	whole := pngOf(t, solid(8, 8, color.White))
	for want, change := range map[string]func(d *sweep.Dataset){
		"dataset.classes: is 4, but ":                                                          func(d *sweep.Dataset) { d.FolderClasses = 4 },
		"dog contains no readable image (found x.heic; supported: PNG, JPEG, ":                 func(d *sweep.Dataset) { write(t, nil, d.Path, "dog", "x.heic") },
		"has 4 classes: ant, bee, cat, dog (valid: 4)":                                         func(d *sweep.Dataset) { write(t, whole, d.Path, "dog", "x.gif") },
		"has 3 classes: ant, bee, cat; left out 1: a folder without an image (dog/)":           func(d *sweep.Dataset) { d.FolderClasses = 4; write(t, nil, d.Path, "dog", "x.csv") },
		"ant/7.jpg: none of the formats PNG, JPEG, WebP, GIF, BMP, TIFF, begins with 47 49 46": func(d *sweep.Dataset) { write(t, []byte("GIF"), d.Path, "ant", "7.jpg") },
		"ant/7.jpg: empty file at byte 0":                                                      func(d *sweep.Dataset) { write(t, nil, d.Path, "ant", "7.jpg") },
		"ant/7.png: damaged PNG (png: invalid format: unexpected EOF) at byte ":                func(d *sweep.Dataset) { write(t, whole[:len(whole)-20], d.Path, "ant", "7.png") },
		"nowhere: no such file or directory; the files must be on":                             func(d *sweep.Dataset) { d.Path = "/nowhere" },
		"dataset.split: stat ":                                                                 func(d *sweep.Dataset) { d.SplitFile = "no.txt" },
	} {
		t.Run(want, func(t *testing.T) {
			d := folderSpec(animals(t))
			change(&d)
			_, err := Load(d)
			requireBadData(t, err, want)
		})
	}
}

// The listing of a folder with more images than the limit ends at the first image too many,
// in whatever class it is. Other files do not count.
func TestTheImagesOfAFolderAreBounded(t *testing.T) {
	d := folderSpec(animals(t))
	l, err := listing{limits: limits{images: 10}}.folders(d)
	require.NoError(t, err)
	require.Len(t, l.files, 10)
	for _, most := range []int{9, 5, 1} {
		l, err := listing{limits: limits{images: most}}.folders(d)
		requireBadData(t, err, fmt.Sprintf("dataset.path: %s has more than %d images (valid: fewer, or dataset.split, a list of those that are used)", d.Path, most))
		require.Len(t, l.files, most, "no more are listed")
	}
	all, err := listFolders(d)
	require.NoError(t, err)
	require.Equal(t, maxImages, all.limits.images)
}

// A reference that is missing, or has other classes, is reported as such, without
// an image being decoded.
func TestReferenceNamesTheFault(t *testing.T) {
	for want, change := range map[string]func(d *sweep.Dataset){
		"dataset.reference: open /nowhere: no such file or directory; the files must": func(d *sweep.Dataset) { d.Reference = "/nowhere" },
		"dataset.reference: stat /nowhere/val.txt: no such file":                      func(d *sweep.Dataset) { d.Reference = "/nowhere/val.txt" },
		"dataset.reference: dataset.classes: is 3, but ": func(d *sweep.Dataset) {
			d.Reference = t.TempDir()
			write(t, nil, d.Reference, "ant", "no image.png")
		},
		`dataset.reference: class 1 is "bat", and in dataset.path "bee"`: func(d *sweep.Dataset) {
			d.Reference = t.TempDir()
			for _, class := range []string{"ant", "bat", "cat"} {
				write(t, nil, d.Reference, class, "no image.png")
			}
		},
		"dataset.path: open /elsewhere: no such file": func(d *sweep.Dataset) { d.Path, d.Reference = "/elsewhere", d.Path },
	} {
		d := folderSpec(animals(t))
		change(&d)
		_, err := Balanced(d)
		requireBadData(t, err, want)
		var failure *sweep.FailureError
		require.ErrorAs(t, err, &failure)
		require.Contains(t, failure.Message, want, "what a child reports")
		_, err = DescribeBalanced(d)
		require.EqualError(t, err, failure.Error())
	}
}

// A class without images cannot be trained on: the factor of an image folder is
// checked against its smallest class, which is known from the files only.
func TestNoClassIsLeftWithoutImages(t *testing.T) {
	d := folderSpec(animals(t))
	for want, imbalance := range map[string]sweep.Imbalance{
		"dataset.imbalance.factor: 0.2 leaves no images in class 1 (bee) and in 1 more classes: the largest class keeps 2, the number of images of the smallest (valid: at least 0.5)": {Profile: sweep.ProfileExp, Factor: 0.2},
		"dataset.imbalance.factor: 0.4 leaves no images in class 2 (cat): the largest class keeps 2, ":                                                                                 {Profile: sweep.ProfileStep, Factor: 0.4},
	} {
		d.Imbalance = imbalance
		_, err := Load(d)
		requireBadData(t, err, want)
		_, described := Describe(d)
		require.EqualError(t, described, err.Error())
	}
	for most := 1; most < 3000; most++ { // floating point: 1/49 of 49 is less than 1
		im := sweep.Imbalance{Profile: sweep.ProfileExp, Factor: leastFactor(most)}
		require.NotContains(t, sweep.Counts(im, 10, most), 0, most)
		require.LessOrEqual(t, im.Factor, 1.01/float64(most), most)
	}
}

// A split file must not lead out of its folder, by links either.
func TestSplitStaysInItsFolder(t *testing.T) {
	outside := write(t, pngOf(t, solid(8, 8, color.White)), t.TempDir(), "secret.png")
	d := folderSpec(animals(t))
	d.FolderClasses = 1
	require.NoError(t, os.Symlink(outside, filepath.Join(d.Path, "cat", "file.png")))
	require.NoError(t, os.Symlink(filepath.Dir(outside), filepath.Join(d.Path, "out")))
	for line, want := range map[string]string{
		"cat/file.png 0":    "cat/file.png is not a regular file",
		"out/secret.png 0":  "escapes",
		"../x/secret.png 0": "want one relative to the folder",
		outside + " 0":      "want one relative to the folder",
		"cat/gone.png 0":    "cat/gone.png: ",
	} {
		d.SplitFile = write(t, []byte(line), t.TempDir(), "split.txt")
		_, err := Load(d)
		requireBadData(t, err, want)
	}
}

// Of several broken images the first is reported, whichever core finds one first.
func TestTheFirstBrokenImageIsReported(t *testing.T) {
	for range 20 {
		err := each(200, Loader{}, func(k int) error {
			if k >= 50 {
				return fmt.Errorf("image %d", k)
			}
			return nil
		})
		require.EqualError(t, err, "image 50")
	}
}

// Files of a folder that are not read are counted by reason and named, and make no
// class; training logs it.
func TestWhatIsLeftOutIsNamed(t *testing.T) {
	d := folderSpec(animals(t))
	clean := load(t, d)
	whole := pngOf(t, solid(8, 8, color.White))
	for _, name := range []string{
		"@eaDir/x.png", "ant/@eaDir/0.png/SYNOPHOTO_THUMB_S.png", "__MACOSX/ant/._0.png", "ant/Thumbs.db", "ant/._0.png", "bee/desktop.ini",
		"lost+found/x.png", "ant/.thumbnails/0.png", "loose.jpg", "ant/a.heic", "ant/b.avif", "bee/c.svg", "bee/d.webm", "notes/read.me",
	} {
		write(t, whole, d.Path, name)
	}
	s, lines := loadLogged(t, d)
	require.Equal(t, digestOf(t, clean), digestOf(t, s))
	about, err := Describe(d)
	require.NoError(t, err)
	got := map[string]LeftOut{}
	for _, l := range about.LeftOut {
		require.Contains(t, lines, d.Path+": "+l.String())
		got[l.Reason] = l
	}
	require.Equal(t, map[string]LeftOut{
		leftSystem:     {leftSystem, 10, []string{".cache/", "@eaDir/", "__MACOSX/"}},
		leftUnreadable: {leftUnreadable, 4, []string{"ant/a.heic", "ant/b.avif", "bee/c.svg"}},
		leftOutside:    {leftOutside, 1, []string{"loose.jpg"}},
		leftNoClass:    {leftNoClass, 1, []string{"notes/"}},
		leftOther:      {leftOther, 3, []string{"README.png.txt", "bee/boxes.txt", "notes/read.me"}},
	}, got)
	require.Equal(t, "left out 1: a folder without an image (notes/)", got[leftNoClass].String())
	require.Contains(t, got[leftUnreadable].String(), "left out 4: an image or video in a format that is not read (PNG, JPEG, WebP, GIF, BMP, TIFF are) (ant/a.heic, ant/b.avif, bee/c.svg, ...)")
	require.True(t, Wanted("ant/x.WEBP") && Wanted("train.txt") && !Wanted("a/@eaDir/x.png") && !Wanted("a/._x.png") && !Wanted("x.heic"))
}

// A background is part of what an image becomes, in the cache too.
func TestBackgroundOfTransparentImages(t *testing.T) {
	files := emptyCache(t)
	d := folderSpec(animals(t))
	write(t, pngOf(t, image.NewNRGBA(image.Rect(0, 0, 8, 8))), d.Path, "ant", "0.png")
	levels := func(background string) (low, high float32) {
		d.Background = background
		s := load(t, d)
		return min(imageOf(t, s, 0)[0], imageOf(t, s, 1)[0]), max(imageOf(t, s, 0)[0], imageOf(t, s, 1)[0])
	}
	low, high := levels("")
	require.InDeltaSlice(t, []float64{10/127.5 - 1, 1}, []float64{float64(low), float64(high)}, 1e-6, "white")
	low, _ = levels("black")
	require.EqualValues(t, -1, low)
	require.Len(t, files(pixelSuffix), 2)
	d.Background = "grey"
	_, err := Load(d)
	require.ErrorContains(t, err, `dataset.background: "grey" is not a colour (valid: white, black, #rrggbb)`)
}

func link(t *testing.T, to string, path ...string) {
	t.Helper()
	name := filepath.Join(path...)
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
	require.NoError(t, os.Symlink(to, name))
}

// Links are left out, or followed where they stay in the folder; the same images have the
// same digest either way.
func TestLinks(t *testing.T) {
	d := folderSpec(animals(t))
	want := digestOf(t, load(t, d))
	outside := t.TempDir()
	write(t, pngOf(t, solid(8, 8, color.White)), outside, "x.png")
	link(t, "0.png", d.Path, "cat", "link.png")
	link(t, outside, d.Path, "elk")
	link(t, filepath.Join(outside, "x.png"), d.Path, "cat", "out.png")
	link(t, "nothing.png", d.Path, "cat", "dead.png")
	link(t, "..", d.Path, "cat", "up")
	link(t, ".", d.Path, "cat", "self")
	s := load(t, d)
	require.Equal(t, want, digestOf(t, s))
	require.Contains(t, s.LeftOut, LeftOut{leftLink, 6, []string{"cat/dead.png", "cat/link.png", "cat/out.png"}})

	d.FollowLinks = true
	s = load(t, d)
	require.Equal(t, []int{2, 3, 6}, s.Counts)
	require.Contains(t, s.LeftOut, LeftOut{leftDeadLink, 1, []string{"cat/dead.png"}})
	require.Contains(t, s.LeftOut, LeftOut{leftOutLink, 2, []string{"cat/out.png", "elk"}})
	require.Contains(t, s.LeftOut, LeftOut{leftLoop, 2, []string{"cat/self/", "cat/up/"}})

	linked := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(linked, ".real"), os.DirFS(animals(t))))
	for _, class := range []string{"ant", "bee", "cat"} {
		link(t, filepath.Join(".real", class), linked, class)
	}
	d.Path = linked
	require.Equal(t, want, digestOf(t, load(t, d)))
	held, err := HeldOut(d)
	require.NoError(t, err)
	require.Equal(t, []int{0, 0, 0}, held)
}

// Images that cannot be read are reported together, or left out.
func TestUnreadableImages(t *testing.T) {
	d := folderSpec(animals(t))
	want := digestOf(t, load(t, d))
	for i := range 23 {
		write(t, []byte("GIF"), d.Path, "ant", fmt.Sprintf("x%02d.png", i))
	}
	_, err := Load(d)
	requireBadData(t, err, "dataset.path: 23 images cannot be read:\n  "+filepath.Join(d.Path, "ant", "x00.png")+": none of")
	require.ErrorContains(t, err, "x19.png")
	require.NotContains(t, err.Error(), "x20.png")
	require.ErrorContains(t, err, "\n  and 3 more\n")
	require.ErrorContains(t, err, "dataset.skip_unreadable: true")

	d.SkipUnreadable = true
	for range 2 { // the second time from the cache
		s := load(t, d)
		require.Equal(t, want, digestOf(t, s))
		require.Equal(t, []int{2, 3, 5}, s.Available)
		left := s.LeftOut[len(s.LeftOut)-1]
		require.Equal(t, 23, left.Count)
		require.Equal(t, leftBroken, left.Reason)
		require.Len(t, left.First, 20)
	}
	about, err := Describe(d)
	require.NoError(t, err)
	require.Equal(t, []int{2, 3, 5}, about.Counts)
	write(t, pngOf(t, solid(8, 8, color.White)), d.Path, "ant", "x05.png")
	require.Equal(t, []int{3, 3, 5}, load(t, d).Counts, "repaired")
	write(t, nil, d.Path, "dog", "0.png")
	d.FolderClasses = 0
	_, err = Load(d)
	requireBadData(t, err, "no image of class 3 (dog) can be read")
}

// The same images have one digest, however they are given.
func TestOneDigestOfTheSameImages(t *testing.T) {
	dir := animals(t)
	t.Chdir(filepath.Dir(dir))
	elsewhere, linked, hard := filepath.Join(t.TempDir(), "elsewhere"), t.TempDir(), t.TempDir()
	require.NoError(t, os.CopyFS(elsewhere, os.DirFS(dir)))
	link(t, dir, linked, "folder")
	inside := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(inside, ".real"), os.DirFS(dir)))
	link(t, ".real/ant", inside, "ant")
	link(t, ".real/bee", inside, "bee")
	var lines []string
	for class, folder := range []string{"ant", "bee/images", "cat"} {
		for k := range []int{2, 3, 5}[class] {
			name := fmt.Sprintf("%s/%d.png", folder, k)
			lines = append(lines, fmt.Sprintf("%s %d", name, class))
			require.NoError(t, os.MkdirAll(filepath.Join(hard, folder), 0o755))
			require.NoError(t, os.Link(filepath.Join(dir, name), filepath.Join(hard, name)))
			if folder == "cat" {
				link(t, "../.real/"+name, inside, name)
			}
		}
	}
	split := func(change func(lines []string)) string {
		order := slices.Clone(lines)
		change(order)
		return write(t, []byte(strings.Join(order, "\n")), t.TempDir(), "s.txt")
	}
	r := rand.New(rand.NewPCG(1, 0))
	for _, im := range []sweep.Imbalance{{Profile: sweep.ProfileNone, Seed: 2}, {Profile: sweep.ProfileStep, Factor: 0.5, Seed: 3}} {
		d := folderSpec(dir)
		d.Imbalance = im
		want := digestOf(t, load(t, d))
		for what, change := range map[string]func(d *sweep.Dataset){
			"slash":      func(d *sweep.Dataset) { d.Path += "/" },
			"relative":   func(d *sweep.Dataset) { d.Path = filepath.Base(d.Path) },
			"detour":     func(d *sweep.Dataset) { d.Path = d.Path + "/cat/./../../" + filepath.Base(d.Path) },
			"copy":       func(d *sweep.Dataset) { d.Path = elsewhere },
			"link":       func(d *sweep.Dataset) { d.Path = filepath.Join(linked, "folder") },
			"hard links": func(d *sweep.Dataset) { d.Path = hard },
			"inner":      func(d *sweep.Dataset) { d.Path, d.FollowLinks = inside, true },
			"split":      func(d *sweep.Dataset) { d.SplitFile = split(func([]string) {}) },
			"reversed":   func(d *sweep.Dataset) { d.SplitFile = split(slices.Reverse[[]string]) },
			"shuffled": func(d *sweep.Dataset) {
				d.Path, d.SplitFile = elsewhere, split(func(lines []string) {
					r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
				})
			},
			"CRLF": func(d *sweep.Dataset) {
				d.SplitFile = split(func(lines []string) {
					for i := range lines {
						lines[i] += "\r"
					}
				})
			},
		} {
			other := d
			change(&other)
			require.Equal(t, want, digestOf(t, load(t, other)), what)
		}
	}
}

// Check finds all images that cannot be read, also those that the split leaves out and those
// of the reference.
func TestCheckReadsEveryImage(t *testing.T) {
	emptyCache(t)
	d := folderSpec(animals(t))
	d.Imbalance = sweep.Imbalance{Profile: sweep.ProfileStep, Factor: 0.5}
	require.NoError(t, Loader{}.Check(d))
	spoil(t, filepath.Join(d.Path, "cat", "3.png"))
	require.NoError(t, Loader{}.Check(d), "known, since no file has changed")
	for i := range 23 {
		write(t, []byte("GIF"), d.Path, "cat", fmt.Sprintf("x%02d.png", i))
	}
	err := Loader{}.Check(d)
	requireBadData(t, err, "dataset.path: 24 images cannot be read:\n  "+filepath.Join(d.Path, "cat", "3.png")+": none of")
	require.ErrorContains(t, err, "x18.png")
	require.ErrorContains(t, err, "\n  and 4 more\n")
	d.SkipUnreadable = true
	require.NoError(t, Loader{}.Check(d))

	d.SkipUnreadable, d.Reference, d.Path = false, d.Path, animals(t)
	requireBadData(t, Loader{}.Check(d), "dataset.reference: 24 images cannot be read")
	d.Reference = ""
	require.NoError(t, Loader{}.Check(d))
	d.FolderClasses = 4
	requireBadData(t, Loader{}.Check(d), "dataset.classes: is 4")
	require.NoError(t, Loader{}.Check(sweep.Dataset{Name: sweep.FashionMNIST10k, Size: 16, Imbalance: sweep.Imbalance{Profile: sweep.ProfileNone}}))
}
