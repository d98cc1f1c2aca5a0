package sweeps

import (
	"bytes"
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
	var log bytes.Buffer
	a := &cli.App{Err: &log}
	learn := func(change func(*sweep.Spec), names ...string) (*sweep.Spec, []byte, error) {
		text, err := specfile.Init("new", sweep.MethodBayes)
		require.NoError(t, err)
		spec, err := specfile.Parse("new", []byte(text))
		require.NoError(t, err)
		done, err := arc.Spec(t.Context(), "done")
		require.NoError(t, err)
		spec.Parameters, spec.Metrics, spec.Constraints = done.Parameters, done.Metrics, nil
		change(spec)
		log.Reset()
		amended, err := learnFrom(t.Context(), a, arc, spec, []byte(text), names)
		return spec, amended, err
	}
	spec, text, err := learn(func(*sweep.Spec) {}, "done")
	require.NoError(t, err)
	require.Equal(t, []sweep.Earlier{{Sweep: "done", Segments: 2}}, spec.From)
	require.Contains(t, string(text), "\nfrom:\n  - {sweep: done, segments: 2}\n")
	require.Contains(t, log.String(), "of 3 trials fit and count as results of this sweep")

	_, _, err = learn(func(s *sweep.Spec) { s.Train.Steps++ }, "done")
	require.NoError(t, err)
	require.Contains(t, log.String(), "are a prior for fid.tail")
	require.Contains(t, log.String(), "(different: train)")
	_, _, err = learn(func(s *sweep.Spec) { s.Train.Steps++; s.Method = sweep.MethodRandom }, "done")
	require.NoError(t, err)
	require.Contains(t, log.String(), "method random uses no prior: they are ignored")

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
	require.Equal(t, []sweep.Earlier{{Sweep: "done", Segments: 2}}, spec.From)
}
