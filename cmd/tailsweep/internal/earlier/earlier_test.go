package earlier

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/clitest"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/specfile"
)

func TestLearnFrom(t *testing.T) {
	arc := archive.New(clitest.Archived(t))
	var lessons []Lesson
	learn := func(change func(*sweep.Spec), names ...string) (*sweep.Spec, []byte, error) {
		text, err := specfile.Init("new", sweep.MethodBayes)
		require.NoError(t, err)
		spec, err := specfile.Parse("new", []byte(text))
		require.NoError(t, err)
		done, err := arc.Spec(t.Context(), "done")
		require.NoError(t, err)
		spec.Parameters, spec.Metrics, spec.Constraints = done.Parameters, done.Metrics, nil
		change(spec)
		var amended []byte
		amended, lessons, err = Learn(t.Context(), arc, spec, []byte(text), names)
		return spec, amended, err
	}
	spec, text, err := learn(func(*sweep.Spec) {}, "done")
	require.NoError(t, err)
	require.Equal(t, []sweep.Earlier{{Sweep: "done", Segments: 2, Identity: "fake.1"}}, spec.From)
	require.Contains(t, string(text), "\nfrom:\n  - {sweep: done, segments: 2, identity: \"fake.1\"}\n")
	require.Contains(t, lessons[0].String(), "of 3 trials fit and count as results of this sweep")

	_, _, err = learn(func(s *sweep.Spec) { s.Train.Steps++ }, "done")
	require.NoError(t, err)
	require.Contains(t, lessons[0].String(), "are a prior for fid.tail")
	require.Contains(t, lessons[0].String(), "(different: train)")
	_, _, err = learn(func(s *sweep.Spec) { s.Train.Steps++; s.Method = sweep.MethodRandom }, "done")
	require.NoError(t, err)
	require.Contains(t, lessons[0].String(), "the method uses no prior: they are ignored")

	for _, c := range []struct {
		change func(*sweep.Spec)
		names  []string
		want   string
	}{
		{func(*sweep.Spec) {}, []string{"gone"}, "--from gone: there is no such sweep"},
		{func(*sweep.Spec) {}, []string{"fresh"}, "--from fresh: it has no finished trials yet"},
		{func(*sweep.Spec) {}, []string{"done", "done"}, "name each earlier sweep once"},
		{func(s *sweep.Spec) { s.Parameters[0].Name, s.Parameters = "lr", s.Parameters[:1] }, []string{"done"}, "it searched none of the parameters"},
		{func(s *sweep.Spec) { s.Metrics = []sweep.Objective{{Name: "kid.all", Goal: sweep.Minimize}} }, []string{"done"}, "it measured none of the metrics"},
		{func(s *sweep.Spec) { s.From = []sweep.Earlier{{Sweep: "done", Segments: 1}} }, []string{"done"}, "the spec has the field from"},
		{func(s *sweep.Spec) { s.From = []sweep.Earlier{{Sweep: "done", Segments: 9}} }, nil, "its ledger has 2 segments, and the spec names 9"},
	} {
		_, _, err := learn(c.change, c.names...)
		require.ErrorContains(t, err, c.want)
	}

	// The same command again means the same sweep, although the earlier one has grown.
	yaml, err := specfile.Parse("new", text)
	require.NoError(t, err)
	clitest.Begin(t, arc, yaml, text)
	more, err := arc.Ledger(t.Context(), "done", 1)
	require.NoError(t, err)
	more[0].Number, more[1].Number = 7, 8
	require.NoError(t, arc.AppendSegment(t.Context(), "done", 2, more))
	spec, _, err = learn(func(*sweep.Spec) {}, "done")
	require.NoError(t, err)
	require.Equal(t, []sweep.Earlier{{Sweep: "done", Segments: 2, Identity: "fake.1"}}, spec.From)

	// So does the spec alone: a file without the field keeps it, as in an edit.
	spec, again, err := learn(func(*sweep.Spec) {})
	require.NoError(t, err)
	require.Equal(t, []sweep.Earlier{{Sweep: "done", Segments: 2, Identity: "fake.1"}}, spec.From)
	require.Equal(t, text, again)
}

