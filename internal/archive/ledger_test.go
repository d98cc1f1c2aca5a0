package archive

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/internal/store/storetest"
	"github.com/tailsweep/tailsweep/sweep"
)

// counting counts the requests of a store, by kind.
type counting struct {
	store.Store
	mu    sync.Mutex
	count map[string]int
}

func newCounting(s store.Store) *counting { return &counting{Store: s, count: map[string]int{}} }

func (c *counting) add(kind string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count[kind]++
}

// took returns the requests since the last call.
func (c *counting) took() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	took := c.count
	c.count = map[string]int{}
	return took
}

func (c *counting) Get(ctx context.Context, key string) (io.ReadCloser, store.Info, error) {
	c.add("get")
	return c.Store.Get(ctx, key)
}

func (c *counting) Put(ctx context.Context, key string, body io.Reader, size int64) error {
	c.add("put")
	return c.Store.Put(ctx, key, body, size)
}

func (c *counting) PutIfAbsent(ctx context.Context, key string, body []byte) (string, error) {
	c.add("create")
	return c.Store.PutIfAbsent(ctx, key, body)
}

func (c *counting) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	return c.ListAfter(ctx, prefix, "")
}

func (c *counting) ListAfter(ctx context.Context, prefix, after string) iter.Seq2[store.Info, error] {
	c.add("list")
	return c.Store.ListAfter(ctx, prefix, after)
}

// begun returns an archive in s with the reservation of a sweep.
func begun(t *testing.T, s store.Store) *Archive {
	t.Helper()
	a := New(s)
	reserve(t, a, aSpec(), "")
	return a
}

// appendEach appends segments of one trial each, numbers first to last.
func appendEach(t *testing.T, a *Archive, first, last int) {
	t.Helper()
	for n := first; n <= last; n++ {
		require.NoError(t, a.AppendSegment(t.Context(), name, n, []sweep.Trial{aTrial(n)}))
	}
}

func ledgerKey(seg int) string { return fmt.Sprintf("v1/sweeps/%s/ledger/%06d.jsonl", name, seg) }

func numbersOf(trials []sweep.Trial) []int {
	numbers := []int{}
	for _, t := range trials {
		numbers = append(numbers, t.Number)
	}
	return numbers
}

func TestLedgerKeepsTheOrderOfCompletion(t *testing.T) {
	a := begun(t, storetest.NewMemory())
	require.NoError(t, a.AppendSegment(t.Context(), name, 0, []sweep.Trial{aTrial(4), aTrial(1)}))
	require.NoError(t, a.AppendSegment(t.Context(), name, 1, []sweep.Trial{aTrial(0)}))
	for _, reader := range []*Archive{a, New(a.store)} { // with the segments in memory, and without
		ledger, err := reader.Ledger(t.Context(), name, 2)
		require.NoError(t, err)
		require.Equal(t, []sweep.Trial{aTrial(4), aTrial(1), aTrial(0)}, ledger)
		ledger, err = reader.Ledger(t.Context(), name, 1)
		require.NoError(t, err)
		require.Len(t, ledger, 2)
		ledger, err = reader.Ledger(t.Context(), name, 0)
		require.NoError(t, err)
		require.Empty(t, ledger)
		_, err = reader.Ledger(t.Context(), name, 3)
		require.ErrorIs(t, err, store.ErrNotFound)
		require.ErrorContains(t, err, "000002.jsonl")
	}
}

func TestSegmentsAreImmutable(t *testing.T) {
	a := begun(t, storetest.NewMemory())
	first := []sweep.Trial{aTrial(4)}
	require.NoError(t, a.AppendSegment(t.Context(), name, 0, first))
	elsewhere := aTrial(4) // as another process decoded it
	elsewhere.StartedAt = elsewhere.StartedAt.In(time.FixedZone("CET", 3600))
	require.NoError(t, a.AppendSegment(t.Context(), name, 0, []sweep.Trial{elsewhere}), "equal content is success")
	for _, writer := range []*Archive{a, New(a.store)} {
		err := writer.AppendSegment(t.Context(), name, 0, []sweep.Trial{aTrial(5)})
		require.ErrorIs(t, err, activities.ErrConflict)
		require.ErrorContains(t, err, "ledger/000000.jsonl")
	}
	ledger, err := a.Ledger(t.Context(), name, 1)
	require.NoError(t, err)
	require.Equal(t, first, ledger)
}

