package archive

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/internal/store/storetest"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/specfile"
	"github.com/tailsweep/tailsweep/sweep/spectest"
)

// reserved reserves the name of aSpec as at, and returns the identity that its sweep gets.
func reserved(t *testing.T, a *Archive, at sweep.Identity) sweep.Identity {
	t.Helper()
	created, err := a.Begin(t.Context(), aSpec(), []byte("name: x\n"), at, run{&fakeTemporal{}, aSpec(), never})
	require.NoError(t, err)
	require.True(t, created)
	owner, err := a.Owner(t.Context(), name)
	require.NoError(t, err)
	return owner
}

// A second Temporal with the same bucket and prefix: its sweep of the same name is refused,
// whatever it tries to write or remove.
func TestAnotherSweepOfTheNameWritesNothing(t *testing.T) {
	s := storetest.NewMemory()
	a := New(s)
	first := reserved(t, a, here)
	require.Equal(t, here.Namespace, first.Namespace)
	require.Equal(t, 1, first.Generation)

	checkpoints, records, err := a.For(t.Context(), first, "")
	require.NoError(t, err)
	ref, err := checkpoints.Upload(t.Context(), name, 0, 1, stage(t, 0, 1, 100, "of the first"))
	require.NoError(t, err)
	trial := sweep.Trial{Assignment: sweep.Assignment{Kind: sweep.KindSearch}, Status: sweep.StatusCompleted, Checkpoint: ref.Key}
	require.NoError(t, records.PutResult(t.Context(), name, trial))
	require.NoError(t, records.AppendSegment(t.Context(), name, 0, []sweep.Trial{trial}))
	require.NoError(t, records.PutBest(t.Context(), name, []int{0}, []sweep.Trial{trial}))
	require.NoError(t, records.PutState(t.Context(), name, []byte("{}")))
	before := contents(t, s)

	second := first
	second.ID, second.Namespace = "another", "test"
	again := first
	again.Generation++
	for _, writer := range []sweep.Identity{second, again, {}} {
		checkpoints, records, err := a.For(t.Context(), writer, "")
		require.NoError(t, err)
		other := trial
		other.Steps = 7
		_, uploadErr := checkpoints.Upload(t.Context(), name, 1, 1, stage(t, 1, 1, 100, "of the second"))
		for what, err := range map[string]error{
			"result": records.PutResult(t.Context(), name, other), "state": records.PutState(t.Context(), name, []byte("[]")),
			"segment": records.AppendSegment(t.Context(), name, 1, []sweep.Trial{{Assignment: sweep.Assignment{Number: 1, Kind: sweep.KindSearch}, Status: sweep.StatusFailed}}),
			"pointer": records.PutBest(t.Context(), name, nil, nil), "removal": checkpoints.Remove(t.Context(), ref.Key),
			"upload": uploadErr, "curve": checkpoints.KeepCurve(t.Context(), ref.Key), "start": a.Owns(t.Context(), name, writer),
		} {
			var refused *OwnerError
			require.ErrorAs(t, err, &refused, what)
			require.Equal(t, block.NotOwner, activities.BlockReason(err))
			require.ErrorContains(t, err, first.String(), what)
			require.ErrorContains(t, err, writer.String(), what)
		}
		require.Equal(t, before, contents(t, s))
	}
}

func TestBeginRefusesANameOfAnotherTemporal(t *testing.T) {
	a := New(storetest.NewMemory())
	first := reserved(t, a, here)
	for _, at := range []sweep.Identity{{Cluster: "c2", Namespace: "default"}, {Cluster: "c1", Namespace: "test"}} {
		_, err := a.Begin(t.Context(), aSpec(), nil, at, run{&fakeTemporal{}, aSpec(), func() error {
			t.Fatal("its Temporal must not be asked")
			return nil
		}})
		var elsewhere *ElsewhereError
		require.ErrorAs(t, err, &elsewhere)
		require.ErrorContains(t, err, first.Temporal())
		require.ErrorContains(t, err, at.Temporal())
		_, err = a.Restore(t.Context(), name, at)
		require.ErrorAs(t, err, &elsewhere, "its workflow may still run there")
	}
	restored, err := a.Restore(t.Context(), name, here)
	require.NoError(t, err)
	require.Equal(t, first, restored.Owner)
}

