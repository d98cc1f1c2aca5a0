package sweeps

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/clitest"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/workflows"
)

// workflowsOfOne is a fake of the workflows of one sweep.
type workflowsOfOne struct {
	runs  []execution
	fails int  // Delete fails once this many are deleted; negative: it is not allowed
	slow  bool // deleting takes longer than rm waits
}

var errAway = errors.New("no answer from Temporal")

func (f *workflowsOfOne) SweepRuns(_ context.Context, name string) (running, known bool, err error) {
	for _, x := range f.runs {
		if x.id == workflows.SweepID(name) {
			known, running = true, running || x.running
		}
	}
	return running, known, nil
}

func (f *workflowsOfOne) All(context.Context, string) ([]execution, error) { return f.runs, nil }

func (f *workflowsOfOne) Delete(_ context.Context, x execution) error {
	switch {
	case f.fails < 0:
		return errNotAllowed
	case f.fails == 0:
		return errAway
	}
	f.fails--
	if f.slow {
		return nil
	}
	for i, r := range f.runs {
		if r == x {
			f.runs = append(append([]execution{}, f.runs[:i]...), f.runs[i+1:]...)
			break
		}
	}
	return nil
}

func (f *workflowsOfOne) Deleted(_ context.Context, runs []execution) bool {
	return !slices.ContainsFunc(runs, func(x execution) bool { return slices.Contains(f.runs, x) })
}

func endedRuns() []execution {
	return []execution{{id: "sweep/done", run: "2"}, {id: "sweep/done", run: "1"}, {id: "sweep/done/trial/000000", run: "a"}}
}

func keysOf(t *testing.T, s store.Store, sweep string) []string {
	t.Helper()
	keys := []string{}
	for info, err := range s.List(t.Context(), "v1/sweeps/"+sweep+"/") {
		require.NoError(t, err)
		keys = append(keys, info.Key)
	}
	return keys
}

func TestRemoveASweep(t *testing.T) {
	s := clitest.Archived(t)
	fresh := keysOf(t, s, "fresh")
	fake := &workflowsOfOne{runs: endedRuns(), fails: 2}
	r := remover{archive.New(s), fake, time.Now}
	silent := func(string, ...any) {}
	d, err := r.look(t.Context(), "done")
	require.NoError(t, err)
	require.Contains(t, d.text(), "3 workflow runs in Temporal")
	_, err = r.remove(t.Context(), "done", d, silent)
	require.ErrorIs(t, err, errAway)
	require.Empty(t, keysOf(t, s, "done"))
	require.Len(t, fake.runs, 1)
	require.Equal(t, "sweep/done", fake.runs[0].id, "a sweep that Temporal knows can be removed again")

	fake.fails = 1
	d, err = r.look(t.Context(), "done")
	require.NoError(t, err)
	result, err := r.remove(t.Context(), "done", d, silent)
	require.NoError(t, err)
	require.Equal(t, removed{Sweep: "done", Removed: true, Workflows: 1}, result)
	_, err = r.look(t.Context(), "done")
	require.Equal(t, cli.ExitNotFound, cli.CodeOf(err))
	require.Equal(t, fresh, keysOf(t, s, "fresh"))
}

// While Temporal has a trial of the sweep, it also has the sweep: `tailsweep run` refuses the
// name, and rm can be run again.
func TestRemoveWhereTemporalIsSlow(t *testing.T) {
	fake := &workflowsOfOne{runs: endedRuns(), fails: 9, slow: true}
	r := remover{archive.New(clitest.Archived(t)), fake, time.Now}
	silent := func(string, ...any) {}
	d, err := r.look(t.Context(), "done")
	require.NoError(t, err)
	result, err := r.remove(t.Context(), "done", d, silent)
	require.NoError(t, err)
	require.True(t, result.NameTaken)
	require.Equal(t, 1, result.Workflows, "only that of the trial")

	fake.slow = false
	d, err = r.look(t.Context(), "done")
	require.NoError(t, err)
	result, err = r.remove(t.Context(), "done", d, silent)
	require.NoError(t, err)
	require.False(t, result.NameTaken)
	require.Empty(t, fake.runs)
}

