package main

import (
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/specs"
	"github.com/tailsweep/tailsweep/internal/folder"
)

// album makes a folder of images, each of its own, of classes with so many images.
func album(t *testing.T, dir string, side int, coloured bool, classes map[string]int) {
	t.Helper()
	for class, n := range classes {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, class), 0o755))
		for k := range n {
			img := image.NewNRGBA(image.Rect(0, 0, side, side))
			for i := range img.Pix {
				img.Pix[i] = 255
			}
			c := color.NRGBA{uint8(7 * k), uint8(7 * k), uint8(7 * k), 255}
			if coloured {
				c = color.NRGBA{uint8(7 * k), 200, uint8(len(class)), 255}
			}
			img.Set(k%side, k/side, c)
			f, err := os.Create(filepath.Join(dir, class, fmt.Sprintf("%d.png", k)))
			require.NoError(t, err)
			require.NoError(t, png.Encode(f, img))
			require.NoError(t, f.Close())
		}
	}
}

// ten are the classes of a folder that the built-in classifier of ten classes takes.
func ten(sizes ...int) map[string]int {
	classes := map[string]int{}
	for class := range 10 {
		classes[fmt.Sprintf("class %d", class)] = sizes[class%len(sizes)]
	}
	return classes
}

// initialised runs init on a folder of grey images of 16 pixels with the built-in classifier of
// ten classes, without a measurement, then validate and plan on the spec.
func initialised(t *testing.T, from string, more ...string) (spec string, r result) {
	t.Helper()
	weights, err := filepath.Abs("../../trainer/features/weights/fashion-mnist-16.safetensors")
	require.NoError(t, err)
	dir := t.TempDir()
	t.Setenv(folder.CacheVariable, filepath.Join(dir, "cache"))
	t.Setenv(folder.StateVariable, filepath.Join(dir, "state"))
	to := filepath.Join(dir, "it's.yaml")
	r = cmdline(t, nil, "", append([]string{"init", "--from", from, "--to", to, "--name", "photos", "--features", weights, "--no-measure", "--backend", "go"}, more...)...)
	if r.Code != cli.ExitOK {
		require.NoFileExists(t, to)
		return "", r
	}
	require.Contains(t, r.out, "next:\n  tailsweep validate '"+strings.ReplaceAll(to, "'", `'\''`)+"'\n  tailsweep plan ")
	text, err := os.ReadFile(to)
	require.NoError(t, err)
	for _, verb := range [][]string{{"validate", to}, {"plan", to, "--no-measure"}} {
		checked := cmdline(t, nil, "", verb...)
		require.Equal(t, cli.ExitOK, checked.Code, checked.Err)
		require.NotContains(t, checked.Err, "warning")
	}
	return string(text), r
}

func TestInitFromAFolder(t *testing.T) {
	dir := t.TempDir()
	album(t, dir, 16, false, ten(30, 9, 2))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "class 0", "notes.txt"), nil, 0o600))
	require.NoError(t, os.Symlink("../class 1/0.png", filepath.Join(dir, "class 2", "link.png")))
	spec, r := initialised(t, dir)
	require.Contains(t, r.Err, "looking at "+dir+" ...\n  153 images of 10 classes\n")
	require.Contains(t, r.out, "10 classes of "+dir+", 16x16 pixels, unet-small-28; 15 trials of 3000 steps\n")
	for _, want := range []string{
		"name: photos\n", "  path: " + dir + "\n  classes: 10\n", "  channels: 1\n", "  # follow_links: true\n", "lead to 1 more image,",
		"# left out 1: not an image (class 0/notes.txt).\n", "- name: kid.tail", "wall_clock: 4h}", "class 2 has 2 images, class 5 has 2 images, class 8 has 2 images: they take no part",
	} {
		require.Contains(t, spec, want)
	}
	require.NotContains(t, spec, "skip_unreadable")
}

func TestInitGoesOnWithoutUnreadableImages(t *testing.T) {
	dir := t.TempDir()
	album(t, dir, 16, false, ten(30))
	broken := filepath.Join(dir, "class 3", "7.png")
	require.NoError(t, os.WriteFile(broken, []byte("nothing"), 0o600))
	spec, r := initialised(t, dir)
	require.Contains(t, r.Err, "  1 image cannot be read\n")
	require.Contains(t, spec, "  # 1 image cannot be read (class 3/7.png) and left out. Without this line they are an error.\n  skip_unreadable: true\n")
	require.Contains(t, spec, "# 299 images of 10 classes.\n")

	for k := range 30 { // a class without a readable image is none
		require.NoError(t, os.WriteFile(filepath.Join(dir, "class 3", fmt.Sprintf("%d.png", k)), nil, 0o600))
	}
	_, r = initialised(t, dir)
	require.Equal(t, cli.ExitUsage, r.Code, r.Err)
	require.Contains(t, r.Err, "no image of class 3 (class 3) can be read")
}

