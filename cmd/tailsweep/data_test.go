package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/cache"
)

// photos is an image folder with 3, 1 and 2 images.
func photos(t *testing.T) (dir string, objects *store.Memory) {
	t.Helper()
	dir, objects = t.TempDir(), store.NewMemory()
	for class, n := range map[string]int{"ant": 3, "bee": 1, "cat": 2} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, class), 0o755))
		for k := range n {
			img := image.NewNRGBA(image.Rect(0, 0, 40, 30))
			img.Set(20, 15, color.NRGBA{uint8(80 * k), 200, 0, 255})
			var b bytes.Buffer
			require.NoError(t, png.Encode(&b, img))
			name := fmt.Sprintf("%s/%d.png", class, k)
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o600))
			require.NoError(t, objects.Put(t.Context(), "photos/"+name, &b, int64(b.Len())))
		}
	}
	return dir, objects
}

func TestTrainTellsWhatIsWrongWithAFolder(t *testing.T) {
	t.Setenv(cache.Env, t.TempDir())
	for want, spoil := range map[string]func(dir, spec string) string{
		"dataset.path: open /nowhere: no such file or directory; the files must be on the machine that trains (valid: a folder with": func(dir, spec string) string {
			return strings.Replace(spec, dir, "/nowhere", 1)
		},
		"has 3: ant, bee, cat (valid: 3)": func(_, spec string) string { return strings.Replace(spec, "classes: 3", "classes: 4", 1) },
		"bee/0.png: truncated PNG at byte 20 (valid: whole PNG, JPEG, ": func(dir, spec string) string {
			require.NoError(t, os.Truncate(filepath.Join(dir, "bee", "0.png"), 20))
			return spec
		},
	} {
		dir, _ := photos(t)
		path := filepath.Join(t.TempDir(), "spec.yaml")
		require.NoError(t, os.WriteFile(path, []byte(spoil(dir, `
apiVersion: tailsweep/v1
name: photos
method: grid
dataset: {name: image-folder, path: `+dir+`, classes: 3, size: 8, imbalance: {profile: none}}
model: {arch: dit, width: 8, depth: 1, patch: 8, heads: 1}
train: {steps: 2, batch: 2}
evaluate: {samples_per_class: 64, features: {path: photos.safetensors}}
parameters: {infonce.weight: {value: 0}}
metrics: [{name: loss}]
`)), 0o600))
		r := cli(t, nil, "", "train", path, "--to", t.TempDir(), "--backend", "go")
		require.Equal(t, exitUsage, r.code, r.err)
		require.Contains(t, r.err, "tailsweep: train: dataset.")
		require.Contains(t, r.err, want)
	}
}

func TestInspectAFolder(t *testing.T) {
	t.Setenv(cache.Env, t.TempDir())
	dir, objects := photos(t)
	picture := filepath.Join(t.TempDir(), "sheet.png")
	r := cli(t, nil, "", "data", "inspect", dir, "--picture", picture)
	require.Equal(t, exitOK, r.code, r.err)
	require.Contains(t, r.out, "image-folder: 6 images of 3 classes, 32x32 RGB")
	require.Contains(t, r.out, "head    1 classes, 3 images")
	require.Contains(t, r.out, "    1  bee   tail         1   1")
	f, err := os.Open(picture)
	require.NoError(t, err)
	defer f.Close() //nolint:errcheck // only read
	config, err := png.DecodeConfig(f)
	require.NoError(t, err)
	require.Equal(t, 3*(64+3)+3, config.Height)

	spec := `
apiVersion: tailsweep/v1
name: photos
method: grid
dataset: {name: image-folder, path: PATH, classes: 3}
train: {steps: 10}
parameters: {infonce.weight: {values: [0, 1]}}
metrics: [{name: loss}]
checkpoints: {every_steps: 10}
`
	read := func(path string) (i inspected, r result) {
		r = cli(t, objects, strings.ReplaceAll(spec, "PATH", path), "data", "inspect", "-", "-o", "json")
		if r.code == exitOK {
			require.NoError(t, json.Unmarshal([]byte(r.out), &i))
		}
		return i, r
	}
	here, r := read(dir)
	require.Equal(t, exitOK, r.code, r.err)
	require.Equal(t, []inspectedClass{{"ant", sweep.GroupHead, 3, 3}, {"bee", sweep.GroupTail, 1, 1}, {"cat", sweep.GroupMedium, 2, 2}}, here.Classes)
	fetched, r := read("s3://any/photos")
	require.Equal(t, exitOK, r.code, r.err)
	require.Equal(t, here.Digest, fetched.Digest)
	require.NotEqual(t, here.Path, fetched.Path)

	_, r = read("s3://any/nothing")
	require.Equal(t, exitUsage, r.code)
	require.Contains(t, r.err, "s3://any/nothing has no pictures (PNG, JPEG")
}

