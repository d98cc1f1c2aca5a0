package archive

import (
	"bytes"
	"context"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/internal/store/storetest"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

func TestCheckpointRoundTrip(t *testing.T) {
	s := newCrashing()
	a := New(s)
	dir := stage(t, 3, 1, 200, "a")
	ref, err := a.Upload(t.Context(), name, 3, 1, dir)
	require.NoError(t, err)
	require.Equal(t, activities.CheckpointRef{Key: checkpointKeyOf(3, 1, 200), Step: 200}, ref)
	require.Equal(t, "create "+ref.Key+"/MANIFEST.json", s.ops[len(s.ops)-1], "the manifest comes last, conditionally")
	require.Len(t, s.ops, 4)

	again, err := a.Upload(t.Context(), name, 3, 1, dir)
	require.NoError(t, err)
	require.Equal(t, ref, again)
	require.Len(t, s.ops, 5, "an equal one writes no file, it only looks at the manifest")

	out := filepath.Join(t.TempDir(), "made", "as", "needed")
	require.NoError(t, a.Download(t.Context(), ref.Key, out, nil))
	m, err := checkpoint.Verify(out)
	require.NoError(t, err)
	require.Equal(t, 200, m.Step)
	require.Equal(t, tree(t, dir), tree(t, out))
}

func TestListHasHighestStepFirst(t *testing.T) {
	a := New(storetest.NewMemory())
	for _, c := range []struct{ attempt, step int }{{1, 100}, {1, 200}, {2, 200}, {2, 300}, {10, 200}} {
		_, err := a.Upload(t.Context(), name, 3, c.attempt, stage(t, 3, c.attempt, c.step, "a"))
		require.NoError(t, err)
	}
	_, err := a.Upload(t.Context(), name, 4, 1, stage(t, 4, 1, 900, "other trial"))
	require.NoError(t, err)
	refs, _, err := a.List(t.Context(), name, 3)
	require.NoError(t, err)
	var keys []string
	for _, ref := range refs {
		keys = append(keys, ref.Key)
	}
	require.Equal(t, []string{
		checkpointKeyOf(3, 2, 300), checkpointKeyOf(3, 10, 200), checkpointKeyOf(3, 2, 200), checkpointKeyOf(3, 1, 200), checkpointKeyOf(3, 1, 100),
	}, keys)
	refs, _, err = a.List(t.Context(), name, 5)
	require.NoError(t, err)
	require.Empty(t, refs)
}

// TestUploadIsCompleteOrAbsent ends an upload after every number of operations.
func TestUploadIsCompleteOrAbsent(t *testing.T) {
	dir := stage(t, 3, 1, 200, "a")
	for n := range 4 {
		s := newCrashing()
		s.left = n
		a := New(s)
		_, err := a.Upload(t.Context(), name, 3, 1, dir)
		require.ErrorIs(t, err, errCrash)
		refs, _, err := a.List(t.Context(), name, 3)
		require.NoError(t, err)
		require.Empty(t, refs, "after %d operations", n)
		err = a.Download(t.Context(), checkpointKeyOf(3, 1, 200), filepath.Join(t.TempDir(), "out"), nil)
		require.ErrorIs(t, err, activities.ErrCorrupt)

		s.left = -1
		ref, err := a.Upload(t.Context(), name, 3, 1, dir)
		require.NoError(t, err)
		require.NoError(t, a.Download(t.Context(), ref.Key, filepath.Join(t.TempDir(), "out"), nil))
	}
}

func TestUploadRefuses(t *testing.T) {
	s := newCrashing()
	a := New(s)
	_, err := a.Upload(t.Context(), name, 3, 2, stage(t, 3, 1, 200, "a"))
	require.ErrorContains(t, err, "attempt 1")
	require.ErrorIs(t, err, activities.ErrCorrupt, "no further try changes that")
	_, err = a.Upload(t.Context(), "../x", 3, 1, stage(t, 3, 1, 200, "a"))
	require.Error(t, err)
	damaged := stage(t, 3, 1, 200, "a")
	require.NoError(t, os.WriteFile(filepath.Join(damaged, checkpoint.ModelName), []byte("weights b"), 0o600))
	_, err = a.Upload(t.Context(), name, 3, 1, damaged)
	require.ErrorIs(t, err, activities.ErrCorrupt)
	require.Empty(t, s.ops)

	ref, err := a.Upload(t.Context(), name, 3, 1, stage(t, 3, 1, 200, "first"))
	require.NoError(t, err)
	_, err = a.Upload(t.Context(), name, 3, 1, stage(t, 3, 1, 200, "second"))
	require.ErrorIs(t, err, activities.ErrConflict)
	require.NoError(t, a.Download(t.Context(), ref.Key, filepath.Join(t.TempDir(), "out"), nil), "the first is unharmed")
}

func TestDownloadFindsDamage(t *testing.T) {
	key := checkpointKeyOf(3, 1, 200)
	manifest := func(old, replacement string) func(*testing.T, store.Store) {
		return func(t *testing.T, s store.Store) {
			overwrite(t, s, key+"/MANIFEST.json", func(b []byte) []byte {
				changed := bytes.Replace(b, []byte(old), []byte(replacement), 1)
				require.NotEqual(t, b, changed)
				return changed
			})
		}
	}
	file := func(name string, change func([]byte) []byte) func(*testing.T, store.Store) {
		return func(t *testing.T, s store.Store) { overwrite(t, s, key+"/"+name, change) }
	}
	remove := func(name string) func(*testing.T, store.Store) {
		return func(t *testing.T, s store.Store) { require.NoError(t, s.Delete(t.Context(), key+"/"+name)) }
	}
	tests := []struct {
		name    string
		damage  func(*testing.T, store.Store)
		message string
	}{
		{"a flipped bit", file("model.safetensors", flip), "model.safetensors has sha256"},
		{"a truncated file", file("model.safetensors", func(b []byte) []byte { return b[:3] }), "model.safetensors has 3 bytes"},
		{"a grown file", file("curve.jsonl", func(b []byte) []byte { return append(b, 'x') }), "curve.jsonl has"},
		{"a missing file", remove("state/state.json"), "state/state.json is missing"},
		{"no manifest", remove("MANIFEST.json"), "no MANIFEST.json"},
		{"a damaged manifest", file("MANIFEST.json", func(b []byte) []byte { return b[:len(b)/2] }), "MANIFEST.json"},
		{"another trial's manifest", manifest(`"trial": 3`, `"trial": 4`), "trial 4"},
		{"a way out", manifest(`"model.safetensors"`, `"../../evil"`), "../../evil"},
		{"an absolute path", manifest(`"model.safetensors"`, `"/tmp/evil"`), "/tmp/evil"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := storetest.NewMemory()
			a := New(s)
			_, err := a.Upload(t.Context(), name, 3, 1, stage(t, 3, 1, 200, "a"))
			require.NoError(t, err)
			tt.damage(t, s)
			parent := t.TempDir()
			err = a.Download(t.Context(), key, filepath.Join(parent, "deep", "out"), nil)
			require.ErrorIs(t, err, activities.ErrCorrupt)
			require.ErrorContains(t, err, tt.message)
			require.Empty(t, tree(t, parent))
		})
	}
}

