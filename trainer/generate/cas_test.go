package generate

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/dataset"
)

func TestMeanOf(t *testing.T) {
	m := meanOf([]float64{1, 2, 3, 4, 5})
	require.Equal(t, 3.0, m.Mean)
	require.InDelta(t, 3-1.963243, *m.Low, 1e-6) // 2.776445 sqrt(2.5/5): a table of Student's t
	require.InDelta(t, 3+1.963243, *m.High, 1e-6)
	require.Nil(t, meanOf([]float64{1}).Low)
}

// stripes is n images of a class: bright rows, or bright columns, with noise.
func stripes(r *rand.Rand, n, class int) (images [][]byte) {
	for range n {
		p := make([]byte, side*side)
		for i := range p {
			at := i / side
			if class == 1 {
				at = i % side
			}
			p[i] = byte(90 + 70*(at%2) + r.IntN(90))
		}
		images = append(images, p)
	}
	return images
}

// Of a class with one training image, further images raise the accuracy; images of another
// kind do not.
func TestCompare(t *testing.T) {
	b, r := openBackend(t, backend.Go), rand.New(rand.NewPCG(5, 6))
	training := set(map[int][][]byte{0: stripes(r, 60, 0), 1: stripes(r, 1, 1)})
	balanced := set(map[int][][]byte{0: stripes(r, 40, 0), 1: stripes(r, 40, 1)})
	balanced = balanced.With(training.Images, training.Labels)
	gain := func(kind, seeds int) CAS {
		dir := t.TempDir()
		s := Settings{
			Dataset:       sweep.Dataset{Name: sweep.ImageFolder, Size: side, FolderChannels: 1, FolderClasses: 2},
			DatasetDigest: digestOf(t, training), Classes: training.Classes, TrainingImages: training.Counts,
			Gates: []string{sweep.GateLabel}, Classifier: "5bec",
		}
		require.NoError(t, file.WriteJSON(filepath.Join(dir, settingsName), s, 0o600))
		rows := []Row{{Class: "b", Source: SourceGenerated, Status: Refused}, {Class: "b", Source: SourceReal, Status: Kept, File: "b/real.png"}}
		require.NoError(t, os.Mkdir(filepath.Join(dir, "b"), 0o700))
		for _, p := range stripes(r, 59, kind) {
			name := "b/" + filePrefix + string(rune('0'+len(rows))) + ".png"
			data, err := encode(p, side, nil)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
			rows = append(rows, Row{Class: "b", Source: SourceGenerated, Status: Kept, File: name})
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, indexName), append(header(), encodeRows(rows)...), 0o600))
		c, err := Compare(t.Context(), CASOptions{Backend: b, Dir: dir, Seeds: seeds, Steps: 15, Log: t.Logf, Real: func(sweep.Dataset) (Real, error) {
			return Real{Training: training, Balanced: balanced}, nil
		}})
		require.NoError(t, err)
		return c
	}
	good := gain(1, 2)
	require.Equal(t, []int{61, 59, 80}, []int{good.Training, good.Generated, good.HeldOut})
	require.Empty(t, good.Untested)
	require.Equal(t, (Settings{Classifier: "5bec"}).classifierText(), good.LabelGate)
	require.Len(t, good.Groups, 3, "all, head and tail")
	require.Equal(t, "tail", good.Groups[2].Group)
	require.Equal(t, []int{80, 40, 40}, []int{good.Groups[0].HeldOut, good.Groups[1].HeldOut, good.Groups[2].HeldOut})
	require.Less(t, good.Groups[2].Without.Mean, 0.5)
	require.Greater(t, good.Groups[2].With.Mean, 0.9)
	require.InDelta(t, good.Groups[2].With.Mean-good.Groups[2].Without.Mean, good.Groups[2].Gain.Mean, 1e-9)
	require.NotNil(t, good.Groups[2].Gain.Low)
	bad := gain(0, 1)
	require.Less(t, bad.Groups[1].Gain.Mean, 0.0, "the head loses by images of the head with the label of the tail")
}

// The card and cas say which images the classifier of the gate label was trained on.
func TestClassifierText(t *testing.T) {
	builtIn := Settings{Gates: []string{sweep.GateLabel}, Classifier: "74e75a8372ad6eb30bf9a2d023fe2a0dd415a098bad0c5b2bf0f42d4a6214b6b"}
	require.Contains(t, string((&drawing{settings: builtIn}).card(true, 0)), "the built-in classifier, trained on Fashion-MNIST's 60,000 training images and none of its 10,000 test images.")
	own := Settings{Gates: []string{sweep.GateLabel}, Classifier: "5bec"}
	require.Contains(t, string((&drawing{settings: own}).card(true, 0)), "it was trained on the training images alone, else on unknown ones.")
}

func TestCompareRefuses(t *testing.T) {
	b := openBackend(t, backend.Go)
	training := set(map[int][][]byte{0: ladder(3, 0, 9), 1: ladder(1, 90, 1)})
	o := CASOptions{Backend: b, Dir: t.TempDir(), Seeds: 1, Steps: 1, Log: t.Logf, Real: func(sweep.Dataset) (Real, error) {
		return Real{Training: training, Balanced: training}, nil
	}}
	refused := func(want string) {
		t.Helper()
		_, err := Compare(t.Context(), o)
		require.ErrorContains(t, err, want)
		require.True(t, isBadData(err))
	}
	refused("has no generate.json")
	s := Settings{Dataset: sweep.Dataset{Name: sweep.ImageFolder, Size: side, FolderChannels: 1, FolderClasses: 2}, Classes: training.Classes, TrainingImages: training.Counts}
	settle := func() { require.NoError(t, file.WriteJSON(filepath.Join(o.Dir, settingsName), s, 0o600)) }
	settle()
	refused("are not those that the checkpoint")
	s.DatasetDigest = digestOf(t, training)
	settle()
	refused("there are no held-out images: every real image is trained on (valid: --held-out DIR")
	o.Real = func(sweep.Dataset) (Real, error) {
		return Real{Training: training, Balanced: set(map[int][][]byte{0: ladder(3, 4, 9)})}, nil
	}
	refused("has no generated images")
	s.Dataset.Size = 9
	settle()
	refused("no classifier takes images of 9 pixels")
}

func digestOf(t *testing.T, s *dataset.Set) string {
	t.Helper()
	digest, err := s.Digest()
	require.NoError(t, err)
	return digest
}
