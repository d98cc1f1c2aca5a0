package archive

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/internal/store/storetest"
	"github.com/tailsweep/tailsweep/sweep"
)

func packOf(first, last int) string {
	return fmt.Sprintf("v1/sweeps/%s/packs/%06d-%06d.jsonl", name, first, last)
}

// fill appends segments of one trial each until the ledger has segs, as a worker does.
func fill(t *testing.T, a *Archive, from, segs int) {
	t.Helper()
	for n := from; n < segs; n++ {
		require.NoError(t, a.AppendSegment(t.Context(), name, n, []sweep.Trial{aTrial(n)}))
		require.NoError(t, a.Compact(t.Context(), name, n+1))
	}
}

// longLedger returns a store with a ledger of segs segments and their packs. It writes
// past the archive, which would take a minute.
func longLedger(t testing.TB, s store.Store, segs int) {
	t.Helper()
	c := newChain(aSpec().Digest())
	packs := map[string][]byte{}
	for n := range segs {
		raw, err := encodeSegment(n, c.previous(n), []sweep.Trial{aTrial(n)})
		require.NoError(t, err)
		one, err := decodeSegment(raw)
		require.NoError(t, err)
		require.NoError(t, c.add(one))
		_, err = s.PutIfAbsent(t.Context(), ledgerKey(n), raw)
		require.NoError(t, err)
		for _, size := range packSizes {
			if first := n - n%size; first+size <= segs {
				key := packOf(first, first+size-1)
				packs[key] = append(packs[key], raw...)
			}
		}
	}
	for key, body := range packs {
		require.NoError(t, s.Put(t.Context(), key, strings.NewReader(string(body)), int64(len(body))))
	}
}

// A ledger of 10,000 segments is read with few requests.
func TestALongLedgerTakesFewRequests(t *testing.T) {
	const segs = 10_000
	objects := newCounting(storetest.NewMemory())
	a := begun(t, objects)
	longLedger(t, objects.Store, segs)
	objects.took()
	ledger, err := a.Ledger(t.Context(), name, segs)
	require.NoError(t, err)
	require.Len(t, ledger, segs)
	// The spec; 2 packs of 4,096, 7 of 256 and 1 of 16.
	require.Equal(t, map[string]int{"get": 1 + 10}, objects.took())

	trials, err := New(objects).Trials(t.Context(), name)
	require.NoError(t, err)
	require.Len(t, trials, segs)
	require.Equal(t, map[string]int{"get": 11, "list": 3}, objects.took(), "one page of segments, the packs, the segments after these")

	require.NoError(t, a.AppendSegment(t.Context(), name, segs, []sweep.Trial{aTrial(segs)}))
	require.Equal(t, map[string]int{"get": 1, "create": 1}, objects.took())
	trials, err = a.Trials(t.Context(), name)
	require.NoError(t, err)
	require.Len(t, trials, segs+1)
	require.Equal(t, map[string]int{"get": 1, "list": 1}, objects.took(), "watch reads it again and again")
}

// TestCompactionSurvivesAKill ends the process after each write of a compaction. The
// ledger stays readable, and a later compaction completes the packs.
func TestCompactionSurvivesAKill(t *testing.T) {
	for kill := range 400 {
		s := newCrashing()
		longLedger(t, s.Memory, 255)
		a := begun(t, s)
		for _, lost := range []string{packOf(0, 15), packOf(224, 239)} { // earlier compactions failed
			require.NoError(t, s.Memory.Delete(t.Context(), lost))
		}
		s.left, s.ops = kill, nil
		err := a.AppendSegment(t.Context(), name, 255, []sweep.Trial{aTrial(255)})
		if err == nil {
			err = a.Compact(t.Context(), name, 256)
		}
		died := err != nil
		s.left = -1
		segs := 255
		if slices.Contains(objects(t, s), ledgerKey(255)) {
			segs = 256
		}
		trials, err := New(s).Trials(t.Context(), name)
		require.NoError(t, err)
		require.Len(t, trials, segs)
		fill(t, New(s), segs, 256)
		require.NoError(t, New(s).Compact(t.Context(), name, 256))
		require.Equal(t, []string{packOf(0, 15), packOf(0, 255), packOf(16, 31)}, packKeys(t, s)[:3])
		require.Len(t, packKeys(t, s), 17)
		c := newCounting(s)
		_, err = New(c).Ledger(t.Context(), name, 256)
		require.NoError(t, err)
		require.Equal(t, map[string]int{"get": 2}, c.took(), "the spec and one pack")
		if !died {
			require.Equal(t, []string{
				"create " + ledgerKey(255), "put " + packOf(240, 255), "put " + packOf(0, 15), "put " + packOf(224, 239), "put " + packOf(0, 255),
			}, s.ops[:5])
			require.Equal(t, 5, kill)
			return
		}
	}
	t.Fatal("the compaction has no end")
}

func packKeys(t *testing.T, s store.Store) []string {
	return slices.DeleteFunc(objects(t, s), func(key string) bool { return !strings.Contains(key, "/packs/") })
}

// damagesOfAPack leave the segments intact.
var damagesOfAPack = map[string]func(t *testing.T, s store.Store){
	"absent":         removing(packOf(0, 15)),
	"a flipped bit":  packing(flip),
	"at its header":  packing(func(b []byte) []byte { b[3] ^= 1; return b }),
	"empty":          packing(func([]byte) []byte { return nil }),
	"cut short":      packing(func(b []byte) []byte { return b[:len(b)/3] }),
	"too long":       packing(func(b []byte) []byte { return append(b, b...) }),
	"of another one": packing(func([]byte) []byte { return []byte("{}\n") }),
}

func packing(change func([]byte) []byte) func(*testing.T, store.Store) {
	return func(t *testing.T, s store.Store) { overwrite(t, s, packOf(0, 15), change) }
}

func TestADamagedPackIsNotUsed(t *testing.T) {
	testPackDamage(t, func(*testing.T) store.Store { return storetest.NewMemory() })
}

// TestPacksOnS3 runs against the service that TestLedgerOnS3 names.
func TestPacksOnS3(t *testing.T) { testPackDamage(t, storetest.OpenS3) }

func testPackDamage(t *testing.T, open func(*testing.T) store.Store) {
	for what, damage := range damagesOfAPack {
		t.Run(what, func(t *testing.T) {
			s := open(t)
			fill(t, begun(t, s), 0, 17)
			intact, _, err := New(s).object(packOf(0, 15), nil).read(t.Context(), maxPack)
			require.NoError(t, err)
			damage(t, s)
			trials, err := New(s).Trials(t.Context(), name)
			require.NoError(t, err)
			require.Len(t, trials, 17)
			require.NoError(t, New(s).Compact(t.Context(), name, 16))
			again, _, err := New(s).object(packOf(0, 15), nil).read(t.Context(), maxPack)
			require.NoError(t, err)
			require.Equal(t, string(intact), string(again), "its bytes follow from the segments")
		})
	}
}

// A pack stands in for a segment that is lost, also for a worker that remembers the
// beginning of the pack.
func TestAPackStandsInForItsSegments(t *testing.T) {
	s := storetest.NewMemory()
	worker := begun(t, s)
	fill(t, worker, 0, 3)
	fill(t, New(s), 3, 18)
	require.NoError(t, s.Delete(t.Context(), ledgerKey(7)))
	for _, a := range []*Archive{worker, New(s)} {
		ledger, err := a.Ledger(t.Context(), name, 18)
		require.NoError(t, err)
		require.Len(t, ledger, 18)
	}
}
