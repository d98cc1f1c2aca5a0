package conduct

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// The entry of an edit has the old and the new value of each field.
func TestAnEditSaysWhatItChanged(t *testing.T) {
	before := testSpec()
	before.Parameters = sweep.Space{{Name: "infonce.weight", Distribution: sweep.DistUniform, Max: 1}}
	m := machineOf(before, State{Phase: PhaseRunning})
	spec := *before
	spec.Method, spec.Budget.RunCap, spec.Description = sweep.MethodBayes, 7, strings.Repeat("é", 300)
	spec.Parameters = sweep.Space{{Name: "infonce.weight", Distribution: sweep.DistUniform, Max: 3}}
	m.applyCommand(Commanded{Name: CommandEdit, Command: Command{By: "ann", Spec: &spec}})
	change := m.CommandLog[0].Change
	require.Equal(t, "budget.run_cap 5000 -> 7, description - -> "+strings.Repeat("é", 48)+"..., method random -> bayes, "+
		"parameters.infonce.weight.max 1 -> 3", change)

	many := *m.Spec()
	for i := range 60 {
		many.Parameters = append(many.Parameters, sweep.Parameter{Name: fmt.Sprintf("parameter.%d", i), Distribution: sweep.DistUniform, Max: float64(i)})
	}
	change = changeText(Differences(m.Spec(), &many))
	require.LessOrEqual(t, len(change), 1024)
	require.Regexp(t, `^parameters\.parameter\.0 - -> {"distribution":"uniform","max":0,"min":0}, .*, and \d+ more$`, change)
}

// The entry of an edit says which parameters were removed.
func TestAnEditSaysWhatItRemoved(t *testing.T) {
	before := testSpec()
	before.Parameters = sweep.Space{{Name: "infonce.weight", Distribution: sweep.DistUniform, Min: 0.5, Max: 1}, {Name: "lr", Distribution: sweep.DistUniform, Max: 1}}
	after := *before
	after.Parameters = sweep.Space{{Name: "infonce.weight", Distribution: sweep.DistUniform, Max: 1}}
	require.Equal(t, `parameters.infonce.weight.min 0.5 -> 0, parameters.lr {"distribution":"uniform","max":1,"min":0} -> removed`, changeText(Differences(before, &after)))
}

// A value that is shortened shows no part of a password.
func TestAChangeHidesAPasswordThatIsCut(t *testing.T) {
	before := testSpec()
	m := machineOf(before, State{Phase: PhaseRunning})
	secret := "images of https://ada:" + strings.Repeat("pass", 50) + "@example.com/images.tar"
	spec := *before
	spec.Description = secret
	m.applyCommand(Commanded{Name: CommandEdit, Command: Command{By: "ann", Spec: &spec}})
	m.applyCommand(Commanded{Name: CommandSet, Command: Command{By: "ann", Set: &Changes{Description: &secret}}})
	require.Len(t, m.CommandLog, 2)
	for _, e := range m.CommandLog {
		require.NotContains(t, e.Change, "pass")
		require.Contains(t, e.Change, "images of https://***@example.com/images.tar")
	}
}

// An empty list that JSON leaves out is the same as none.
func TestAnEmptyListIsNoEdit(t *testing.T) {
	before := testSpec()
	spec := *before
	spec.Model.Attention, spec.Model.Mult = []int{}, []int{}
	spec.Points, spec.Constraints, spec.From = []sweep.Params{}, []sweep.Constraint{}, []sweep.Earlier{}
	changed, fixed := Edited(before, &spec)
	require.Empty(t, changed)
	require.Empty(t, fixed)
	require.Equal(t, before.Digest(), spec.Digest())
}