// A spec of a new folder can be inspected before it is finished, and what no trial
// could be judged on is told before one trains, by validate too.
func TestInspectTellsWhatCannotBeJudged(t *testing.T) {
	t.Setenv(cache.Env, t.TempDir())
	dir, _ := photos(t)
	const spec = `
apiVersion: tailsweep/v1
name: photos
method: grid
dataset: {name: image-folder, path: PATH, classes: 3DATASET}
evaluate: {samples_per_class: 500EVALUATE}
train: {steps: 10}
parameters: {infonce.weight: {values: [0, 1]}}
metrics: [{name: loss}]
`
	for _, c := range []struct {
		dataset, evaluate, says string
		code                    int
		validated               string // what validate says
	}{
		{"", "", "the spec has 1 faults outside dataset: `tailsweep validate` tells them", exitOK, "6:1: evaluate: there is no built-in classifier"},
		{", size: 7", "", "dataset.size: out of range", exitUsage, "dataset.size: out of range"},
		{", reference: /nowhere", "", "dataset.reference: open /nowhere: no such file", exitUsage, "evaluate: there is no built-in classifier"},
		{"", ", features: {path: /nowhere}", "evaluate.features.path: features: stat /nowhere: no such file", exitUsage, "stdin:6:53: evaluate.features.path: features: stat /nowhere"},
		{", imbalance: {profile: exp, factor: 0.1}", "", "leaves class 1 (bee) 0 of its 1 images", exitUsage, "evaluate: there is no built-in classifier"},
	} {
		text := strings.NewReplacer("PATH", dir, "DATASET", c.dataset, "EVALUATE", c.evaluate).Replace(spec)
		r := cli(t, nil, text, "data", "inspect", "-")
		require.Equal(t, c.code, r.code, r.err)
		require.Contains(t, r.err, c.says)
		r = cli(t, nil, text, "validate", "-")
		require.Equal(t, exitUsage, r.code)
		require.Contains(t, r.err, c.validated)
		elsewhere := strings.Replace(text, dir, "/elsewhere", 1)
		r = cli(t, nil, elsewhere, "validate", "-")
		require.NotContains(t, r.err, "/nowhere", "the files are where the trials train")
	}
}

func TestInspectBuiltIn(t *testing.T) {
	r := cli(t, nil, "", "data", "inspect", "fashion-mnist-10k", "-o", "json")
	require.Equal(t, exitOK, r.code, r.err)
	var i inspected
	require.NoError(t, json.Unmarshal([]byte(r.out), &i))
	require.Equal(t, 10000, i.Images)
	require.EqualValues(t, -1, i.Min)
	require.EqualValues(t, 1, i.Max)
}

func TestDataList(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(cache.Env, dir)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "datasets", "cifar-10"), 0o755))
	r := cli(t, nil, "", "data", "list", "-o", "json")
	require.Equal(t, exitOK, r.code, r.err)
	var listed []listedDataset
	require.NoError(t, json.Unmarshal([]byte(r.out), &listed))
	states := map[string]string{}
	for _, l := range listed {
		states[l.Name] = l.State
	}
	require.Equal(t, map[string]string{"fashion-mnist-10k": "built in", "fashion-mnist": "not here", "cifar-10": "here", "cifar-100": "not here", "image-folder": "yours"}, states)
	require.Contains(t, cli(t, nil, "", "data", "list").out, "8 to 64")
}

func TestDataOfBadInput(t *testing.T) {
	t.Setenv(cache.Env, t.TempDir())
	full := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(full, "x"), nil, 0o600))
	for says, arguments := range map[string][]string{
		`no dataset "mnist"`:                            {"pull", "mnist"},
		"fashion-mnist-10k is built in":                 {"pull", "fashion-mnist-10k"},
		"needs --to DIR":                                {"pull", "image-folder"},
		"/nowhere.tar.gz: no such file":                 {"pull", "cifar-10", "--from", "/nowhere.tar.gz"},
		"ftp:// is not supported":                       {"pull", "cifar-10", "--from", "ftp://host/x"},
		"choose another folder with --to":               {"pull", "cifar-10", "--to", full},
		`"nothing.yaml" is no folder, no spec`:          {"inspect", "nothing.yaml"},
		"want a name that ends in .png":                 {"inspect", "fashion-mnist-10k", "--picture", "x.jpg"},
		"has no folder with pictures, want one a class": {"inspect", full},
		"tailsweep data pull takes one dataset":         {"pull"},
	} {
		r := cli(t, nil, "", append([]string{"data"}, arguments...)...)
		require.Equal(t, exitUsage, r.code, "%v: %s", arguments, r.err)
		require.Contains(t, r.err, says)
		require.Empty(t, r.out)
	}
}