func TestTrialsAddsResultsToTheLedger(t *testing.T) {
	a := begun(t, storetest.NewMemory())
	for _, n := range []int{0, 1, 2, 10} {
		require.NoError(t, a.PutResult(t.Context(), name, aTrial(n)))
	}
	require.NoError(t, a.AppendSegment(t.Context(), name, 0, []sweep.Trial{aTrial(2)}))
	require.NoError(t, a.AppendSegment(t.Context(), name, 1, []sweep.Trial{aTrial(0), aTrial(3)}))
	_, err := a.Upload(t.Context(), name, 7, 1, stage(t, 7, 1, 100, "still training"))
	require.NoError(t, err)
	trials, err := a.Trials(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, []int{2, 0, 3, 1, 10}, numbersOf(trials))
}

// A segment is readable by people with standard tools: the digest of its bytes is in
// the next one.
func TestSegmentsAreChained(t *testing.T) {
	a := begun(t, storetest.NewMemory())
	appendEach(t, a, 0, 2)
	previous := aSpec().Digest()
	for seg := range 3 {
		raw, _, err := a.object(ledgerKey(seg), nil).read(t.Context(), maxSegment)
		require.NoError(t, err)
		require.Contains(t, string(raw), fmt.Sprintf(`{"segment":%d,"previous":"%s","trials":1,"digest":"`, seg, previous))
		previous = digestOf(raw)
	}
}

// damages are the ways in which a ledger of the segments 0 to 4 is damaged, the
// object that is named, and what is said about it.
var damages = []struct {
	name      string
	damage    func(t *testing.T, s store.Store)
	key, says string
}{
	{"a flipped bit", flipping(2, 300), ledgerKey(2), "digest"},
	{"a flipped bit in a header", flipping(2, 2), ledgerKey(2), "header"},
	{"a flipped bit in a link", flipping(2, 30), ledgerKey(2), "follows a segment with the digest"},
	{"a flipped bit in the last segment", flipping(4, 300), ledgerKey(4), "digest"},
	{"a segment cut short", rewriting(1, func(b []byte) []byte { return b[:len(b)-10] }), ledgerKey(1), "ends after 0 trials"},
	{"an empty segment", rewriting(1, func([]byte) []byte { return nil }), ledgerKey(1), "no line"},
	{"something after a segment", rewriting(1, func(b []byte) []byte { return append(b, "{}\n"...) }), ledgerKey(1), "3 bytes follow"},
	{"a missing segment", removing(ledgerKey(1)), ledgerKey(1), "missing"},
	{"a missing first segment", removing(ledgerKey(0)), ledgerKey(0), "missing"},
	{"a missing spec", removing("v1/sweeps/" + name + "/spec.json"), "v1/sweeps/" + name + "/spec.json", "missing"},
	{"a spec that cannot be read", func(t *testing.T, s store.Store) {
		overwrite(t, s, "v1/sweeps/"+name+"/spec.json", func([]byte) []byte { return []byte("{") })
	}, "v1/sweeps/" + name + "/spec.json", "JSON"},
	{"a copy of another segment", func(t *testing.T, s store.Store) {
		data, _, err := New(s).object(ledgerKey(3), nil).read(t.Context(), maxSegment)
		require.NoError(t, err)
		overwrite(t, s, ledgerKey(2), func([]byte) []byte { return data })
	}, ledgerKey(2), "it is segment 3"},
	{"a segment that was written anew", rewriting(2, func([]byte) []byte {
		raw, err := encodeSegment(2, strings.Repeat("0", 64), []sweep.Trial{aTrial(2)})
		if err != nil {
			panic(err)
		}
		return raw
	}), ledgerKey(2), "follows a segment with the digest 000000"},
	{"a duplicate number", func(t *testing.T, s store.Store) {
		relink(t, s, 4, aTrial(1))
	}, ledgerKey(4), "trial 1 is there again, it is in segment 1 already"},
	{"a duplicate number in one segment", func(t *testing.T, s store.Store) {
		relink(t, s, 4, aTrial(9), aTrial(9))
	}, ledgerKey(4), "trial 9 is there twice"},
	{"a line above the limit", func(t *testing.T, s store.Store) {
		overwrite(t, s, ledgerKey(4), func(b []byte) []byte {
			head, _, _ := bytes.Cut(b, []byte("\n"))
			return append(append(head, '\n'), bytes.Repeat([]byte("x"), maxLine+10)...)
		})
	}, ledgerKey(4), "line 2 of segment 4 is longer than 1048576 bytes"},
	{"the ledger of another spec", func(t *testing.T, s store.Store) {
		raw, err := encodeSegment(0, strings.Repeat("ab", 32), []sweep.Trial{aTrial(0)})
		require.NoError(t, err)
		overwrite(t, s, ledgerKey(0), func([]byte) []byte { return raw })
	}, ledgerKey(0), "segment 0 is of the spec abab"},
}

