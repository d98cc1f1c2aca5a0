package archive

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

var regen = flag.Bool("regen", false, "write the golden files again")

// finished stores a sweep with one finished trial.
func finished(t *testing.T) (*crashing, *Archive, sweep.Trial) {
	t.Helper()
	s := newCrashing()
	a := New(s)
	reserve(t, a, aSpec(), "name: fashion-lt\n")
	trial := aTrial(3)
	ref, err := a.Upload(t.Context(), name, 3, 1, stage(t, 3, 1, 600, "a"))
	require.NoError(t, err)
	trial.Checkpoint = ref.Key
	png := filepath.Join(t.TempDir(), "g.png")
	require.NoError(t, os.WriteFile(png, []byte("an image"), 0o600))
	trial.Grid, err = a.PutGrid(t.Context(), name, 3, png)
	require.NoError(t, err)
	return s, a, trial
}

func TestPull(t *testing.T) {
	_, a, trial := finished(t)
	p := Pull{Sweep: name, Trial: trial, Dir: filepath.Join(t.TempDir(), "out")}
	require.NoError(t, a.Pull(t.Context(), p))
	require.Equal(t, []string{
		"trial-000003", "trial-000003/MANIFEST.json", "trial-000003/README.md", "trial-000003/curve.jsonl", "trial-000003/grid.png",
		"trial-000003/model.safetensors", "trial-000003/spec.yaml", "trial-000003/trial.json",
	}, tree(t, p.Dir))
	m, err := checkpoint.ReadManifest(p.Folder())
	require.NoError(t, err)
	require.NoError(t, m.VerifyFile(p.Folder(), checkpoint.ModelName))
	data, err := os.ReadFile(filepath.Join(p.Folder(), TrialName))
	require.NoError(t, err)
	var back sweep.Trial
	require.NoError(t, json.Unmarshal(data, &back))
	require.Equal(t, trial, back)

	card, err := os.ReadFile(filepath.Join(p.Folder(), CardName))
	require.NoError(t, err)
	golden := filepath.Join("testdata", "card.md")
	if *regen {
		require.NoError(t, os.WriteFile(golden, card, 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), string(card))

	require.ErrorIs(t, a.Pull(t.Context(), p), ErrNotEmpty, "it is there already")
	p.Dir, p.State = filepath.Join(t.TempDir(), "out"), true
	require.NoError(t, a.Pull(t.Context(), p))
	require.NoError(t, m.VerifyFile(p.Folder(), "state/state.json"))
}

func TestPullLeavesNothingBehind(t *testing.T) {
	evil := func(s store.Store, trial sweep.Trial, path string) {
		overwrite(t, s, trial.Checkpoint+"/MANIFEST.json", func(b []byte) []byte {
			return []byte(strings.Replace(string(b), `"model.safetensors"`, `"`+path+`"`, 1))
		})
	}
	tests := []struct {
		name    string
		damage  func(*crashing, *sweep.Trial)
		is      error
		message string
	}{
		{"a flipped bit", func(s *crashing, trial *sweep.Trial) { overwrite(t, s, trial.Checkpoint+"/model.safetensors", flip) }, activities.ErrCorrupt, "model.safetensors"},
		{"a way out", func(s *crashing, trial *sweep.Trial) { evil(s, *trial, "../evil") }, activities.ErrCorrupt, "../evil"},
		{"no weights", func(s *crashing, trial *sweep.Trial) { evil(s, *trial, "model.other") }, activities.ErrCorrupt, "model.safetensors"},
		{"a connection that breaks", func(s *crashing, _ *sweep.Trial) { s.reads = 3 }, nil, "unexpected EOF"},
		{"removed by retention, with a failed gate", func(s *crashing, trial *sweep.Trial) {
			trial.Gates = []string{"it copies"}
			require.NoError(t, New(s).Remove(t.Context(), trial.Checkpoint))
		}, store.ErrNotFound, "was removed: it failed a gate (it copies)"},
		{"removed by retention", func(s *crashing, trial *sweep.Trial) {
			require.NoError(t, New(s).Remove(t.Context(), trial.Checkpoint))
		}, store.ErrNotFound, "save_sweep_best"},
		{"never finished", func(_ *crashing, trial *sweep.Trial) { trial.Checkpoint, trial.Status = "", sweep.StatusFailed }, nil, "is failed and has no final checkpoint"},
		{"a key from elsewhere", func(_ *crashing, trial *sweep.Trial) { trial.Checkpoint = "../../etc" }, nil, "not the key"},
		{"another trial's checkpoint", func(_ *crashing, trial *sweep.Trial) { trial.Number = 4 }, nil, "not a checkpoint of trial 4"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, a, trial := finished(t)
			tt.damage(s, &trial)
			parent := t.TempDir()
			err := a.Pull(t.Context(), Pull{Sweep: name, Trial: trial, Dir: filepath.Join(parent, "out"), State: true})
			require.ErrorContains(t, err, tt.message)
			if tt.is != nil {
				require.ErrorIs(t, err, tt.is)
			}
			require.Empty(t, tree(t, parent))
		})
	}
	_, a, trial := finished(t)
	require.ErrorIs(t, a.Pull(t.Context(), Pull{Sweep: "unknown", Trial: trial, Dir: t.TempDir()}), store.ErrNotFound)
}

