package conduct

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// An edit of a field that is in no section would be taken for no change.
func TestSectionsCoverEveryFieldOfASpec(t *testing.T) {
	var covered []string
	for _, s := range sections {
		covered = append(covered, s.field)
	}
	var check func(prefix string, of reflect.Type)
	check = func(prefix string, of reflect.Type) {
		for f := range of.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			name = prefix + name
			if f.Type == reflect.TypeFor[sweep.Checkpoints]() { // compared by its fields
				check(name+".", f.Type)
				continue
			}
			require.Contains(t, covered, name)
		}
	}
	check("", reflect.TypeFor[sweep.Spec]())
}

func TestExtendKnowsEveryLimitOfABudget(t *testing.T) {
	require.Len(t, limits, reflect.TypeFor[sweep.Budget]().NumField())
}

// A first limit could end the sweep, which extend never does.
func TestExtendRaisesOnlyLimitsThatASweepHas(t *testing.T) {
	spec := testSpec()
	for _, l := range limits {
		spec.Budget = sweep.Budget{}
		m := machineOf(spec, State{Phase: PhaseRunning})
		for _, add := range []bool{false, true} {
			e := &Extension{}
			amount := &Amount{Value: 10, Add: add}
			switch l.flag {
			case "--trials":
				e.RunCap = amount
			case "--gpu-hours":
				e.GPUHours = amount
			default:
				e.WallClock = amount
			}
			l.set(&spec.Budget, 0)
			require.EqualError(t, m.Check(Commanded{CommandExtend, Command{By: "ann", Extend: e}}),
				`cannot extend sweep "s": `+l.field+": the sweep does not have this limit, so there is nothing to extend: `tailsweep edit` sets one")
			l.set(&spec.Budget, 5)
			require.NoError(t, m.Check(Commanded{CommandExtend, Command{By: "ann", Extend: e}}))
		}
	}
}

// Enqueued trials count, so an ended sweep can have more trials than its limit.
func TestExtendSaysHowManyTrialsAreNeeded(t *testing.T) {
	spec := testSpec()
	spec.Budget.RunCap = 7
	m := machineOf(spec, State{Phase: PhaseCompleted, Next: 8, Watermark: 8, EndedAt: &start})
	extend := func(n float64, add bool) error {
		return m.Check(Commanded{CommandExtend, Command{By: "ann", Extend: &Extension{RunCap: &Amount{Value: n, Add: add}}}})
	}
	const want = "cannot extend sweep \"s\": 8 trials count already: give --trials +2 or more"
	require.EqualError(t, extend(1, true), want)
	require.EqualError(t, extend(8, false), want)
	require.NoError(t, extend(2, true))
	require.NoError(t, extend(9, false))
}
