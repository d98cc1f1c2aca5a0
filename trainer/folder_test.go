package trainer

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/folder"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// coloured is a folder of 6, 3 and 2 samples, with a pixel of this red.
func coloured(t *testing.T, red uint8) string {
	t.Helper()
	dir := t.TempDir()
	for class, n := range map[string]int{"ant": 6, "bee": 3, "cat": 2} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, class), 0o755))
		for k := range n {
			img := image.NewNRGBA(image.Rect(0, 0, 24, 16))
			for i := range 24 * 16 {
				img.SetNRGBA(i%24, i/24, color.NRGBA{uint8(90 * k), uint8(10 * i), 130, 255})
			}
			img.SetNRGBA(12, 8, color.NRGBA{red, 0, 0, 255})
			var b bytes.Buffer
			require.NoError(t, png.Encode(&b, img))
			require.NoError(t, os.WriteFile(filepath.Join(dir, class, fmt.Sprintf("%d.png", k)), b.Bytes(), 0o600))
		}
	}
	return dir
}

// onFolder is a tiny job on coloured samples, with both losses.
func onFolder(t *testing.T, path string) job.Train {
	t.Helper()
	j := tiny(t)
	j.Spec.Dataset = sweep.Dataset{
		Name: sweep.ImageFolder, Path: path, FolderClasses: 3, FolderChannels: 3, Size: 16,
		Imbalance: sweep.Imbalance{Profile: sweep.ProfileNone, Factor: 1},
	}
	return j
}

// A folder of coloured images trains like a published set, bit for bit across a resume,
// also where the images come from the cache; and a training continues only with the images
// that it began with, wherever they lie.
func TestTrainOnAnImageFolder(t *testing.T) {
	t.Setenv(folder.CacheVariable, t.TempDir())
	b := openBackend(t, backend.Go)
	whole := onFolder(t, coloured(t, 200))
	train(t, b, whole, nil)
	again := whole
	again.Staging = t.TempDir()
	train(t, b, again, nil)
	same(t, contents(t, whole, 8), contents(t, again, 8))

	rest := whole
	rest.Staging, rest.Resume = t.TempDir(), filepath.Join(whole.Staging, checkpoint.DirName(4))
	events := train(t, b, rest, nil)
	require.Equal(t, 4, events[1].Step)
	same(t, contents(t, whole, 8), contents(t, rest, 8))

	rest.Staging, rest.Spec.Dataset.Path = t.TempDir(), coloured(t, 200)
	events = train(t, b, rest, nil)
	require.Equal(t, job.Done, events[len(events)-1].Type)

	rest.Staging, rest.Spec.Dataset.Path = t.TempDir(), coloured(t, 201)
	err := Train(t.Context(), rest, Options{Backend: b, Events: func(job.Event) error { return nil }})
	require.ErrorContains(t, err, "the checkpoint is of another training: its images have sha256 ")

	m, err := OpenModel(b, filepath.Join(whole.Staging, checkpoint.DirName(8)))
	require.NoError(t, err)
	defer m.Close()
	s, err := m.Sampler(3)
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, os.RemoveAll(whole.Spec.Dataset.Path))
	images, err := s.Sample(t.Context(), sampleIDs(3), 1, 3, nil)
	require.NoError(t, err)
	require.Len(t, images, 3*16*16*3)
	about, err := m.Classes()
	require.NoError(t, err)
	require.Equal(t, dataset.About{
		Classes: []string{"ant", "bee", "cat"}, Counts: []int{6, 3, 2},
		Groups: sweep.ClassGroups{Head: []int{0}, Medium: []int{1}, Tail: []int{2}},
	}, about)
}

// The largest images train on both architectures, and a model draws samples of their size.
func TestTrainOnLargeImages(t *testing.T) {
	t.Setenv(folder.CacheVariable, t.TempDir())
	b := openBackend(t, backend.Go)
	for size, model := range map[int]sweep.Model{
		128: {Arch: sweep.ArchUNet, Width: 4, Depth: 1, Mult: []int{1, 1, 2, 2}},
		256: {Arch: sweep.ArchDiT, Width: 8, Depth: 1, Patch: 32, Heads: 2},
	} {
		j := onFolder(t, coloured(t, 200))
		j.Spec.Dataset.Size, j.Spec.Model, j.Spec.Train.Steps, j.Spec.Train.Batch = size, model, 2, 2
		j.Assignment = sweep.Assignment{}
		events := train(t, b, j, nil)
		require.Equal(t, job.Done, events[len(events)-1].Type)
		m, err := OpenModel(b, filepath.Join(j.Staging, checkpoint.DirName(2)))
		require.NoError(t, err)
		s, err := m.Sampler(1)
		require.NoError(t, err)
		images, err := s.Sample(t.Context(), sampleIDs(1), 1, 2, nil)
		require.NoError(t, err)
		require.Len(t, images, size*size*3)
		s.Close()
		m.Close()
	}
}