func TestAnInterruptedDownloadIsNotDamage(t *testing.T) {
	s := newCrashing()
	a := New(s)
	ref, err := a.Upload(t.Context(), name, 3, 1, stage(t, 3, 1, 200, "a"))
	require.NoError(t, err)
	s.reads = 4
	parent := t.TempDir()
	err = a.Download(t.Context(), ref.Key, filepath.Join(parent, "out"), nil)
	require.Error(t, err)
	require.NotErrorIs(t, err, activities.ErrCorrupt)
	require.Empty(t, tree(t, parent))

	s.reads = -1
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, a.Download(ctx, ref.Key, filepath.Join(parent, "out"), nil), context.Canceled)
	require.Empty(t, tree(t, parent))
}

func TestDownloadNeedsAnEmptyPlace(t *testing.T) {
	a := New(storetest.NewMemory())
	ref, err := a.Upload(t.Context(), name, 3, 1, stage(t, 3, 1, 200, "a"))
	require.NoError(t, err)

	parent, elsewhere := t.TempDir(), t.TempDir()
	full := filepath.Join(parent, "full")
	require.NoError(t, os.MkdirAll(filepath.Join(full, "mine"), 0o755))
	file := filepath.Join(parent, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	link := filepath.Join(parent, "link")
	require.NoError(t, os.Symlink(elsewhere, link))
	before := tree(t, parent)
	for _, target := range []string{full, file, link} {
		require.ErrorIs(t, a.Download(t.Context(), ref.Key, target, nil), ErrNotEmpty, target)
	}
	require.Equal(t, before, tree(t, parent))
	require.Empty(t, tree(t, elsewhere))

	empty := filepath.Join(parent, "empty")
	require.NoError(t, os.Mkdir(empty, 0o755))
	require.NoError(t, a.Download(t.Context(), ref.Key, empty, nil))
	require.FileExists(t, filepath.Join(empty, checkpoint.ModelName))
}

// denying is a fake of a store that refuses the keys.
type denying struct{ *storetest.Memory }

var errRevoked = &store.AccessError{Op: "any", Reason: block.UnknownKey}

func (denying) Put(context.Context, string, io.Reader, int64) error { return errRevoked }

func (denying) Stat(context.Context, string) (store.Info, error) {
	return store.Info{}, errRevoked
}

func (denying) Get(context.Context, string) (io.ReadCloser, store.Info, error) {
	return nil, store.Info{}, errRevoked
}

func (denying) List(context.Context, string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) { yield(store.Info{}, errRevoked) }
}

