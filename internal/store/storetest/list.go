package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/store"
)

func testList(t *testing.T, s store.Store) {
	// In byte order: '-' and '!' come before the slash, digits after it.
	all := []string{"a-b/x", "a/b!/c", "a/b/c", "a/b0", "a/bc", "a0/x", "b"}
	for _, i := range []int{3, 0, 6, 2, 5, 1, 4} {
		put(t, s, all[i], "x")
	}
	require.True(t, slices.IsSorted(all))
	for _, prefix := range []string{"", "a", "a/", "a/b", "a/b/", "a/b/c", "a/b/c/d", "b", "c", "a-"} {
		var want []string
		for _, key := range all {
			if strings.HasPrefix(key, prefix) {
				want = append(want, key)
			}
		}
		require.Equal(t, want, keys(t, s, prefix), "prefix %q", prefix)
		for _, after := range append(all, "", "a/b!", "zz") {
			rest := []string{}
			for info, err := range s.ListAfter(t.Context(), prefix, after) {
				require.NoError(t, err)
				rest = append(rest, info.Key)
			}
			require.Equal(t, slices.DeleteFunc(append([]string{}, want...), func(key string) bool { return key <= after }), rest, "prefix %q after %q", prefix, after)
		}
	}
	for info, err := range s.List(t.Context(), "a") {
		require.NoError(t, err)
		require.EqualValues(t, 1, info.Size)
		require.NotEmpty(t, info.ETag)
		break // stopping early is allowed
	}
}

func testListPages(t *testing.T, s store.Store) {
	const n = 1050 // a page of S3 has 1000
	want := make([]string, n)
	for i := range want {
		want[i] = fmt.Sprintf("many/%02d/%04d", i/100, i)
	}
	var wg sync.WaitGroup
	errs := make([]error, writers)
	for w := range writers {
		wg.Go(func() {
			for i := w; i < n && errs[w] == nil; i += writers {
				errs[w] = s.Put(t.Context(), want[i], strings.NewReader("x"), 1)
			}
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	require.Equal(t, want, keys(t, s, "many/"))
	require.Len(t, folders(t, s, "many/"), 11)
}

func folders(t *testing.T, s store.Store, prefix string) []string {
	t.Helper()
	var found []string
	for name, err := range s.Folders(t.Context(), prefix) {
		require.NoError(t, err)
		found = append(found, name)
	}
	return found
}

func testFolders(t *testing.T, s store.Store) {
	for _, key := range []string{"top", "s/a-b/x", "s/a/x", "s/a/y/z", "s/c/x", "s/file"} {
		put(t, s, key, "x")
	}
	require.Equal(t, []string{"s"}, folders(t, s, ""))
	require.Equal(t, []string{"a-b", "a", "c"}, folders(t, s, "s/"), "in order of a-b/, a/, c/")
	require.Equal(t, []string{"y"}, folders(t, s, "s/a/"))
	require.Empty(t, folders(t, s, "s/c/"))
	require.Empty(t, folders(t, s, "none/"))
	for _, err := range s.Folders(t.Context(), "s") {
		require.Error(t, err)
	}
	require.NoError(t, s.Delete(t.Context(), "s/c/x"))
	require.Equal(t, []string{"a-b", "a"}, folders(t, s, "s/"), "an empty folder is not listed")
}

func testDelete(t *testing.T, s store.Store) {
	put(t, s, "d/a", "x")
	put(t, s, "d/b", "x")
	require.NoError(t, s.Delete(t.Context(), "d/a"))
	require.NoError(t, s.Delete(t.Context(), "d/a"), "absent already")
	require.NoError(t, s.Delete(t.Context(), "d"), "a folder is not an object")
	require.Equal(t, []string{"d/b"}, keys(t, s, ""))
	put(t, s, "d/a", "again")
	require.Equal(t, []string{"d/a", "d/b"}, keys(t, s, ""))
}

// testNeighbours puts and deletes in one folder at once: a service that keeps
// folders on disk removes one with its last object, and no writer may notice.
func testNeighbours(t *testing.T, s store.Store) {
	errs := race(func(w int) error {
		for i := range 10 {
			key := fmt.Sprintf("n/%d/%d/object", i, w%2)
			other := fmt.Sprintf("%s-%d", key, w)
			var err error
			if i%2 == 0 {
				err = s.Put(t.Context(), other, strings.NewReader("x"), 1)
			} else {
				_, err = s.PutIfAbsent(t.Context(), other, []byte("x"))
			}
			if err != nil {
				return err
			}
			if _, err := s.Stat(t.Context(), other); err != nil {
				return err // the put returned no error
			}
			if err := s.Delete(t.Context(), other); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, errors.Join(errs...))
	require.Empty(t, keys(t, s, ""))
}

func testCancelled(t *testing.T, s store.Store) {
	put(t, s, "k", "x")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.Put(ctx, "a", strings.NewReader("x"), 1), context.Canceled)
	_, err := s.PutIfAbsent(ctx, "a", []byte("x"))
	require.ErrorIs(t, err, context.Canceled)
	_, _, err = s.Get(ctx, "k")
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.Stat(ctx, "k")
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, s.Delete(ctx, "k"), context.Canceled)
	listed := 0
	for _, err := range s.List(ctx, "") {
		listed++
		require.ErrorIs(t, err, context.Canceled)
	}
	require.Equal(t, 1, listed, "the error is yielded once")
	for _, err := range s.Folders(ctx, "") {
		require.ErrorIs(t, err, context.Canceled)
	}
	require.Equal(t, []string{"k"}, keys(t, s, ""))
}
