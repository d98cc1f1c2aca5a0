package conduct

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// An edit completes the requests as it completes earlier trials, and drops those that are not
// configurations of the edited space.
func TestEditFitsRequests(t *testing.T) {
	uniform := func(name string, least float64) sweep.Parameter {
		return sweep.Parameter{Name: name, Distribution: sweep.DistUniform, Min: least, Max: 1}
	}
	spec := &sweep.Spec{Name: "s", Method: sweep.MethodRandom, Parameters: sweep.Space{uniform("alignment.weight", 0)}}
	of := func(sampler string) sweep.Assignment {
		return sweep.Assignment{Kind: sweep.KindSearch, Params: sweep.Params{"alignment.weight": sweep.Number(0.5)}, Reason: sweep.Reason{Sampler: sampler}}
	}
	m := New(spec, &State{Queue: []sweep.Assignment{of(sweep.SourceUser), of(sweep.SourceRetry)}}, LogicNow, start)
	edited := *spec
	edited.Parameters = sweep.Space{uniform("alignment.weight", 0), uniform("infonce.weight", 0)}
	before := m.Queue
	m.edit(Command{Spec: &edited})
	require.Equal(t, sweep.Params{"alignment.weight": sweep.Number(0.5), "infonce.weight": sweep.Number(0)}, m.Queue[0].Params)
	require.Equal(t, of(sweep.SourceRetry), m.Queue[1], "a retry has the parameters of its trial")
	require.Equal(t, of(sweep.SourceUser), before[0], "the state before is not changed")

	narrow := edited
	narrow.Parameters = sweep.Space{uniform("alignment.weight", 0.6), uniform("infonce.weight", 0)}
	m.edit(Command{Spec: &narrow})
	require.Equal(t, []sweep.Assignment{of(sweep.SourceRetry)}, m.Queue, "the other one has no equal configuration")
}

// What an edit drops is in the command log, and does not start.
func TestAnEditSaysWhichRequestsItDrops(t *testing.T) {
	spec := testSpec()
	spec.Parameters = sweep.Space{{Name: "infonce.weight", Distribution: sweep.DistUniform, Max: 1}}
	spec.Points = []sweep.Params{{"infonce.weight": sweep.Number(0.9)}, {"infonce.weight": sweep.Number(0.1)}}
	spec.MaxConcurrentTrials = 4
	m := New(spec, nil, LogicNow, start)
	m.Phase = PhasePaused
	m.Step(start, Commanded{CommandEnqueue, Command{By: "ann", Points: slices.Repeat([]sweep.Params{{"infonce.weight": sweep.Number(0.75)}}, 12)}})
	edited := *spec
	edited.Parameters = sweep.Space{{Name: "infonce.weight", Distribution: sweep.DistUniform, Max: 0.2}}
	edited.Points = spec.Points[1:]
	edit := Commanded{CommandEdit, Command{By: "bob", Spec: &edited}}
	require.NoError(t, m.Check(edit))
	m.Step(start, edit)
	require.Len(t, m.Queue, 1)
	require.Equal(t, spec.Points[1], m.Queue[0].Params)

	log := m.CommandLog[len(m.CommandLog)-2:]
	require.Equal(t, CommandEdit, log[0].Command)
	require.Equal(t, EntrySkip, log[1].Command)
	require.Equal(t, "bob", log[1].By)
	require.Contains(t, log[1].Change, "requested configurations that are not of the edited search space: "+
		"infonce.weight=0.9 (infonce.weight: is not a value of parameters.infonce.weight (0.9; valid: a number in [0, 0.2])); infonce.weight=0.75 (")
	require.LessOrEqual(t, len(log[1].Change), changeLimit)

	st := &State{StartedAt: start, Queue: []sweep.Assignment{pointOf(spec, spec.Points[0]), pointOf(spec, spec.Points[1])}}
	st.Replay([]CommandEntry{{Number: 1, Command: CommandEdit, Spec: &edited}, log[1]})
	require.Len(t, st.Queue, 1, "also where the state after the edit is not stored")
}

// After a reset, the result of a trial may be that of another request. The one that did not run is
// put back, unless an edit has excluded it since.
func TestARequestThatAnEditExcludesIsNotPutBack(t *testing.T) {
	spec := testSpec()
	spec.Parameters = sweep.Space{{Name: "infonce.weight", Distribution: sweep.DistUniform, Max: 0.2}}
	for weight, fits := range map[float64]bool{0.1: true, 0.9: false} {
		st := State{Phase: PhasePaused, Next: 1}
		st.request(pointOf(spec, sweep.Params{"infonce.weight": sweep.Number(weight)}))
		m := machineOf(spec, st)
		m.Running, m.Queue = RunningList{{Assignment: m.Queue[0], StartedAt: start}}, nil
		m.Running[0].Number = 0
		m.account([]sweep.Trial{completed(0, 1)})
		if fits {
			require.Len(t, m.Queue, 1)
			require.Empty(t, m.CommandLog)
			continue
		}
		require.Empty(t, m.Queue)
		require.Len(t, m.CommandLog, 1)
		require.Equal(t, EntrySkip, m.CommandLog[0].Command)
		require.Contains(t, m.CommandLog[0].Change, "infonce.weight=0.9 (")
	}
}