// The reservation keeps the identity that the workflow was started with, although another
// caller with the same spec has replaced the reservation meanwhile.
func TestTheWorkflowDecidesTheIdentity(t *testing.T) {
	a := New(storetest.NewMemory())
	temporal := &fakeTemporal{digest: aSpec().Digest(), owner: sweep.Identity{ID: "workflow", Generation: 1, Cluster: "c1", Namespace: "default"}}
	_, err := a.Begin(t.Context(), aSpec(), nil, here, run{temporal, aSpec(), never})
	require.NoError(t, err)
	owner, err := a.Owner(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, temporal.owner, owner)
}

func TestAnotherStoreIsRefused(t *testing.T) {
	first, other := New(storetest.NewMemory()), New(storetest.NewMemory())
	owner := reserved(t, first, here)
	for _, has := range []string{"no id", "an id"} {
		_, _, err := other.For(t.Context(), owner, "")
		var wrong *StoreError
		require.ErrorAs(t, err, &wrong, has)
		require.Equal(t, block.WrongStore, activities.BlockReason(err))
		require.ErrorContains(t, err, owner.Store[:8])
		_, err = other.StoreID(t.Context())
		require.NoError(t, err)
	}
	again, err := New(first.store).StoreID(t.Context())
	require.NoError(t, err)
	require.Equal(t, owner.Store, again)
}

// addressed is a store with the name that an S3 store has.
type addressed struct {
	store.Store
	endpoint, bucket, prefix string
}

func (a addressed) String() string {
	return store.Config{Endpoint: address.URL(a.endpoint), Bucket: a.bucket, Prefix: a.prefix}.String()
}

// A copy of a store has the id of the store.
func TestACopyOfTheStoreIsRefused(t *testing.T) {
	own := addressed{storetest.NewMemory(), "http://a:1", "sweeps", "team"}
	_, err := New(own).StoreID(t.Context())
	require.NoError(t, err)
	copied := copyOf(t, own, -1).Memory
	owner := reserved(t, New(own), here)
	require.Equal(t, own.String(), owner.Address)
	for what, store := range map[string]addressed{
		"another bucket":                     {copied, own.endpoint, "sweeps-2", own.prefix},
		"another prefix":                     {copied, own.endpoint, own.bucket, "copy"},
		"another service, before the sweep":  {copied, "http://b:1", own.bucket, own.prefix},
		"another bucket, with the sweep too": {own, own.endpoint, "sweeps-2", own.prefix},
	} {
		_, _, err := New(store).For(t.Context(), owner, "")
		if err == nil {
			err = New(store).Owns(t.Context(), name, owner)
		}
		require.Equal(t, block.WrongStore, activities.BlockReason(err), what)
		require.ErrorContains(t, err, own.String(), what)
		require.ErrorContains(t, err, store.String(), what)
		require.ErrorContains(t, err, "copy", what)
	}

	// The same store has another address on another machine.
	near := addressed{own, "http://localhost:1", own.bucket, "/" + own.prefix + "/"}
	_, _, err = New(near).For(t.Context(), owner, "")
	require.NoError(t, err)
	require.NoError(t, New(near).Owns(t.Context(), name, owner))

	// A store that has moved: what continues an ended sweep there says where it is.
	moved := addressed{own, "http://c:1", "archive", ""}
	restored, err := New(moved).Restore(t.Context(), name, here)
	require.NoError(t, err)
	_, _, err = New(moved).For(t.Context(), restored.Owner, "")
	require.NoError(t, err)
	require.True(t, restored.Owner.Same(owner))
}