// The sweep that a name had when it was named is meant, not another one of the name.
func TestLearnFromAnotherSweepOfTheName(t *testing.T) {
	arc := archive.New(clitest.Archived(t))
	done, err := arc.Spec(t.Context(), "done")
	require.NoError(t, err)
	for form, written := range map[string]string{"flow": "from: [{sweep: done, segments: 1}] # the pilot\n", "block": "from: # the pilot\n  - sweep: done\n    segments: 1\n"} {
		text, err := specfile.Init("new", sweep.MethodBayes)
		require.NoError(t, err)
		text = written + text
		spec, err := specfile.Parse("new", []byte(text))
		require.NoError(t, err, form)
		started := *spec
		spec.Parameters, spec.Metrics, spec.Constraints = done.Parameters, done.Metrics, nil
		amended, _, err := Learn(t.Context(), arc, spec, []byte(text), nil)
		require.NoError(t, err, form)
		started.From = spec.From
		again, err := specfile.Parse("new", amended)
		require.NoError(t, err, form)
		require.Equal(t, started.Digest(), again.Digest(), "%s: the YAML is that of the spec that starts", form)
		require.Equal(t, strings.Count(text, "#"), strings.Count(string(amended), "#"), "%s: comments stay", form)
		same, _, err := Learn(t.Context(), arc, spec, amended, nil)
		require.NoError(t, err, form)
		require.Equal(t, amended, same)
	}
	spec := *done
	spec.Name, spec.From = "new", []sweep.Earlier{{Sweep: "done", Segments: 1}}
	_, _, err = Learn(t.Context(), arc, &spec, []byte("{"), nil)
	require.ErrorContains(t, err, `write from: [{sweep: done, segments: 1, identity: "fake.1"}] in the file`)
	require.Equal(t, "fake.1", spec.From[0].Identity, "filled in")
	spec.From[0].Identity = "first.1"
	_, _, err = Learn(t.Context(), arc, &spec, nil, nil)
	require.ErrorContains(t, err, "--from done: the search learns from sweep done, but it was removed, and the name belongs to another sweep now (fake.1 instead of first.1)")
}

// A repair without Temporal may leave a sweep without an identity.
func TestLearnFromASweepWithoutIdentity(t *testing.T) {
	s := clitest.Archived(t)
	const key = "v1/sweeps/done/spec.json"
	r, _, err := s.Get(t.Context(), key)
	require.NoError(t, err)
	stored := map[string]any{}
	require.NoError(t, json.NewDecoder(r).Decode(&stored))
	require.NoError(t, r.Close())
	delete(stored, "owner")
	body, err := json.Marshal(stored)
	require.NoError(t, err)
	require.NoError(t, s.Put(t.Context(), key, bytes.NewReader(body), int64(len(body))))
	arc := archive.New(s)
	done, err := arc.Spec(t.Context(), "done")
	require.NoError(t, err)
	spec := *done
	spec.Name = "new"
	_, _, err = Learn(t.Context(), arc, &spec, nil, []string{"done"})
	require.ErrorContains(t, err, "--from done: the search learns from sweep done, which has no identity, so another sweep of its name would not be noticed: `tailsweep doctor done --repair`")
}

// No sweep begins with the results of one that is being removed.
func TestLearnFromASweepThatIsBeingRemoved(t *testing.T) {
	arc := archive.New(clitest.Archived(t))
	done, err := arc.Spec(t.Context(), "done")
	require.NoError(t, err)
	owner, err := arc.Owner(t.Context(), "done")
	require.NoError(t, err)
	spec := *done
	spec.Name = "new"
	err = arc.RemoveSweep(t.Context(), "done", owner, func() error {
		_, _, err := Learn(t.Context(), arc, &spec, nil, []string{"done"})
		return err
	}, nil)
	require.ErrorContains(t, err, "--from done: sweep done is being removed")
	require.Equal(t, cli.ExitUsage, cli.CodeOf(err))
}

// An edited file need not name the earlier sweeps that --from has added.
func TestKeep(t *testing.T) {
	inForce := &sweep.Spec{From: []sweep.Earlier{{Sweep: "old", Segments: 3, Identity: "x.1"}}}
	var edited sweep.Spec
	Keep(&edited, inForce)
	require.Equal(t, inForce.From, edited.From)
	edited.From = []sweep.Earlier{{Sweep: "old", Segments: 3}}
	Keep(&edited, inForce)
	require.Equal(t, inForce.From, edited.From)
	edited.From = []sweep.Earlier{{Sweep: "old", Segments: 4}}
	Keep(&edited, inForce)
	require.Empty(t, edited.From[0].Identity, "another part of the ledger")
}

func TestLessonOfOneTrial(t *testing.T) {
	l := Lesson{Earlier: sweep.Earlier{Sweep: "tiny"}, Trials: 1, Fit: 1, Same: true}
	require.Equal(t, "from sweep tiny: 1 configuration of 1 trial fits and counts as a result of this sweep (same dataset, model, train and evaluate)", l.String())
	l.Same, l.Metrics, l.Different = false, []string{"fid.tail"}, []string{"train.steps"}
	require.Equal(t, "from sweep tiny: 1 configuration of 1 trial fits and is a prior for fid.tail (different: train.steps)", l.String())
}
