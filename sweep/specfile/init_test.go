package specfile

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

func TestInit(t *testing.T) {
	for _, method := range sweep.Methods() {
		text, err := Init("my-sweep", method)
		require.NoError(t, err)
		spec, err := Parse("my-sweep.yaml", []byte(text))
		require.NoError(t, err)
		require.Equal(t, "my-sweep", spec.Name)
		require.Equal(t, method, spec.Method)
	}
	_, err := Init("No Name", sweep.MethodGrid)
	require.ErrorContains(t, err, "No Name")
	_, err = Init("name", "anneal")
	require.ErrorContains(t, err, "grid, random, sobol, tpe, bayes, cmaes, nsga2")
}

// The lines in comments are valid, too.
func TestInitInComments(t *testing.T) {
	text, err := Init("my-sweep", sweep.MethodBayes)
	require.NoError(t, err)
	for _, field := range []string{"points", "constraints", "repeats", "early_terminate"} {
		require.Contains(t, text, "\n# "+field+": ")
		text = strings.Replace(text, "\n# "+field+": ", "\n"+field+": ", 1)
	}
	spec, err := Parse("my-sweep.yaml", []byte(text))
	require.NoError(t, err)
	require.Len(t, spec.Points, 1)
	require.Len(t, spec.Constraints, 1)
	require.Len(t, spec.Repeats.Seeds, 2)
	require.Equal(t, []int{500, 1500}, spec.Rungs())
}

// The spec has the name as given: nothing of a name becomes YAML.
func TestInitIsNotInjected(t *testing.T) {
	for _, name := range []string{"a\nmethod: bayes", "a # b", "&x a", "", "null", "{{.Method}}"} {
		text, err := Init(name, sweep.MethodGrid)
		if err == nil {
			spec, err := Parse("x", []byte(text))
			require.NoError(t, err)
			require.Equal(t, name, spec.Name)
		}
	}
}