// Names are data: they change nothing but comments and paths of the spec.
func TestInitWithOddNames(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a: b # \"c\" {d}")
	classes := ten(25)
	for _, odd := range []string{"# x: [1]\nseed: 7", "猫\u202e", "\x1b[31m", "not UTF-8 \xff", strings.Repeat("long ", 50)} {
		delete(classes, fmt.Sprintf("class %d", 9-len(classes)%5))
		classes[odd] = 25
	}
	for class := range 10 {
		if len(classes) > 10 {
			delete(classes, fmt.Sprintf("class %d", class))
		}
	}
	album(t, dir, 16, false, classes)
	spec, _ := initialised(t, dir)
	require.Contains(t, spec, "\nseed: 1\n")
	require.NotContains(t, spec, "\nseed: 7")
	require.NotContains(t, spec, "\x1b")
}

func TestInitRefusesAFolder(t *testing.T) {
	empty, loose, one, small := t.TempDir(), t.TempDir(), t.TempDir(), t.TempDir()
	album(t, loose, 16, true, map[string]int{".": 3})
	album(t, one, 16, true, map[string]int{"cat": 3})
	album(t, small, 16, true, map[string]int{"cat": 3, "dog": 2})
	for dir, want := range map[string]string{
		empty:          " is empty (valid: a folder of images for each class",
		loose:          " has 3 images and no folder of a class: move the images of each class into a folder that has its name, as in " + loose + "/CLASS/image.png",
		one:            " has images of one class only, cat (valid: ",
		small:          small + " the largest of its classes, cat, has 3 images, and a class needs at least 4 images",
		"nowhere":      "there is no folder nowhere",
		"init_test.go": "init_test.go is a file (valid: ",
	} {
		_, r := initialised(t, dir)
		require.Equal(t, cli.ExitUsage, r.Code, r.Err)
		require.Contains(t, r.Err, "tailsweep: init: --from: ")
		require.Contains(t, r.Err, want)
	}
}

func TestInitDoesNotReplaceFiles(t *testing.T) {
	t.Setenv(folder.CacheVariable, t.TempDir())
	to := filepath.Join(t.TempDir(), "s.yaml")
	require.Equal(t, cli.ExitOK, cmdline(t, nil, "", "init", "--to", to).Code)
	before, err := os.ReadFile(to)
	require.NoError(t, err)
	r := cmdline(t, nil, "", "init", "--to", to, "--name", "other")
	require.Equal(t, cli.ExitUsage, r.Code)
	require.Contains(t, r.Err, to+" exists (valid: another name by --to, or --force to replace it)")
	after, err := os.ReadFile(to)
	require.NoError(t, err)
	require.Equal(t, before, after)
	r = cmdline(t, nil, "", "init", "--to", to, "--name", "other", "--force")
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	require.Equal(t, "next:\n  tailsweep validate "+to+"\n  tailsweep plan "+to+"\n  tailsweep run "+to+"\n", r.out)

	// The classifier is a file, too.
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(to), "new-features.safetensors"), nil, 0o600))
	r = cmdline(t, nil, "", "init", "--from", t.TempDir(), "--to", filepath.Join(filepath.Dir(to), "new.yaml"))
	require.Equal(t, cli.ExitUsage, r.Code)
	require.Contains(t, r.Err, "new-features.safetensors exists (valid: another name by --to, or --features to use it, or --force to replace it)")
}

// Everything that init does, with the measurement and the classifier: what it writes fits into
// the time, as plan says, and is found from another folder.
func TestInitMeasuresAndTrains(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv(folder.CacheVariable, filepath.Join(dir, "cache"))
	t.Setenv(folder.StateVariable, filepath.Join(dir, "state"))
	t.Setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple") // nothing answers
	require.NoError(t, os.Mkdir("specs", 0o755))
	album(t, "photos", 8, true, map[string]int{"ant": 25, "bee": 6, "cat": 12})
	r := cmdline(t, nil, "", "init", "--from", "photos", "--to", "specs/photos.yaml", "--hours", "2", "--backend", "go")
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	require.Contains(t, r.Err, "8x8 pixels, unet-small-28:\n")
	text, err := os.ReadFile("specs/photos.yaml")
	require.NoError(t, err)
	require.Contains(t, string(text), "  path: ../photos\n")
	require.Contains(t, string(text), "  features: {path: photos-features.safetensors}\n", "without the published network")
	require.Contains(t, strings.Join(strings.Fields(string(text)), " "), "could not be installed")
	t.Chdir(t.TempDir())
	spec := filepath.Join(dir, "specs", "photos.yaml")
	valid := cmdline(t, nil, "", "validate", spec)
	require.Equal(t, cli.ExitOK, valid.Code, valid.Err)

	var rate float64
	for line := range strings.Lines(r.Err) {
		if text, is := strings.CutSuffix(strings.TrimSpace(line), " steps/s"); is {
			rate, err = strconv.ParseFloat(text, 64)
			require.NoError(t, err)
		}
	}
	require.Positive(t, rate)
	r = cmdline(t, nil, "", "plan", spec, "--steps-per-second", fmt.Sprint(rate), "-o", "json")
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	var p specs.Estimate
	require.NoError(t, json.Unmarshal([]byte(r.out), &p))
	require.InDelta(t, 1.6, p.Plan.WallTime.Hours(), 0.5, "between 2/3 of 2 hours and 2 hours, and the rate is rounded")
}
