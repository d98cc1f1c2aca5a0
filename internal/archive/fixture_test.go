package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/internal/store/storetest"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

const name = "fashion-lt"

var errCrash = errors.New("the process dies here")

// crashing is a fake of a process that dies: a store in memory that records
// puts and deletions and fails after a number of them.
type crashing struct {
	*storetest.Memory
	ops   []string
	left  int // operations until the crash; negative for none
	reads int // bytes that a body gives before it breaks; negative for all
}

func newCrashing() *crashing { return &crashing{Memory: storetest.NewMemory(), left: -1, reads: -1} }

func (c *crashing) step(op, key string) error {
	if c.left == 0 {
		return errCrash
	}
	c.left--
	c.ops = append(c.ops, op+" "+key)
	return nil
}

func (c *crashing) Put(ctx context.Context, key string, body io.Reader, size int64) error {
	if err := c.step("put", key); err != nil {
		return err
	}
	return c.Memory.Put(ctx, key, body, size)
}

func (c *crashing) PutIfAbsent(ctx context.Context, key string, body []byte) (string, error) {
	if err := c.step("create", key); err != nil {
		return "", err
	}
	return c.Memory.PutIfAbsent(ctx, key, body)
}

func (c *crashing) Delete(ctx context.Context, key string) error {
	if err := c.step("delete", key); err != nil {
		return err
	}
	return c.Memory.Delete(ctx, key)
}

func (c *crashing) Get(ctx context.Context, key string) (io.ReadCloser, store.Info, error) {
	r, info, err := c.Memory.Get(ctx, key)
	if err != nil || c.reads < 0 || filepath.Base(key) == checkpoint.ManifestName {
		return r, info, err
	}
	return io.NopCloser(io.MultiReader(io.LimitReader(r, int64(c.reads)), broken{})), info, nil
}

// broken is a body whose connection breaks.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// stage writes a checkpoint folder as a training child does.
func stage(t *testing.T, trial, attempt, step int, content string) string {
	t.Helper()
	w, err := checkpoint.Create(t.TempDir(), checkpoint.Manifest{
		Sweep: name, Trial: trial, Attempt: attempt, Step: step,
		Provenance: checkpoint.Provenance{Version: "v0.1.0", Go: "go1.26.8", Backend: "go", Device: "cpu", SpecDigest: "5bec", DatasetDigest: "da7a", CreatedAt: "2026-11-24T08:00:00Z"},
	})
	require.NoError(t, err)
	require.NoError(t, w.Bytes(checkpoint.ModelName, []byte("weights "+content)))
	require.NoError(t, w.Bytes("state/state.json", []byte("state "+content)))
	require.NoError(t, w.Bytes(checkpoint.CurveName, []byte(`{"step":10,"loss":1,"ddpm":1}`+"\n")))
	dir, err := w.Commit()
	require.NoError(t, err)
	return dir
}

// overwrite changes an object without the archive.
func overwrite(t *testing.T, s store.Store, key string, change func([]byte) []byte) {
	t.Helper()
	data, _, err := New(s).object(key, nil).read(t.Context(), 1<<20)
	require.NoError(t, err)
	require.NoError(t, s.Delete(t.Context(), key))
	_, err = s.PutIfAbsent(t.Context(), key, change(data))
	require.NoError(t, err)
}

func flip(data []byte) []byte {
	data[len(data)/2] ^= 0xff
	return data
}

func objects(t *testing.T, s store.Store) []string {
	t.Helper()
	keys := []string{}
	for info, err := range s.List(t.Context(), "") {
		require.NoError(t, err)
		keys = append(keys, info.Key)
	}
	return keys
}

// tree returns the files and folders below dir.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	found := []string{}
	require.NoError(t, fs.WalkDir(os.DirFS(dir), ".", func(path string, _ fs.DirEntry, err error) error {
		if path != "." {
			found = append(found, path)
		}
		return err
	}))
	slices.Sort(found)
	return found
}

func aTrial(number int) sweep.Trial {
	return sweep.Trial{
		Assignment: sweep.Assignment{
			Number: number, Kind: sweep.KindSearch, Seed: 1, Reason: sweep.Reason{Sampler: "random"},
			Params: sweep.Params{"infonce.weight": sweep.Number(0.5), "infonce.negatives": sweep.Word("all")},
		},
		Status:     sweep.StatusCompleted,
		Evaluation: sweep.Evaluation{Metrics: map[string]float64{"fid.all": 12.3456, "fid.head": 10, "fid.tail": 20.5, "label_accuracy.all": 0.75, "loss": 0.047}, StandardError: map[string]float64{"fid.tail": 1.5}, LeftOut: []sweep.LeftOut{{Families: []string{"precision", "recall"}, Least: 20, Classes: []string{"bag"}}}, Samples: 50, Real: 500, Floor: map[string]float64{"fid.all": 0.42, "fid.tail": 1.25}, Features: "fea7", Guidance: 1.5},

		Steps: 600, Losses: sweep.Losses{LossFirst: new(1.0), LossLast: new(0.047)}, Attempts: 1, Backend: "go", TrainTime: 61.25,
		StartedAt:  time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC),
		FinishedAt: time.Date(2026, 11, 24, 8, 1, 0, 0, time.UTC),
	}
}

func aSpec() *sweep.Spec {
	return &sweep.Spec{
		APIVersion: sweep.APIVersion, Name: name, Method: sweep.MethodRandom, Seed: 7,
		Dataset:     sweep.Dataset{Name: "fashion-mnist-10k", Size: 16, Imbalance: sweep.Imbalance{Profile: "exp", Factor: 0.01}},
		Model:       sweep.Model{Arch: "unet", Width: 32, Depth: 1, Mult: []int{1, 2, 2}},
		Evaluate:    sweep.Evaluate{Sampler: sweep.SamplerDDIM, DDIMSteps: 50},
		Checkpoints: sweep.Checkpoints{EverySteps: 100, SaveSweepBest: 2},
	}
}

func checkpointKeyOf(trial, attempt, step int) string {
	return fmt.Sprintf("v1/sweeps/%s/trials/%06d/attempts/%d/checkpoints/step-%010d", name, trial, attempt, step)
}

// reserve writes the spec of a sweep that has no workflow.
func reserve(t *testing.T, a *Archive, spec *sweep.Spec, yaml string) {
	t.Helper()
	created, err := a.write(t.Context(), reservation{Digest: spec.Digest(), Spec: *spec, YAML: yaml}, nil)
	require.NoError(t, err)
	require.True(t, created)
}