func TestCheckpointsOfAnotherSpecAreRefused(t *testing.T) {
	s := storetest.NewMemory()
	a := New(s)
	owner := reserved(t, a, here)
	dir := stage(t, 0, 1, 100, "")
	asked, _, err := a.For(t.Context(), owner, "another digest")
	require.NoError(t, err)
	_, err = asked.Upload(t.Context(), name, 0, 1, dir)
	require.Equal(t, block.WrongBuild, activities.BlockReason(err))
	require.ErrorContains(t, err, "v0.1.0", "the build that trained it")
	require.NotContains(t, objects(t, s), "v1/sweeps/"+name+"/trials/000000/attempts/1/checkpoints/step-0000000100/MANIFEST.json")

	own, _, err := a.For(t.Context(), owner, "5bec")
	require.NoError(t, err)
	ref, err := own.Upload(t.Context(), name, 0, 1, dir)
	require.NoError(t, err)
	require.ErrorIs(t, asked.Download(t.Context(), ref.Key, t.TempDir(), nil), activities.ErrCorrupt)
	require.NoError(t, own.Download(t.Context(), ref.Key, t.TempDir(), nil))
}

// doctor --repair restores the identity that the workflow has, also of a spec.json that is
// gone.
func TestDoctorRestoresTheIdentity(t *testing.T) {
	for what, damage := range map[string]func(t *testing.T, s store.Store, a *Archive){
		"no identity": func(t *testing.T, _ store.Store, a *Archive) {
			r, etag, err := a.reservation(t.Context(), name)
			require.NoError(t, err)
			r.Owner = sweep.Identity{}
			_, err = a.write(t.Context(), r, &etag)
			require.NoError(t, err)
		},
		"no spec.json": func(t *testing.T, s store.Store, _ *Archive) {
			require.NoError(t, s.Delete(t.Context(), under(specName)))
		},
	} {
		t.Run(what, func(t *testing.T) {
			s := storetest.NewMemory()
			a := New(s)
			yaml := []byte(spectest.With("name: " + name))
			spec, err := specfile.Parse("spec.yaml", yaml)
			require.NoError(t, err)
			require.Equal(t, name, spec.Name)
			_, err = a.Begin(t.Context(), spec, yaml, here, run{&fakeTemporal{}, spec, never})
			require.NoError(t, err)
			owner, err := a.Owner(t.Context(), name)
			require.NoError(t, err)
			require.NoError(t, a.AppendSegment(t.Context(), name, 0, []sweep.Trial{trialAt(0)}))
			damage(t, s, a)
			require.Error(t, a.Owns(t.Context(), name, owner))

			p := &conduct.Progress{Owner: owner, Segments: 1}
			found := faults(check(t, s, CheckOptions{Progress: p}))
			require.Equal(t, under(specName), found[0].Key)
			repaired := check(t, s, CheckOptions{Progress: p, Repair: true})
			require.Equal(t, under(specName), repaired.Repairs[0].Key)
			require.NoError(t, a.Owns(t.Context(), name, owner))
			require.Len(t, repaired.Repairs, 2, "the result of the trial too: %+v", repaired.Repairs)
			require.Empty(t, faults(repaired), "%+v", repaired.Findings)
		})
	}
}

// A store whose id was lost gets the one that its sweeps have, from setup and from run.
func TestTheIDOfTheStoreIsThatOfItsSweeps(t *testing.T) {
	for what, again := range map[string]func(a *Archive) error{
		"setup": func(a *Archive) error { _, err := a.EnsureStoreID(t.Context()); return err },
		"run": func(a *Archive) error {
			other := aSpec()
			other.Name = "another"
			_, err := a.Begin(t.Context(), other, nil, here, run{&fakeTemporal{}, other, never})
			return err
		},
	} {
		s := storetest.NewMemory()
		owner := reserved(t, New(s), here)
		require.NoError(t, s.Put(t.Context(), sweepsPrefix+"bad/spec.json", strings.NewReader("{"), 1))
		require.NoError(t, s.Delete(t.Context(), storeName))
		_, _, err := New(s).For(t.Context(), owner, "")
		require.ErrorContains(t, err, "if its v1/store.json was lost, `tailsweep setup` writes it again", what)
		require.NoError(t, again(New(s)), what)
		_, _, err = New(s).For(t.Context(), owner, "")
		require.NoError(t, err, what)
	}
}

