package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/internal/store/storetest"
	"github.com/tailsweep/tailsweep/sweep"
)

// fakeTemporal is a FAKE of Temporal that starts at most one workflow.
type fakeTemporal struct {
	digest string
	owner  sweep.Identity
	ended  bool
}

// run is one `tailsweep run`: its spec, and a hook before each step.
type run struct {
	*fakeTemporal
	spec *sweep.Spec
	step func() error
}

func (r run) Started(context.Context) (Existing, error) {
	if err := r.step(); err != nil {
		return Existing{}, err
	}
	return Existing{Digest: r.digest, Owner: r.owner, Ended: r.ended}, nil
}

func (r run) Start(_ context.Context, owner sweep.Identity) error {
	if err := r.step(); err != nil {
		return err
	}
	if r.digest == "" {
		r.digest, r.owner = r.spec.Digest(), owner
	}
	return nil
}

// stepping is a store that calls a hook before each step.
type stepping struct {
	store.Store
	step func() error
}

func (s stepping) Put(ctx context.Context, key string, body io.Reader, size int64) error {
	if err := s.step(); err != nil {
		return err
	}
	return s.Store.Put(ctx, key, body, size)
}

func (s stepping) PutIfAbsent(ctx context.Context, key string, body []byte) (string, error) {
	if err := s.step(); err != nil {
		return "", err
	}
	return s.Store.PutIfAbsent(ctx, key, body)
}

func (s stepping) Replace(ctx context.Context, key string, body []byte, etag string) (string, error) {
	if err := s.step(); err != nil {
		return "", err
	}
	return s.Store.Replace(ctx, key, body, etag)
}

func (s stepping) Get(ctx context.Context, key string) (io.ReadCloser, store.Info, error) {
	if err := s.step(); err != nil {
		return nil, store.Info{}, err
	}
	return s.Store.Get(ctx, key)
}

func seeded(seed int64) *sweep.Spec {
	spec := aSpec()
	spec.Seed = seed
	return spec
}

func never() error { return nil }

// here is where the runs of the tests are made.
var here = sweep.Identity{Cluster: "c1", Namespace: "default", Build: "v1"}

// A run that could not start leaves a reservation; the corrected spec gets the name.
func TestBeginReplacesAReservationThatNeverStarted(t *testing.T) {
	s := storetest.NewMemory()
	a, temporal := New(s), &fakeTemporal{}
	down := errors.New("namespace not found")
	wrong := seeded(1)
	steps := 0
	_, err := a.Begin(t.Context(), wrong, []byte("# wrong\n"), here, run{temporal, wrong, func() error {
		if steps++; steps == 2 { // Started, Start
			return down
		}
		return nil
	}})
	require.ErrorIs(t, err, down)

	right := seeded(2)
	created, err := a.Begin(t.Context(), right, []byte("# right\n"), here, run{temporal, right, never})
	require.NoError(t, err)
	require.True(t, created)
	spec, yaml, err := a.LoadSpec(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, right, spec)
	require.Equal(t, "# right\n", string(yaml))
	copied, _, err := a.object("v1/sweeps/"+name+"/spec.yaml", nil).read(t.Context(), 100)
	require.NoError(t, err)
	require.Equal(t, "# right\n", string(copied))

	_, err = a.Begin(t.Context(), wrong, nil, here, run{temporal, wrong, never})
	var taken *NameTakenError
	require.ErrorAs(t, err, &taken, "a sweep that has started keeps its name")
	created, err = a.Begin(t.Context(), right, []byte("# right, again\n"), here, run{temporal, right, never})
	require.NoError(t, err)
	require.False(t, created, "the same spec attaches")
}