func rewriting(seg int, change func([]byte) []byte) func(*testing.T, store.Store) {
	return func(t *testing.T, s store.Store) { overwrite(t, s, ledgerKey(seg), change) }
}

func flipping(seg, at int) func(*testing.T, store.Store) {
	return rewriting(seg, func(b []byte) []byte { b[at] ^= 1; return b })
}

func removing(key string) func(*testing.T, store.Store) {
	return func(t *testing.T, s store.Store) { require.NoError(t, s.Delete(t.Context(), key)) }
}

// relink writes a segment with other trials after the one before it.
func relink(t *testing.T, s store.Store, seg int, trials ...sweep.Trial) {
	t.Helper()
	before, _, err := New(s).object(ledgerKey(seg-1), nil).read(t.Context(), maxSegment)
	require.NoError(t, err)
	raw, err := encodeSegment(seg, digestOf(before), trials)
	require.NoError(t, err)
	overwrite(t, s, ledgerKey(seg), func([]byte) []byte { return raw })
}

func TestDamageOfTheLedgerIsFoundAndNamed(t *testing.T) {
	testDamage(t, func(*testing.T) store.Store { return storetest.NewMemory() })
}

// TestLedgerOnS3 runs against the service in TAILSWEEP_TEST_S3_ENDPOINT, in the bucket
// TAILSWEEP_TEST_S3_BUCKET, with the AWS keys of the environment.
func TestLedgerOnS3(t *testing.T) { testDamage(t, storetest.OpenS3) }

func testDamage(t *testing.T, open func(*testing.T) store.Store) {
	for _, c := range damages {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			appendEach(t, begun(t, s), 0, 4)
			c.damage(t, s)
			check := func(err error) {
				t.Helper()
				var damaged *LedgerError
				require.ErrorAs(t, err, &damaged)
				require.Equal(t, c.key, damaged.Key)
				require.Contains(t, damaged.Found, c.says)
				require.Equal(t, block.LedgerDamaged, activities.BlockReason(err))
				require.ErrorContains(t, err, "tailsweep doctor "+name+" --repair")
			}
			_, err := New(s).Ledger(t.Context(), name, 5)
			check(err)
			_, err = New(s).Trials(t.Context(), name)
			check(err)
			check(New(s).AppendSegment(t.Context(), name, 5, []sweep.Trial{aTrial(5)}))
		})
	}
}