func TestRemoveRefuses(t *testing.T) {
	for title, c := range map[string]struct {
		name  string
		runs  []execution
		after time.Duration
		spec  string // of the sweep fresh
		code  int
		want  string
	}{
		"a sweep that runs":                  {"done", []execution{{"sweep/done", "1", true}}, 0, "", cli.ExitUsage, "end it first"},
		"a trial that runs":                  {"done", []execution{{"sweep/done", "1", false}, {"sweep/done/trial/000003", "1", true}}, 0, "", cli.ExitUsage, "trial/000003"},
		"one that another begins from":       {"done", endedRuns(), 0, `{"digest":"1","spec":{"name":"later","from":["done"]}}`, cli.ExitUsage, "the spec of sweep later names sweep done in from"},
		"one that may run elsewhere":         {"done", nil, time.Hour, "", cli.ExitUsage, "does not know sweep done"},
		"no sweep":                           {"none", nil, 0, "", cli.ExitNotFound, "no sweep"},
		"nothing: Temporal has forgotten it": {"done", nil, 25 * time.Hour, "", cli.ExitOK, ""},
	} {
		t.Run(title, func(t *testing.T) {
			s := clitest.Archived(t)
			if c.spec != "" {
				require.NoError(t, s.Put(t.Context(), "v1/sweeps/later/spec.json", strings.NewReader(c.spec), int64(len(c.spec))))
			}
			now := func() time.Time { return time.Now().Add(c.after) }
			_, err := remover{archive.New(s), &workflowsOfOne{runs: c.runs}, now}.look(t.Context(), c.name)
			require.Equal(t, c.code, cli.CodeOf(err))
			if c.want != "" {
				require.ErrorContains(t, err, c.want)
			}
		})
	}
}

// continued is a fake of a sweep that is continued after a number of looks at it.
type continued struct {
	workflowsOfOne
	looks int
}

func (c *continued) SweepRuns(ctx context.Context, name string) (running, known bool, err error) {
	if c.looks--; c.looks < 0 {
		return true, true, nil
	}
	return c.workflowsOfOne.SweepRuns(ctx, name)
}

// The sweep is continued while rm asks its user, or just before it is marked.
func TestASweepThatWasContinuedIsNotRemoved(t *testing.T) {
	for looks := 1; looks <= 2; looks++ {
		s := clitest.Archived(t)
		before := keysOf(t, s, "done")
		r := remover{archive.New(s), &continued{workflowsOfOne{runs: endedRuns(), fails: 9}, looks}, time.Now}
		d, err := r.look(t.Context(), "done")
		require.NoError(t, err)
		_, err = r.remove(t.Context(), "done", d, func(string, ...any) {})
		require.ErrorContains(t, err, "end it first")
		require.Equal(t, cli.ExitUsage, cli.CodeOf(err))
		require.Equal(t, before, keysOf(t, s, "done"))
		require.NoError(t, r.archive.CheckContinued(t.Context(), "done", d.objects.Owner), "it writes as before")
	}
}

// Two rm of the same sweep: the one that loses says what the other did.
func TestTwoRemovalsOfASweep(t *testing.T) {
	silent := func(string, ...any) {}
	s := clitest.Archived(t)
	fake := &workflowsOfOne{runs: endedRuns(), fails: 9}
	winner, loser := remover{archive.New(s), fake, time.Now}, remover{archive.New(s), fake, time.Now}
	d, err := winner.look(t.Context(), "done")
	require.NoError(t, err)
	_, err = winner.remove(t.Context(), "done", d, silent)
	require.NoError(t, err)
	_, err = loser.remove(t.Context(), "done", d, silent)
	require.EqualError(t, err, "rm: another `tailsweep rm` has removed sweep done meanwhile: the object store has nothing of it any more")
	require.Equal(t, cli.ExitNotFound, cli.CodeOf(err))

	s = clitest.Archived(t)
	winner.archive, loser.archive, fake.runs = archive.New(halfway{s, new(int)}), archive.New(s), endedRuns()
	d, err = winner.look(t.Context(), "done")
	require.NoError(t, err)
	_, err = winner.remove(t.Context(), "done", d, silent)
	require.ErrorIs(t, err, errAway)
	_, err = loser.remove(t.Context(), "done", d, silent)
	require.ErrorContains(t, err, "rm: another `tailsweep rm` has taken over the removal of sweep done and continues it, so this one ends: if that one is interrupted, `tailsweep rm done` completes it")
	require.Equal(t, cli.ExitUsage, cli.CodeOf(err))
	d, err = loser.look(t.Context(), "done")
	require.NoError(t, err)
	_, err = loser.remove(t.Context(), "done", d, silent)
	require.NoError(t, err, "it completes one that was interrupted")
	require.Empty(t, keysOf(t, s, "done"))
}

// Two sweeps whose specs cannot be read may need each other: they are removed together.
func TestRemoveSweepsThatCannotBeRead(t *testing.T) {
	s := clitest.Archived(t)
	for _, name := range []string{"done", "fresh"} {
		require.NoError(t, s.Put(t.Context(), "v1/sweeps/"+name+"/spec.json", strings.NewReader("{"), 1))
	}
	tomorrow := func() time.Time { return time.Now().Add(25 * time.Hour) }
	r := remover{archive.New(s), &workflowsOfOne{fails: 9}, tomorrow}
	names := r.archive.RemovalOrder(t.Context(), []string{"done", "fresh"})
	for i, name := range names {
		_, err := r.look(t.Context(), name)
		require.ErrorContains(t, err, "whether sweep "+names[1-i]+" needs "+name+" is not known")
	}
	for _, name := range names {
		d, err := r.look(t.Context(), name, names...)
		require.NoError(t, err)
		_, err = r.remove(t.Context(), name, d, func(string, ...any) {})
		require.NoError(t, err)
	}
	require.Empty(t, keysOf(t, s, "done"))
	require.Empty(t, keysOf(t, s, "fresh"))
}