// Attaches says what Begin would do, and writes nothing.
func TestAttaches(t *testing.T) {
	s := storetest.NewMemory()
	a, temporal, spec, other := New(s), &fakeTemporal{}, seeded(1), seeded(2)
	attaches := func(spec *sweep.Spec) (bool, error) {
		t.Helper()
		before := contents(t, s)
		exists, err := a.Attaches(t.Context(), spec, here, run{temporal, spec, never})
		require.Equal(t, before, contents(t, s))
		return exists, err
	}
	exists, err := attaches(spec)
	require.NoError(t, err)
	require.False(t, exists, "the name is free")
	reserve(t, a, spec, "# first\n")
	for _, free := range []*sweep.Spec{spec, other} {
		exists, err = attaches(free)
		require.NoError(t, err)
		require.False(t, exists, "a reservation without a workflow")
	}
	_, err = a.Begin(t.Context(), spec, nil, here, run{temporal, spec, never})
	require.NoError(t, err)
	exists, err = attaches(spec)
	require.NoError(t, err)
	require.True(t, exists)
	_, err = attaches(other)
	require.ErrorAs(t, err, new(*NameTakenError))
	elsewhere := here
	elsewhere.Namespace = "theirs"
	_, err = a.Attaches(t.Context(), spec, elsewhere, run{temporal, spec, never})
	require.EqualError(t, err, fmt.Sprintf(`the name "fashion-lt" belongs to sweep %.8s.1 of namespace "default" on Temporal cluster c1, and this is namespace "theirs" on Temporal cluster c1: `+
		"connect to the sweep with --namespace default (TEMPORAL_NAMESPACE)", temporal.owner.ID))
	elsewhere.Cluster = "c2"
	_, err = a.Attaches(t.Context(), spec, elsewhere, run{temporal, spec, never})
	require.ErrorContains(t, err, "connect to the sweep with --address of that cluster (TEMPORAL_ADDRESS) and --namespace default (TEMPORAL_NAMESPACE)")
	require.NoError(t, s.Delete(t.Context(), sweepsPrefix+name+"/"+specName))
	exists, err = attaches(spec)
	require.NoError(t, err)
	require.True(t, exists, "it runs, and has lost its reservation")
	_, err = attaches(other)
	require.ErrorAs(t, err, new(*LostSpecError))
}

// The other run starts its sweep, and crashes, after this one replaced its reservation.
func TestBeginRestoresAReservation(t *testing.T) {
	a, temporal := New(storetest.NewMemory()), &fakeTemporal{}
	first, second := seeded(1), seeded(2)
	reserve(t, a, first, "# first\n")
	steps := 0
	_, err := a.Begin(t.Context(), second, nil, here, run{temporal, second, func() error {
		if steps++; steps == 2 { // Digest, Start
			temporal.digest = first.Digest()
		}
		return nil
	}})
	var taken *NameTakenError
	require.ErrorAs(t, err, &taken)
	spec, yaml, err := a.LoadSpec(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, first, spec)
	require.Equal(t, "# first\n", string(yaml))
}

func TestBeginKeepsTheNameOfASweepWithResults(t *testing.T) {
	a := New(storetest.NewMemory())
	spec := seeded(1)
	_, err := a.Begin(t.Context(), spec, nil, here, run{&fakeTemporal{}, spec, never})
	require.NoError(t, err)
	err = a.AppendSegment(t.Context(), name, 0, []sweep.Trial{aTrial(0)})
	require.NoError(t, err)

	_, err = a.Begin(t.Context(), spec, nil, here, run{&fakeTemporal{}, spec, never}) // Temporal has deleted the workflow
	var forgotten *ForgottenError
	require.ErrorAs(t, err, &forgotten)
	require.Equal(t, 1, forgotten.Trials)
	other := seeded(2)
	_, err = a.Begin(t.Context(), other, nil, here, run{&fakeTemporal{}, other, never})
	var taken *NameTakenError
	require.ErrorAs(t, err, &taken)
}

// An rm that marks the sweep while a run starts or attaches keeps its mark.
func TestBeginWhileTheSweepIsBeingRemoved(t *testing.T) {
	for what, c := range map[string]struct {
		attaches bool
		replaces bool
		removed  bool // the removal has ended already
		mark     int  // the call to Temporal before which rm comes; the last two of a run start the workflow and look at it
	}{
		"attaches, marked before the start":              {attaches: true, mark: 2},
		"attaches, marked after the start":               {attaches: true, mark: 3},
		"attaches, removed after the start":              {attaches: true, removed: true, mark: 3},
		"starts, marked before the start":                {mark: 2},
		"starts, marked after the start":                 {mark: 3},
		"replaces another spec, marked before the start": {replaces: true, mark: 2},
	} {
		t.Run(what, func(t *testing.T) {
			a, temporal, spec := New(storetest.NewMemory()), &fakeTemporal{}, seeded(1)
			switch {
			case c.attaches:
				_, err := a.Begin(t.Context(), spec, []byte("# first\n"), here, run{temporal, spec, never})
				require.NoError(t, err)
			case c.replaces:
				reserve(t, a, seeded(2), "# other\n")
			}
			calls := 0
			var marked sweep.Identity
			_, err := a.Begin(t.Context(), spec, []byte("# second\n"), here, run{temporal, spec, func() error {
				if calls++; calls != c.mark {
					return nil
				}
				owner, err := a.Owner(t.Context(), name)
				require.NoError(t, err)
				if c.removed {
					return a.RemoveSweep(t.Context(), name, owner, isEnded, func(int) {})
				}
				marked, _, err = a.beginRemoval(t.Context(), name, owner)
				return err
			}})
			require.GreaterOrEqual(t, calls, c.mark)
			require.ErrorAs(t, err, new(*RemovingError))
			require.ErrorContains(t, err, "run the same command again")
			r, _, err := a.reservation(t.Context(), name)
			if c.removed {
				require.ErrorIs(t, err, store.ErrNotFound)
				return
			}
			require.NoError(t, err)
			require.True(t, r.Removing)
			require.Equal(t, marked, r.Owner, "rm can remove what it has marked")
		})
	}
}

