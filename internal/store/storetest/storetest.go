package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/store"
)

// writers is how many race in the tests of conditional writes.
const writers = 8

// Run tests the stores that open returns: a new, empty one at each call.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	tests := []struct {
		name string
		test func(*testing.T, store.Store)
	}{
		{"absent objects", testAbsent},
		{"round trip", testRoundTrip},
		{"put replaces", testPutReplaces},
		{"a body that ends early stores nothing", testShortBody},
		{"large object", testLarge},
		{"odd keys", testOddKeys},
		{"keys refused", testBadKeys},
		{"create once", testCreateOnce},
		{"create race", testCreateRace},
		{"replace", testReplace},
		{"replace race", testReplaceRace},
		{"conditional body limit", testLimit},
		{"list", testList},
		{"list pages", testListPages},
		{"folders", testFolders},
		{"delete", testDelete},
		{"writers in one folder", testNeighbours},
		{"cancelled context", testCancelled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, open(t)) })
	}
}

func put(t *testing.T, s store.Store, key, body string) {
	t.Helper()
	require.NoError(t, s.Put(t.Context(), key, strings.NewReader(body), int64(len(body))))
}

func get(t *testing.T, s store.Store, key string) []byte {
	t.Helper()
	r, info, err := s.Get(t.Context(), key)
	require.NoError(t, err)
	body, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.Equal(t, key, info.Key)
	require.EqualValues(t, len(body), info.Size)
	return body
}

func keys(t *testing.T, s store.Store, prefix string) []string {
	t.Helper()
	var found []string
	for info, err := range s.List(t.Context(), prefix) {
		require.NoError(t, err)
		found = append(found, info.Key)
	}
	return found
}

func testAbsent(t *testing.T, s store.Store) {
	_, _, err := s.Get(t.Context(), "a/b")
	require.ErrorIs(t, err, store.ErrNotFound)
	require.ErrorContains(t, err, "a/b")
	_, err = s.Stat(t.Context(), "a/b")
	require.ErrorIs(t, err, store.ErrNotFound)
	require.NoError(t, s.Delete(t.Context(), "a/b"))
	require.Empty(t, keys(t, s, ""))

	put(t, s, "a/b", "x")
	_, err = s.Stat(t.Context(), "a/bc")
	require.ErrorIs(t, err, store.ErrNotFound)
	_, _, err = s.Get(t.Context(), "a")
	require.ErrorIs(t, err, store.ErrNotFound, "a folder is not an object")
}

func testRoundTrip(t *testing.T, s store.Store) {
	for key, body := range map[string]string{"empty": "", "d/one": "1", "d/e/binary": "\x00\xff\r\n\x00"} {
		put(t, s, key, body)
		require.Equal(t, body, string(get(t, s, key)))
		info, err := s.Stat(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, key, info.Key)
		require.EqualValues(t, len(body), info.Size)
		require.NotEmpty(t, info.ETag)
		require.False(t, info.Modified.IsZero())
	}
	for i := range 20 { // the request after an empty put on its connection is read, too
		key := fmt.Sprintf("d/nothing/%d", i)
		etag, err := s.PutIfAbsent(t.Context(), key, nil)
		require.NoError(t, err)
		require.NotEmpty(t, etag)
		require.Empty(t, get(t, s, key))
	}
}

func testPutReplaces(t *testing.T, s store.Store) {
	put(t, s, "k", "a longer first body")
	put(t, s, "k", "second")
	require.Equal(t, "second", string(get(t, s, "k")))
}

func testShortBody(t *testing.T, s store.Store) {
	for _, size := range []int64{10, 20 << 20} { // in one part, and in several
		require.Error(t, s.Put(t.Context(), "k", strings.NewReader("short"), size))
		_, err := s.Stat(t.Context(), "k")
		require.ErrorIs(t, err, store.ErrNotFound)
	}
	broken := errors.New("disk on fire")
	put(t, s, "k", "old")
	body := io.MultiReader(strings.NewReader("half of i"), failing{broken})
	require.Error(t, s.Put(t.Context(), "k", body, 100))
	require.Equal(t, "old", string(get(t, s, "k")))
	require.Error(t, s.Put(t.Context(), "k", strings.NewReader(""), -1))
}

// failing is a reader that fails.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func testLarge(t *testing.T, s store.Store) {
	body := make([]byte, 20<<20+1)
	for i := range body {
		body[i] = byte(i * 7 >> 3)
	}
	require.NoError(t, s.Put(t.Context(), "large/at", bytes.NewReader(body), int64(len(body))))
	require.True(t, bytes.Equal(body, get(t, s, "large/at")))
	onlyReader := struct{ io.Reader }{bytes.NewReader(body)}
	require.NoError(t, s.Put(t.Context(), "large/stream", onlyReader, int64(len(body))))
	require.True(t, bytes.Equal(body, get(t, s, "large/stream")))
	require.Equal(t, []string{"large/at", "large/stream"}, keys(t, s, ""), "no parts left behind")
}

// oddKeys need care in URLs, signatures or XML.
var oddKeys = []string{
	"a b", "a+b", "a%2Fb", "a&b<c>'\"", "a=b?c#d", "käse/日本", "x:y;z@!$*()~,", "[1]/{2}", ".hidden/..double", "deep/" + strings.Repeat("d/", 20) + "f",
	"seg/" + strings.Repeat("s", 200),
}

