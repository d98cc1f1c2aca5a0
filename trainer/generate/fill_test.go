package generate

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/diffusion"
)

// filling is a folder that is filled without a net: image (class, index) is one grey level,
// and every third is that of the image before.
type filling struct {
	dir      string
	wanted   []int
	attempts int
	settings Settings
	progress func(Progress)
	drawn    []diffusion.SampleID
}

func newFilling(t *testing.T, wanted ...int) *filling {
	t.Helper()
	return &filling{dir: filepath.Join(t.TempDir(), "out"), wanted: wanted, attempts: 3, settings: Settings{
		Checkpoint: strings.Repeat("ab", 32), Sweep: "s", Trial: 7, Step: 100, Backend: "go", Seed: 2, Guidance: 1.5, Sampler: "ddim", Steps: 9,
		Gates: []string{sweep.GateDuplicate}, Dataset: sweep.Dataset{Name: sweep.ImageFolder, Size: side, FolderChannels: 1, FolderClasses: 2},
		DatasetDigest: "d", Classes: []string{"a", "b"}, TrainingImages: []int{3, 1}, Thresholds: make([]Threshold, 2),
	}}
}

func (f *filling) draw(_ context.Context, ids []diffusion.SampleID) (images []float32, err error) {
	f.drawn = append(f.drawn, ids...)
	for _, id := range ids {
		index := id.Index - id.Index%3/2
		pixels := make([]byte, f.settings.Dataset.Size*f.settings.Dataset.Size)
		for i := range pixels {
			pixels[i] = byte(index>>(8*(i%2)) + id.Class*i)
		}
		images = append(images, dataset.Values(pixels)...)
	}
	return images, nil
}

func (f *filling) fill(ctx context.Context) (Summary, error) {
	s := f.settings
	in, err := newInspector(s.Dataset, s.Classes, s.Gates, nil, Real{})
	if err != nil {
		return Summary{}, err
	}
	o := Options{Dir: f.dir, Wanted: f.wanted, Attempts: f.attempts, Seed: s.Seed, Guidance: s.Guidance, Steps: s.Steps, Progress: f.progress}
	return fill(ctx, o, s, in, f.draw)
}

// files are the contents of the files below dir.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		all[rel] = string(data)
		return err
	}))
	return all
}

// A batch of large images has no more pixels than one of small images.
func TestLargeImagesAreDrawnInSmallBatches(t *testing.T) {
	f := newFilling(t, 9)
	f.settings.Dataset.Size = 128
	f.settings.Classes, f.settings.TrainingImages = f.settings.Classes[:1], f.settings.TrainingImages[:1]
	_, err := f.fill(t.Context())
	require.NoError(t, err)
	require.Len(t, f.drawn, 16, "two batches of 8")
}

func TestFill(t *testing.T) {
	f := newFilling(t, 150, 5)
	var last Progress
	f.progress = func(p Progress) { last = p }
	s, err := f.fill(t.Context())
	require.NoError(t, err)
	require.Zero(t, s.Missing)
	require.Equal(t, []Class{
		{Name: "a", Folder: "a", Trained: 3, Wanted: 150, Kept: 150, Drawn: 225 - 1, Refused: map[string]int{sweep.GateDuplicate: 74}},
		{Name: "b", Folder: "b", Trained: 1, Wanted: 5, Kept: 5, Drawn: 7, Refused: map[string]int{sweep.GateDuplicate: 2}},
	}, s.Classes)
	require.Equal(t, Progress{Drawn: 231, Kept: 155}, last)
	require.Len(t, f.drawn, 8*drawBatch, "no batch is drawn twice, and none too much")

	rows, _, err := ReadIndex(filepath.Join(f.dir, indexName))
	require.NoError(t, err)
	require.Len(t, rows, 231)
	require.Equal(t, Row{File: "a/generated-000001.png", Class: "a", Source: SourceGenerated, Status: Kept, Reasons: []string{}, Seed: 2, Index: 1, Guidance: 1.5}, rows[1])
	require.Equal(t, Row{Class: "a", Source: SourceGenerated, Status: Refused, Reasons: []string{sweep.GateDuplicate}, Seed: 2, Index: 2, Guidance: 1.5}, rows[2])
	all := files(t, f.dir)
	require.Len(t, all, 155+4, "the images, the index, the card, the settings and the lock")
	require.Equal(t, map[string]string{
		"tEXt Description": Notice, "tEXt tailsweep:class": "b", "tEXt tailsweep:seed": "2", "tEXt tailsweep:index": "3",
		"tEXt tailsweep:guidance": "1.5", "tEXt tailsweep:checkpoint": strings.Repeat("ab", 32),
	}, chunks(t, []byte(all["b/generated-000003.png"])))
	card := all[cardName]
	require.NotContains(t, card, "not complete")
	for _, part := range []string{
		"not photographs", strings.Repeat("ab", 32), "| s, 7, 100 |", "The gate label was **not applied**", "| a | a | 3 | 150 | 150 | 224 | 0 | 0 | 74 |", "unknown: it was not given", "as evidence",
	} {
		require.Contains(t, card, part)
	}
}

// Where the gates refuse too much, the drawing ends, and what passed is there.
func TestAttemptsAreLimited(t *testing.T) {
	f := newFilling(t, 9, 0)
	f.attempts = 1
	s, err := f.fill(t.Context())
	require.NoError(t, err)
	require.Equal(t, 3, s.Missing)
	require.Equal(t, 9, s.Classes[0].Drawn)
	require.Len(t, s.Classes, 1, "nothing is wanted of the other")
}