// beginParsed begins a sweep with the spec that its YAML has.
func beginParsed(t *testing.T, a *Archive) *fakeTemporal {
	t.Helper()
	yaml := []byte(spectest.With("name: " + name))
	spec, err := specfile.Parse("spec.yaml", yaml)
	require.NoError(t, err)
	temporal := &fakeTemporal{}
	_, err = a.Begin(t.Context(), spec, yaml, here, run{temporal, spec, never})
	require.NoError(t, err)
	return temporal
}

// Before the first segment only the workflow knows the digest of a lost spec.json.
func TestDoctorRestoresTheSpecOfASweepWithoutALedger(t *testing.T) {
	s := storetest.NewMemory()
	a := New(s)
	temporal := beginParsed(t, a)
	require.NoError(t, s.Delete(t.Context(), under(specName)))
	require.NotEmpty(t, faults(check(t, s, CheckOptions{Repair: true})), "it may be the copy of another spec")
	repaired := check(t, s, CheckOptions{Repair: true, Progress: &conduct.Progress{Owner: temporal.owner, Digest: temporal.digest}})
	require.Empty(t, faults(repaired), "%+v", repaired.Findings)
	require.NoError(t, a.Owns(t.Context(), name, temporal.owner))
}

// A repair without Temporal writes a reservation without an identity; with it, the
// identity comes back.
func TestTheIdentityIsRepaired(t *testing.T) {
	s := storetest.NewMemory()
	a := New(s)
	owner := reserved(t, a, here)
	r, etag, err := a.reservation(t.Context(), name)
	require.NoError(t, err)
	r.Owner = sweep.Identity{}
	_, err = a.write(t.Context(), r, &etag)
	require.NoError(t, err)
	require.Error(t, a.Owns(t.Context(), name, owner))

	created, err := a.Begin(t.Context(), aSpec(), nil, here, run{&fakeTemporal{digest: aSpec().Digest(), owner: owner}, aSpec(), never})
	require.NoError(t, err)
	require.False(t, created)
	require.NoError(t, a.Owns(t.Context(), name, owner))
}

// A damaged spec.json keeps its identity, without which the sweep could not write, and the
// mark of its removal.
func TestARepairKeepsTheIdentity(t *testing.T) {
	s := storetest.NewMemory()
	a := New(s)
	owner := beginParsed(t, a).owner
	require.NoError(t, a.AppendSegment(t.Context(), name, 0, []sweep.Trial{trialAt(0)}))
	damage := func(removing bool) {
		r, etag, err := a.reservation(t.Context(), name)
		require.NoError(t, err)
		r.Removing = removing
		r.Spec.Seed++
		_, err = a.write(t.Context(), r, &etag)
		require.NoError(t, err)
	}
	damage(false)
	repaired := check(t, s, CheckOptions{Repair: true})
	require.Equal(t, under(specName), repaired.Repairs[0].Key)
	require.NoError(t, a.Owns(t.Context(), name, owner))

	damage(true)
	_, err := a.Check(t.Context(), name, CheckOptions{Repair: true, Now: checkedAt})
	require.ErrorAs(t, err, new(*RemovingError))
}

// A look at the reservation counts for the writes of ownedFor, and of the same sweep only.
func TestTheFenceLooksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var looked []string
		f := &fence{owns: func(_ context.Context, name string) error { looked = append(looked, name); return nil }}
		for _, key := range []string{"a/spec.json", "a/state.json", "b/state.json", "a/state.json"} {
			require.NoError(t, f.check(t.Context(), sweepsPrefix+key))
		}
		require.Equal(t, []string{"a", "b", "a"}, looked)
		time.Sleep(ownedFor) // of the bubble
		require.NoError(t, f.check(t.Context(), sweepsPrefix+"a/state.json"))
		require.Equal(t, []string{"a", "b", "a", "a"}, looked)
	})
}