func testOddKeys(t *testing.T, s store.Store) {
	for _, key := range oddKeys {
		put(t, s, key, key)
	}
	for _, key := range oddKeys {
		require.Equal(t, key, string(get(t, s, key)))
		require.Equal(t, []string{key}, keys(t, s, key))
		_, err := s.PutIfAbsent(t.Context(), key, []byte("x"))
		require.ErrorIs(t, err, store.ErrExists, key)
		require.NoError(t, s.Delete(t.Context(), key))
		_, err = s.Stat(t.Context(), key)
		require.ErrorIs(t, err, store.ErrNotFound, key)
	}
}

func testBadKeys(t *testing.T, s store.Store) {
	for _, key := range []string{"", "/a", "a/", "a//b", "a/./b", "../a", "a/..", "a\x00b", "a\nb", "a\xffb", `a\b`, strings.Repeat("k/", 600) + "k", strings.Repeat("k", 256)} {
		require.Error(t, s.Put(t.Context(), key, strings.NewReader("x"), 1), "%q", key)
		_, err := s.PutIfAbsent(t.Context(), key, []byte("x"))
		require.Error(t, err, "%q", key)
		_, _, err = s.Get(t.Context(), key)
		require.Error(t, err, "%q", key)
		require.Error(t, s.Delete(t.Context(), key), "%q", key)
	}
	require.Empty(t, keys(t, s, ""))
}

func testCreateOnce(t *testing.T, s store.Store) {
	etag, err := s.PutIfAbsent(t.Context(), "a/k", []byte("first"))
	require.NoError(t, err)
	info, err := s.Stat(t.Context(), "a/k")
	require.NoError(t, err)
	require.Equal(t, info.ETag, etag)
	for _, body := range []string{"first", "second"} {
		_, err = s.PutIfAbsent(t.Context(), "a/k", []byte(body))
		require.ErrorIs(t, err, store.ErrExists)
		require.ErrorContains(t, err, "a/k")
	}
	require.Equal(t, "first", string(get(t, s, "a/k")))
	require.NoError(t, s.Delete(t.Context(), "a/k"))
	_, err = s.PutIfAbsent(t.Context(), "a/k", []byte("third"))
	require.NoError(t, err)
}

func testCreateRace(t *testing.T, s store.Store) {
	for round := range 5 {
		key := fmt.Sprintf("race/%d", round)
		errs := race(func(w int) error {
			_, err := s.PutIfAbsent(t.Context(), key, []byte("writer "+strconv.Itoa(w)))
			return err
		})
		winner := slices.Index(errs, nil)
		require.GreaterOrEqual(t, winner, 0, "one writer succeeds: %v", errs)
		for w, err := range errs {
			if w != winner {
				require.ErrorIs(t, err, store.ErrExists)
			}
		}
		require.Equal(t, "writer "+strconv.Itoa(winner), string(get(t, s, key)))
	}
}

// race runs f once a writer, all at the same moment, and returns their errors.
func race(f func(writer int) error) []error {
	var (
		wg    sync.WaitGroup
		start = make(chan struct{})
		errs  = make([]error, writers)
	)
	for w := range writers {
		wg.Go(func() {
			<-start
			errs[w] = f(w)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

func testReplace(t *testing.T, s store.Store) {
	_, err := s.Replace(t.Context(), "k", []byte("x"), "0123456789abcdef0123456789abcdef")
	require.ErrorIs(t, err, store.ErrNotFound)
	first, err := s.PutIfAbsent(t.Context(), "k", []byte("1"))
	require.NoError(t, err)
	second, err := s.Replace(t.Context(), "k", []byte("2"), first)
	require.NoError(t, err)
	require.NotEqual(t, first, second)
	_, err = s.Replace(t.Context(), "k", []byte("3"), first)
	require.ErrorIs(t, err, store.ErrChanged)
	require.Equal(t, "2", string(get(t, s, "k")))
	_, info, err := s.Get(t.Context(), "k")
	require.NoError(t, err)
	_, err = s.Replace(t.Context(), "k", []byte("3"), info.ETag)
	require.NoError(t, err)
	require.NoError(t, s.Delete(t.Context(), "k"))
	_, err = s.Replace(t.Context(), "k", []byte("4"), info.ETag)
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = s.Stat(t.Context(), "k")
	require.ErrorIs(t, err, store.ErrNotFound)
}

func testReplaceRace(t *testing.T, s store.Store) {
	const increments = 6
	_, err := s.PutIfAbsent(t.Context(), "counter", []byte("0"))
	require.NoError(t, err)
	errs := race(func(int) error {
		for range increments {
			if err := increment(t.Context(), s, "counter"); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, errors.Join(errs...))
	require.Equal(t, strconv.Itoa(writers*increments), string(get(t, s, "counter")))
}

func increment(ctx context.Context, s store.Store, key string) error {
	for {
		r, info, err := s.Get(ctx, key)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil {
			return err
		}
		n, err := strconv.Atoi(string(body))
		if err != nil {
			return err
		}
		_, err = s.Replace(ctx, key, []byte(strconv.Itoa(n+1)), info.ETag)
		if err == nil || !errors.Is(err, store.ErrChanged) {
			return err
		}
	}
}

func testLimit(t *testing.T, s store.Store) {
	etag, err := s.PutIfAbsent(t.Context(), "k", make([]byte, store.MaxConditional))
	require.NoError(t, err)
	_, err = s.Replace(t.Context(), "k", make([]byte, store.MaxConditional+1), etag)
	require.ErrorContains(t, err, "more than the")
	_, err = s.PutIfAbsent(t.Context(), "other", make([]byte, store.MaxConditional+1))
	require.ErrorContains(t, err, "more than the")
	_, err = s.Stat(t.Context(), "other")
	require.ErrorIs(t, err, store.ErrNotFound)
}