// Temporal deletes the workflows of a removed sweep some time after rm has asked it to.
func TestBeginRefusesTheNameOfARemovedSweepThatTemporalStillHas(t *testing.T) {
	for what, c := range map[string]struct {
		again *sweep.Spec
		left  *sweep.Spec // of a reservation that a run left that could not start
	}{
		"the same spec":                          {again: seeded(1)},
		"another spec":                           {again: seeded(2)},
		"the same spec, and a reservation":       {again: seeded(1), left: seeded(1)},
		"another spec, and a reservation":        {again: seeded(2), left: seeded(1)},
		"the same spec, reserved by another":     {again: seeded(1), left: seeded(2)},
		"another spec, with a reservation of it": {again: seeded(2), left: seeded(2)},
	} {
		t.Run(what, func(t *testing.T) {
			a, temporal, spec := New(storetest.NewMemory()), &fakeTemporal{}, seeded(1)
			_, err := a.Begin(t.Context(), spec, nil, here, run{temporal, spec, never})
			require.NoError(t, err)
			temporal.ended = true
			created, err := a.Begin(t.Context(), spec, nil, here, run{temporal, spec, never})
			require.NoError(t, err, "a sweep that has ended keeps its name")
			require.False(t, created)

			owner, err := a.Owner(t.Context(), name)
			require.NoError(t, err)
			require.NoError(t, a.RemoveSweep(t.Context(), name, owner, isEnded, func(int) {}))
			if c.left != nil {
				left := &fakeTemporal{}
				_, err := a.Begin(t.Context(), c.left, nil, here, run{left, c.left, func() error {
					if left.digest != "" {
						return errCrash
					}
					return nil
				}})
				require.ErrorIs(t, err, errCrash)
			}
			_, err = a.Begin(t.Context(), c.again, nil, here, run{temporal, c.again, never})
			require.ErrorAs(t, err, new(*RemnantError))
			if c.left == nil {
				_, err := a.Owner(t.Context(), name)
				require.ErrorIs(t, err, store.ErrNotFound, "the name stays free")
			}

			*temporal = fakeTemporal{}
			_, err = a.Begin(t.Context(), c.again, nil, here, run{temporal, c.again, never})
			require.NoError(t, err)
			require.Equal(t, c.again.Digest(), temporal.digest)
			owner, err = a.Owner(t.Context(), name)
			require.NoError(t, err)
			require.Equal(t, temporal.owner.ID, owner.ID)
		})
	}
}

// A sweep that has lost its spec.json keeps its name: another spec gets it neither while the
// workflow runs nor while the store has results.
func TestBeginRefusesTheNameOfASweepThatHasLostItsSpec(t *testing.T) {
	s := storetest.NewMemory()
	a, temporal, spec := New(s), &fakeTemporal{}, seeded(1)
	_, err := a.Begin(t.Context(), spec, []byte("# first\n"), here, run{temporal, spec, never})
	require.NoError(t, err)
	owner, err := a.Owner(t.Context(), name)
	require.NoError(t, err)
	require.NoError(t, s.Delete(t.Context(), under(specName)))
	lost := contents(t, s)

	other := seeded(2)
	_, err = a.Begin(t.Context(), other, []byte("# other\n"), here, run{temporal, other, never})
	require.Equal(t, &LostSpecError{Name: name, Running: spec.Digest(), Asked: other.Digest()}, err)
	require.ErrorContains(t, err, "runs with another spec")
	require.ErrorContains(t, err, "`tailsweep doctor "+name+" --repair` writes it again")
	require.Equal(t, lost, contents(t, s))

	created, err := a.Begin(t.Context(), spec, []byte("# first, again\n"), here, run{temporal, spec, never})
	require.NoError(t, err)
	require.False(t, created, "the same spec attaches")
	require.NoError(t, a.Owns(t.Context(), name, owner))

	require.NoError(t, a.AppendSegment(t.Context(), name, 0, []sweep.Trial{aTrial(0)}))
	require.NoError(t, s.Delete(t.Context(), under(specName)))
	lost = contents(t, s)
	for what, gone := range map[string]*fakeTemporal{"ended": {digest: spec.Digest(), owner: owner, ended: true}, "forgotten": {}} {
		for _, again := range []*sweep.Spec{spec, other} {
			_, err = a.Begin(t.Context(), again, nil, here, run{gone, again, never})
			require.Equal(t, &LostSpecError{Name: name, Asked: again.Digest()}, err, what)
			require.ErrorContains(t, err, "`tailsweep doctor "+name+" --repair` writes it again")
			require.ErrorContains(t, err, "`tailsweep rm "+name+"` completes that")
			require.Equal(t, lost, contents(t, s), what)
		}
	}

	require.NoError(t, s.Delete(t.Context(), ledgerKey(0)))
	created, err = a.Begin(t.Context(), other, nil, here, run{&fakeTemporal{}, other, never})
	require.NoError(t, err, "spec.yaml alone is not a sweep")
	require.True(t, created)
}