func TestForeignKeysUnderASweepBreakNothing(t *testing.T) {
	a := begun(t, storetest.NewMemory())
	appendEach(t, a, 0, 1)
	for _, key := range []string{
		"ledger/notes.txt", "ledger/1.jsonl", "ledger/000007.jsonl.bak", "ledger/deep/000008.jsonl", "ledger/-00001.jsonl", "ledger/+00009.jsonl",
		"trials/readme/x", "trials/000003x/result.json", "trials/+00003/result.json", "trials/1/result.json", "pointers/old.json", "more/x",
	} {
		require.NoError(t, a.store.Put(t.Context(), "v1/sweeps/"+name+"/"+key, strings.NewReader("x"), 1))
	}
	for _, key := range []string{"v1/sweeps/Not_A_Sweep/spec.json", "v1/sweeps/empty-one/x"} {
		require.NoError(t, a.store.Put(t.Context(), key, strings.NewReader("x"), 1))
	}
	trials, err := New(a.store).Trials(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, []int{0, 1}, numbersOf(trials))
	sweeps, err := a.Sweeps(t.Context())
	require.NoError(t, err)
	require.Len(t, sweeps, 1)
}

func TestLedgerReadsNewSegmentsOnly(t *testing.T) {
	s := newCounting(storetest.NewMemory())
	a := begun(t, s)
	appendEach(t, a, 0, 8)
	s.took()
	for range 2 {
		ledger, err := a.Ledger(t.Context(), name, 9)
		require.NoError(t, err)
		require.Len(t, ledger, 9)
		require.Equal(t, map[string]int{"get": 1}, s.took(), "the last segment proves all before it")
	}
	appendEach(t, New(s), 9, 10) // another worker
	s.took()
	ledger, err := a.Ledger(t.Context(), name, 11)
	require.NoError(t, err)
	require.Len(t, ledger, 11)
	require.Equal(t, map[string]int{"get": 2}, s.took())
	ledger[0] = sweep.Trial{} // the caller owns the slice
	ledger, err = a.Ledger(t.Context(), name, 3)
	require.NoError(t, err)
	require.Equal(t, []int{0, 1, 2}, numbersOf(ledger))
	require.Equal(t, map[string]int{"get": 1}, s.took())
}

// A sweep that was removed and begun again has the same name, and may have the same spec.
func TestLedgerIsNotThatOfAnEarlierSweep(t *testing.T) {
	s := storetest.NewMemory()
	appendEach(t, begun(t, s), 0, 2)
	workers := make([]*Archive, 6) // that remember the earlier sweep
	for i := range workers {
		workers[i] = New(s)
		_, err := workers[i].Ledger(t.Context(), name, 3)
		require.NoError(t, err)
	}
	for _, key := range objects(t, s) {
		require.NoError(t, s.Delete(t.Context(), key))
	}
	other := begun(t, s)
	for seg := range 4 {
		require.NoError(t, other.AppendSegment(t.Context(), name, seg, []sweep.Trial{aTrial(10 + seg)}))
		if seg == 1 {
			trials, err := workers[5].Trials(t.Context(), name)
			require.NoError(t, err, "it remembers more segments than there are")
			require.Equal(t, []int{10, 11}, numbersOf(trials))
		}
	}
	for i, segs := range []int{4, 3, 2, 1} {
		ledger, err := workers[i].Ledger(t.Context(), name, segs)
		require.NoError(t, err)
		require.Equal(t, []int{10, 11, 12, 13}[:segs], numbersOf(ledger))
	}
	require.NoError(t, workers[4].AppendSegment(t.Context(), name, 4, []sweep.Trial{aTrial(2)}))
}

func TestAppendRefusesATrialThatIsThere(t *testing.T) {
	a := begun(t, storetest.NewMemory())
	appendEach(t, a, 0, 1)
	err := a.AppendSegment(t.Context(), name, 2, []sweep.Trial{aTrial(0)})
	require.ErrorContains(t, err, "trial 0 is there again")
	require.Equal(t, block.LedgerDamaged, activities.BlockReason(err))
	require.NotContains(t, objects(t, a.store), ledgerKey(2))
	appendEach(t, a, 2, 2)
}