func TestRefusedKeysBlock(t *testing.T) {
	a := New(denying{storetest.NewMemory()})
	dir := stage(t, 3, 1, 200, "a")
	_, _, list := a.List(t.Context(), name, 3)
	_, upload := a.Upload(t.Context(), name, 3, 1, dir)
	_, grid := a.PutGrid(t.Context(), name, 3, filepath.Join(dir, checkpoint.ModelName))
	download := a.Download(t.Context(), checkpointKeyOf(3, 1, 200), filepath.Join(t.TempDir(), "out"), nil)
	for _, err := range []error{list, upload, grid, download} {
		require.Equal(t, block.UnknownKey, activities.BlockReason(err))
		require.ErrorIs(t, err, store.ErrDenied)
	}
}

func TestRemoveRemovesTheManifestFirst(t *testing.T) {
	s := newCrashing()
	a := New(s)
	ref, err := a.Upload(t.Context(), name, 3, 1, stage(t, 3, 1, 200, "a"))
	require.NoError(t, err)
	s.left = 1
	require.ErrorIs(t, a.Remove(t.Context(), ref.Key), errCrash)
	complete, partial, err := a.List(t.Context(), name, 3)
	require.NoError(t, err)
	require.Empty(t, complete)
	require.Equal(t, []activities.CheckpointRef{ref}, partial)
	s.left = -1
	require.NoError(t, a.Remove(t.Context(), ref.Key))
	require.NoError(t, a.Remove(t.Context(), ref.Key), "twice")
	require.Empty(t, objects(t, s))
	require.Error(t, a.Remove(t.Context(), "v1/sweeps/"+name), "only checkpoints")
}

func TestCheckpointKeys(t *testing.T) {
	for _, id := range []checkpointID{{"a", 0, 0, 0}, {name, maxNumber, maxNumber, maxStep}} {
		key, err := id.key()
		require.NoError(t, err)
		back, err := parseCheckpointKey(key)
		require.NoError(t, err)
		require.Equal(t, id, back)
	}
	for _, id := range []checkpointID{{"", 0, 0, 0}, {"A", 0, 0, 0}, {"a/b", 0, 0, 0}, {"a", -1, 0, 0}, {"a", 0, -1, 0}, {"a", 0, 0, -1}, {"a", maxNumber + 1, 0, 0}, {"a", 0, 0, maxStep + 1}} {
		_, err := id.key()
		require.Error(t, err, "%v", id)
	}
	good := checkpointKeyOf(3, 1, 200)
	for _, key := range []string{"", good + "/", good + "/x", "/" + good, strings.Replace(good, "/1/", "/01/", 1), strings.Replace(good, name, "..", 1), good + "\n"} {
		_, err := parseCheckpointKey(key)
		require.Error(t, err, "%q", key)
	}
}
