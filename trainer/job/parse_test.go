package job

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

func TestParse(t *testing.T) {
	e, ok := Parse([]byte(`{"type":"result","metrics":{"fid.tail":3},"floor":{"fid.tail":0}}`))
	require.True(t, ok)
	require.Equal(t, map[string]float64{"fid.tail": 3}, e.Metrics)

	for _, line := range []string{
		`{"type":"result","metrics":{"fid.all":1,"fid.tail":null}}`,
		`{"type":"result","metrics":{"fid.all":1},"standard_error":{"fid.tail":null}}`,
		`{"type":"result","metrics":{"fid.all":1},"floor":{"fid.tail":null}}`,
		`{"type":"result","metrics":{"fid.all":1},"floor_error":{"fid.tail":null}}`,
		`{"type":"result","METRICS":{"fid.tail":null}}`,
	} {
		e, ok := Parse([]byte(line))
		require.True(t, ok, line)
		require.Equal(t, Event{Type: Error, Class: sweep.FailBug, Message: "the child reported null for fid.tail: a value that could not be measured must be left out"}, e, line)
	}
	for _, line := range []string{``, `{`, `{"no":"type"}`, `{"type":"progress","point":{"loss":null,"ddpm":1}}`, `{"type":"result","metrics":{"fid.tail":"x"}}`} {
		_, ok := Parse([]byte(line))
		require.False(t, ok, line)
	}
}
