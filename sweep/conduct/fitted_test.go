package conduct

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// An edit completes the requests as it completes earlier trials.
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
	require.Equal(t, sweep.Number(0.5), m.Queue[0].Params["alignment.weight"], "no equal configuration: it stays as it was asked for")
}