// TestPullThroughALink plants a link in the place of the trial's folder.
func TestPullThroughALink(t *testing.T) {
	_, a, trial := finished(t)
	elsewhere := t.TempDir()
	p := Pull{Sweep: name, Trial: trial, Dir: t.TempDir()}
	require.NoError(t, os.Symlink(elsewhere, p.Folder()))
	require.ErrorIs(t, a.Pull(t.Context(), p), ErrNotEmpty)
	require.Empty(t, tree(t, elsewhere))
	require.Equal(t, []string{"trial-000003"}, tree(t, p.Dir))
}

// A path that the manifest's parser accepted by mistake cannot leave the folder.
func TestDownloadStaysInItsFolder(t *testing.T) {
	s, a, trial := finished(t)
	_, m, err := a.manifest(t.Context(), trial.Checkpoint)
	require.NoError(t, err)
	f, ok := m.File(checkpoint.ModelName)
	require.True(t, ok)
	data, _, err := a.object(trial.Checkpoint+"/"+f.Path, nil).read(t.Context(), 100)
	require.NoError(t, err)
	_, err = s.PutIfAbsent(t.Context(), trial.Checkpoint+"/link/evil", data)
	require.NoError(t, err)

	dir, elsewhere := t.TempDir(), t.TempDir()
	require.NoError(t, os.Symlink(elsewhere, filepath.Join(dir, "link")))
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, root.Close()) }()
	f.Path = "link/evil"
	require.Error(t, a.download(t.Context(), trial.Checkpoint, f, root))
	require.Empty(t, tree(t, elsewhere))
}

func TestCardTextIsHarmless(t *testing.T) {
	require.Equal(t, "a_b__script___c", cell("a|b<\nscript>`\\c"))
	require.LessOrEqual(t, len(cell(strings.Repeat("ü", 500))), maxCell+3)
}

// The floor of a folder whose classes are too small for FID is that of KID.
func TestCardShowsTheFloor(t *testing.T) {
	var lines []string
	c := card{trial: sweep.Trial{Evaluation: sweep.Evaluation{Floor: map[string]float64{"kid.tail": -0.25, "coverage.tail": 0.9}, FloorError: map[string]float64{"kid.tail": 0.5}}}}
	c.metrics(func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) })
	require.Contains(t, lines, "| kid of half of the real images against the other half |  |  |  | -0.25 ± 0.98 |")
	require.NotContains(t, strings.Join(lines, "\n"), "| fid of half")
}