// A folder that grew, in whatever order, is that of one call.
func TestGrowing(t *testing.T) {
	at := newFilling(t, 130, 40)
	_, err := at.fill(t.Context())
	require.NoError(t, err)
	grown := newFilling(t, 0, 40)
	for _, wanted := range [][]int{{0, 40}, {7, 0}, {1, 1}, {130, 40}} {
		grown.wanted = wanted
		_, err = grown.fill(t.Context())
		require.NoError(t, err)
	}
	require.Equal(t, files(t, at.dir), files(t, grown.dir))
}

// A process that is killed leaves the rows of some batches, perhaps a part of the rows of
// the next, files of images of it, and files that it was writing. The next call makes the
// same folder of it, byte for byte.
func TestAnyInterruptionIsContinued(t *testing.T) {
	f := newFilling(t, 50, 3)
	type moment struct {
		index string
		card  string
		files map[string]string
	}
	var moments []moment // after each batch
	f.progress = func(Progress) {
		all := files(t, f.dir)
		moments = append(moments, moment{all[indexName], all[cardName], all})
	}
	_, err := f.fill(t.Context())
	require.NoError(t, err)
	want := files(t, f.dir)
	require.Greater(t, len(moments), 2)
	require.Contains(t, moments[0].card, "not complete")
	before := moment{index: "", files: map[string]string{settingsName: want[settingsName]}}
	for k, after := range moments {
		for cut := len(before.index); cut <= len(after.index); cut += 1 + (len(after.index)-len(before.index))/5 {
			next := newFilling(t, f.wanted...)
			write := func(name, text string) {
				path := filepath.Join(next.dir, name)
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
				require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
			}
			for name, text := range after.files { // every file of the batch: rows come after files
				write(name, text)
			}
			write(indexName, after.index[:cut])
			write(".generate.json123", "{")
			write(".index.csv77", "half")
			write("a/.generated-000003.png55", "half")
			_, err := next.fill(t.Context())
			require.NoError(t, err, "batch %d, byte %d", k, cut)
			got := files(t, next.dir)
			require.Equal(t, len(want), len(got))
			for name, text := range want {
				require.True(t, text == got[name], "batch %d, byte %d: %s differs", k, cut, name)
			}
		}
		before = after
	}
}

func TestInterruptIsSafe(t *testing.T) {
	once := newFilling(t, 130, 40)
	_, err := once.fill(t.Context())
	require.NoError(t, err)
	f := newFilling(t, 130, 40)
	ctx, cancel := context.WithCancel(t.Context())
	f.progress = func(Progress) { cancel() }
	_, err = f.fill(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, f.drawn, drawBatch, "it ends after the batch")
	require.Contains(t, files(t, f.dir)[cardName], "not complete")
	f.progress = nil
	_, err = f.fill(t.Context())
	require.NoError(t, err)
	require.Equal(t, files(t, once.dir), files(t, f.dir))
}

func TestOtherSettingsAreRefusedByName(t *testing.T) {
	f := newFilling(t, 2, 2)
	_, err := f.fill(t.Context())
	require.NoError(t, err)
	for want, change := range map[string]func(s *Settings){
		"--guidance is 2, and was 1.5":       func(s *Settings) { s.Guidance = 2 },
		"--steps is 8, and was 9":            func(s *Settings) { s.Steps = 8 },
		"--seed is 3, and was 2":             func(s *Settings) { s.Seed = 3 },
		"--backend is xla:cpu, and was go":   func(s *Settings) { s.Backend = "xla:cpu" },
		"--gates is none, and was duplicate": func(s *Settings) { s.Gates = []string{} },
		"checkpoint is 00 (trial 7 of s, step 100), and was abababababab (trial 7 o": func(s *Settings) { s.Checkpoint = "00" },
		"the real images that the thresholds come from":                              func(s *Settings) { s.DatasetRead = true },
	} {
		other := *f
		change(&other.settings)
		_, err := other.fill(t.Context())
		require.ErrorContains(t, err, want)
		require.True(t, isBadData(err), "the user's mistake")
	}
	other := newFilling(t, 1, 1)
	require.NoError(t, os.MkdirAll(other.dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(other.dir, "thesis.doc"), nil, 0o600))
	_, err = other.fill(t.Context())
	require.ErrorContains(t, err, "is not empty and not a folder that generate made: it has thesis.doc")
	require.True(t, isBadData(err))
}

func TestDamageIsNamed(t *testing.T) {
	for want, damage := range map[string]func(dir string) error{
		"generated-000001.png": func(dir string) error { return os.Remove(filepath.Join(dir, "a", "generated-000001.png")) },
		"index.csv is damaged at class \"a\", index 1": func(dir string) error {
			path := filepath.Join(dir, indexName)
			data, err := os.ReadFile(path)
			lines := strings.SplitAfter(string(data), "\n")
			return errors.Join(err, os.WriteFile(path, []byte(lines[0]+strings.Join(lines[2:], "")), 0o600))
		},
		"does not have the columns": func(dir string) error { return os.WriteFile(filepath.Join(dir, indexName), []byte("x\n"), 0o600) },
	} {
		f := newFilling(t, 2, 2)
		_, err := f.fill(t.Context())
		require.NoError(t, err)
		require.NoError(t, damage(f.dir))
		_, err = f.fill(t.Context())
		require.ErrorContains(t, err, want)
	}
}

func TestOneProcessAtATime(t *testing.T) {
	f := newFilling(t, 2, 2)
	var inner error
	f.progress = func(Progress) {
		second := *f
		second.progress = nil
		_, inner = second.fill(t.Context())
	}
	_, err := f.fill(t.Context())
	require.NoError(t, err)
	require.ErrorContains(t, inner, "another tailsweep generates into")
}