// What no trial could be evaluated on is refused when the images are loaded: nothing is
// trained or written.
func TestTrainRefusesWhatCannotBeEvaluated(t *testing.T) {
	t.Setenv(folder.CacheVariable, t.TempDir())
	for want, change := range map[string]func(s *sweep.Spec){
		"dataset.path: too few real images for fid.tail: a class takes part in fid with at least 4 real images, and the largest class of group tail, 1 class, has 2": func(s *sweep.Spec) {
			s.Evaluate.SamplesPerClass, s.Evaluate.Guidance, s.Metrics = 500, []float64{0, 1}, []sweep.Objective{{Name: "fid.tail"}}
		},
		"evaluate.features.path: features: stat /nowhere: ": func(s *sweep.Spec) { s.Evaluate.Features = &sweep.Features{Path: "/nowhere"} },
		"dataset.reference: open /nowhere: ":                func(s *sweep.Spec) { s.Dataset.Reference = "/nowhere" },
		"dataset.imbalance.factor: 0.1 leaves no images in class 1 (bee)": func(s *sweep.Spec) {
			s.Dataset.Imbalance = sweep.Imbalance{Profile: sweep.ProfileExp, Factor: 0.1}
		},
	} {
		j := onFolder(t, coloured(t, 200))
		change(&j.Spec)
		err := Train(t.Context(), j, Options{Events: func(e job.Event) error {
			require.Equal(t, job.Opened, e.Type, want)
			return nil
		}})
		require.ErrorContains(t, err, want)
		var failure *sweep.FailureError
		require.ErrorAs(t, err, &failure)
		require.Equal(t, sweep.FailBadData, failure.Class)
		entries, err := os.ReadDir(j.Staging)
		require.NoError(t, err)
		require.Empty(t, entries)
	}
}

// Weights that cannot be downloaded are a fault of the machine, before the first step.
func TestTrainNeedsTheWeightsOfItsEvaluation(t *testing.T) {
	t.Setenv(folder.CacheVariable, t.TempDir())
	t.Setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
	t.Setenv("PIP_FIND_LINKS", "")
	j := onFolder(t, coloured(t, 200))
	j.Spec.Evaluate.Features = &sweep.Features{Network: sweep.EfficientNetLite0}
	err := Train(t.Context(), j, Options{Log: t.Logf, Events: func(e job.Event) error {
		require.Equal(t, job.Opened, e.Type)
		return nil
	}})
	require.ErrorContains(t, err, "`tailsweep features install --from FILE` needs no network")
	var failure *sweep.FailureError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, sweep.FailEnvironment, failure.Class)
}

// An archive of CIFAR's form that is not CIFAR is the spec's fault, and is reported before the first step.
func TestTrainRefusesAForgedArchive(t *testing.T) {
	var out bytes.Buffer
	packed := gzip.NewWriter(&out)
	archive := tar.NewWriter(packed)
	for n := range 5 {
		data := make([]byte, 10000*(1+3*32*32)) // 10,000 black airplanes
		require.NoError(t, archive.WriteHeader(&tar.Header{Name: fmt.Sprintf("cifar-10-batches-bin/data_batch_%d.bin", n+1), Size: int64(len(data)), Mode: 0o644}))
		_, err := archive.Write(data)
		require.NoError(t, err)
	}
	require.NoError(t, archive.Close())
	require.NoError(t, packed.Close())
	path := filepath.Join(t.TempDir(), "cifar-10-binary.tar.gz")
	require.NoError(t, os.WriteFile(path, out.Bytes(), 0o600))

	j := tiny(t)
	j.Spec.Dataset.Name, j.Spec.Dataset.Path, j.Spec.Dataset.Size = sweep.CIFAR10, path, 32
	err := Train(t.Context(), j, Options{Events: func(job.Event) error { return nil }})
	var failure *sweep.FailureError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, sweep.FailBadData, failure.Class)
	require.ErrorContains(t, err, "data_batch_1.bin has sha256 ")
}