// A sweep that begins with the results of another one starts while rm asks its user.
func TestASweepThatIsNeededMeanwhileIsNotRemoved(t *testing.T) {
	s := clitest.Archived(t)
	r := remover{archive.New(s), &workflowsOfOne{runs: endedRuns(), fails: 9}, time.Now}
	d, err := r.look(t.Context(), "done")
	require.NoError(t, err)
	later := `{"digest":"1","spec":{"name":"later","from":["done"]}}`
	require.NoError(t, s.Put(t.Context(), "v1/sweeps/later/spec.json", strings.NewReader(later), int64(len(later))))
	before := keysOf(t, s, "done")
	_, err = r.remove(t.Context(), "done", d, func(string, ...any) {})
	require.ErrorContains(t, err, "the spec of sweep later names sweep done in from")
	require.Equal(t, cli.ExitUsage, cli.CodeOf(err))
	require.Equal(t, before, keysOf(t, s, "done"))
	require.NoError(t, r.archive.CheckContinued(t.Context(), "done", d.objects.Owner))
}

func TestRemoveWhereTemporalRefuses(t *testing.T) {
	r := remover{archive.New(clitest.Archived(t)), &workflowsOfOne{runs: endedRuns(), fails: -1}, time.Now}
	d, err := r.look(t.Context(), "done")
	require.NoError(t, err)
	var logged strings.Builder
	result, err := r.remove(t.Context(), "done", d, func(format string, args ...any) { fmt.Fprintf(&logged, format, args...) })
	require.NoError(t, err)
	require.True(t, result.NameTaken)
	require.Contains(t, logged.String(), "stay in Temporal")
}

// nothing is a fake of a Temporal in which the sweeps have ended.
type nothing struct{ fault error }

func (n nothing) Progress(_ context.Context, name string) (*conduct.Progress, error) {
	if name == "fresh" {
		return nil, n.fault
	}
	return nil, nil
}
func (nothing) TrialRuns(context.Context, string, int) (bool, error) { return false, nil }

func TestCollect(t *testing.T) {
	s := clitest.Archived(t)
	require.NoError(t, s.Put(t.Context(), "v1/sweeps/done/trials/000007/attempts/1/log.txt", strings.NewReader("a line\n"), 7))
	arc := archive.New(s)
	var out strings.Builder
	a := &cli.App{Out: &out, Err: &out}
	before := keysOf(t, s, "done")
	found, err := collect(t.Context(), arc, nothing{activities.ErrNoExecution}, []string{"done", "fresh"}, false, archive.GarbageOptions{Now: time.Now()})
	require.NoError(t, err)
	require.NoError(t, a.Print(collectedText(a, found)...))
	require.Equal(t, before, keysOf(t, s, "done"), "it is only listed")

	found, err = collect(t.Context(), arc, nothing{errAway}, []string{"done", "fresh"}, true, archive.GarbageOptions{Now: time.Now()})
	require.NoError(t, err)
	require.NoError(t, a.Print(collectedText(a, found)...))
	require.Len(t, keysOf(t, s, "done"), len(before)-1)
	require.NoError(t, a.Print(collectedText(a, collected{})...))
	require.Equal(t, `SWEEP  KIND        COUNT  OBJECTS  BYTES  TRIALS
done   orphan log      1        1    7 B  7

1 object with 7 B; `+"`tailsweep gc --yes`"+` removes them
SWEEP  KIND        COUNT  OBJECTS  BYTES  TRIALS
done   orphan log      1        1    7 B  7

fresh: no answer from Temporal
removed 1 object with 7 B
nothing to remove
`, out.String())
}

// halfway is a store that refuses each removal after the first.
type halfway struct {
	store.Store
	removals *int
}

func (h halfway) Delete(ctx context.Context, key string) error {
	if *h.removals++; *h.removals > 1 {
		return errAway
	}
	return h.Store.Delete(ctx, key)
}

func TestCollectShowsWhatItRemovedBeforeAnError(t *testing.T) {
	s := clitest.Archived(t)
	for _, trial := range []string{"000007", "000008"} {
		require.NoError(t, s.Put(t.Context(), "v1/sweeps/done/trials/"+trial+"/attempts/1/log.txt", strings.NewReader("a line\n"), 7))
	}
	arc := archive.New(halfway{s, new(int)})
	found, err := collect(t.Context(), arc, nothing{activities.ErrNoExecution}, []string{"done"}, true, archive.GarbageOptions{Now: time.Now()})
	require.NoError(t, err)
	require.Equal(t, 1, found.Objects)
	require.Contains(t, found.Sweeps[0].Fault, errAway.Error())
}