// A run that has lost the name while rm marked its reservation leaves the mark.
func TestBeginLeavesTheMarkOnAReservationThatItWouldUndo(t *testing.T) {
	a, temporal := New(storetest.NewMemory()), &fakeTemporal{}
	first, second := seeded(1), seeded(2)
	reserve(t, a, first, "# first\n")
	steps := 0
	_, err := a.Begin(t.Context(), second, nil, here, run{temporal, second, func() error {
		if steps++; steps != 2 { // Start
			return nil
		}
		temporal.digest = first.Digest()
		owner, err := a.Owner(t.Context(), name)
		require.NoError(t, err)
		_, _, err = a.beginRemoval(t.Context(), name, owner)
		return err
	}})
	require.ErrorAs(t, err, new(*NameTakenError))
	r, _, err := a.reservation(t.Context(), name)
	require.NoError(t, err)
	require.True(t, r.Removing)
}

// TestBeginRaces plays runs of two specs in random order, step by step, some of
// which crash. Afterwards the workflow's spec has the name, every caller that
// started it or attached got that answer, and every other caller was refused.
func TestBeginRaces(t *testing.T) {
	for seed := range uint64(2000) {
		random := rand.New(rand.NewPCG(seed, 1))
		memory, temporal := storetest.NewMemory(), &fakeTemporal{}
		const runs = 3
		type turn struct {
			runner int
			answer chan error
		}
		type end struct {
			runner int
			err    error
		}
		turns, ends := make(chan turn), make(chan end)
		for i := range runs {
			spec := seeded(int64(i % 2))
			step := func() error {
				answer := make(chan error)
				turns <- turn{i, answer}
				return <-answer
			}
			go func() {
				_, err := New(stepping{memory, step}).Begin(t.Context(), spec, fmt.Appendf(nil, "seed: %d\n", spec.Seed), here, run{temporal, spec, step})
				ends <- end{i, err}
			}()
		}
		crashed, results := map[int]bool{}, map[int]error{}
		var waiting []turn
		for len(results) < runs {
			for len(waiting)+len(results) < runs { // everybody waits for his turn
				select {
				case next := <-turns:
					waiting = append(waiting, next)
				case e := <-ends:
					results[e.runner] = e.err
				}
			}
			if len(waiting) == 0 {
				break
			}
			k := random.IntN(len(waiting))
			next := waiting[k]
			waiting = append(waiting[:k], waiting[k+1:]...)
			crashed[next.runner] = crashed[next.runner] || random.IntN(12) == 0
			if crashed[next.runner] {
				next.answer <- errCrash
			} else {
				next.answer <- nil
			}
		}
		for i, err := range results {
			own := seeded(int64(i % 2)).Digest()
			var taken *NameTakenError
			switch {
			case crashed[i]:
			case own == temporal.digest:
				require.NoError(t, err, "seed %d, run %d", seed, i)
			default:
				require.ErrorAs(t, err, &taken, "seed %d, run %d", seed, i)
			}
		}
		if temporal.digest == "" {
			continue // all have crashed before the start
		}
		// Whatever the crashes left, the owner's next run repairs.
		for i := range int64(2) {
			if spec := seeded(i); spec.Digest() == temporal.digest {
				_, err := New(memory).Begin(t.Context(), spec, nil, here, run{temporal, spec, never})
				require.NoError(t, err, "seed %d", seed)
			}
		}
		r, _, err := New(memory).reservation(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, temporal.digest, r.Digest, "seed %d", seed)
		require.True(t, r.Started)
	}
}