func TestLedgerForgetsWhatDoesNotFit(t *testing.T) {
	var c chains
	for i := range 3 {
		r, release, err := c.hold(t.Context(), fmt.Sprint(i))
		require.NoError(t, err)
		r.chain = &chain{bytes: maxCached / 2}
		release()
	}
	require.Len(t, c.known, 2)
	require.NotContains(t, c.known, "0", "the one that was not used for longest")
	r, release, err := c.hold(t.Context(), "1")
	require.NoError(t, err)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err = c.hold(ended, "1")
	require.ErrorIs(t, err, context.Canceled, "a reader that waits ends with its context")
	r.chain.bytes = maxCached + 1
	release()
	require.NotContains(t, c.known, "1")
}

func TestTooLargeForTheLedger(t *testing.T) {
	a := begun(t, storetest.NewMemory())
	big := aTrial(3)
	big.Error = &sweep.Failure{Class: sweep.FailBug, Message: strings.Repeat("x", maxLine)}
	var large *sweep.FailureError
	require.ErrorAs(t, a.PutResult(t.Context(), name, big), &large)
	require.Contains(t, large.Message, "the result of trial 3 has ")
	require.ErrorAs(t, a.AppendSegment(t.Context(), name, 0, []sweep.Trial{aTrial(1), big}), &large)
	require.Equal(t, sweep.FailBug, large.Class)

	big.Error.Message = big.Error.Message[:maxLine-2000]
	many := []sweep.Trial{big, big, big, big, big}
	for i := range many {
		many[i].Number = i
	}
	require.NoError(t, a.PutResult(t.Context(), name, big))
	require.ErrorAs(t, a.AppendSegment(t.Context(), name, 0, many), &large)
	require.Contains(t, large.Message, "ledger segment 0 has ")
	require.NoError(t, a.AppendSegment(t.Context(), name, 0, many[:2]))
	ledger, err := New(a.store).Ledger(t.Context(), name, 1)
	require.NoError(t, err)
	require.Len(t, ledger, 2)
}

// FuzzSegments: whatever is accepted is exactly what encodeSegment writes, but for the
// form of the trials.
func FuzzSegments(f *testing.F) {
	first, err := encodeSegment(0, aSpec().Digest(), []sweep.Trial{aTrial(1), aTrial(2)})
	require.NoError(f, err)
	second, err := encodeSegment(1, digestOf(first), nil)
	require.NoError(f, err)
	f.Add(append(bytes.Clone(first), second...))
	f.Add(second)
	for _, line := range []string{
		`{"number":1,"kind":"search","status":"failed","error":{"class":"bug"},"params":{"a":""}}`,
		`{"number":999999,"kind":"baseline","status":"diverged","loss_last":1e308,"metrics":{"":-0}}`,
		`null`, `{`, ``,
	} {
		line += "\n"
		f.Add(append(header{Segment: 7, Trials: 1, Digest: digestOf([]byte(line))}.encode(), line...))
	}
	f.Add([]byte(`{"segment":0,"previous":"","trials":1000000000,"digest":""}` + "\n"))
	f.Add([]byte(`{"segment":0,"previous":"","trials":-1,"digest":""}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		read := 0
		c := newChain("")
		for s, err := range decodeSegments(data) {
			if err != nil {
				require.IsType(t, &damage{}, err)
				return
			}
			require.Equal(t, data[read:read+len(s.raw)], s.raw)
			read += len(s.raw)
			require.Len(t, s.trials, s.Trials)
			require.Equal(t, digestOf(s.raw), s.ownDigest)
			if c.add(s) == nil {
				require.Equal(t, s.ownDigest, c.previous(c.len()))
			}
			once, err := encodeSegment(s.Segment, s.Previous, s.trials)
			if err != nil {
				t.Skip(err) // a time outside the years that JSON can write
			}
			again, err := decodeSegment(once)
			require.NoError(t, err)
			twice, err := encodeSegment(again.Segment, again.Previous, again.trials)
			require.NoError(t, err)
			require.Equal(t, string(once), string(twice))
		}
		require.Equal(t, len(data), read)
	})
}
