package sweep

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// docs/reliability.md has the table of policies.
func TestPoliciesAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../docs/reliability.md")
	require.NoError(t, err)
	yes := map[bool]string{true: "yes", false: "no"}
	for _, p := range Policies() {
		wait, row, machine := "-", "-", "-"
		if p.Retried {
			wait = fmt.Sprintf("%v, doubled up to %v", short(p.Wait), short(p.MaxWait))
			if p.AtOnce {
				wait = "0, then " + wait
			}
		}
		if p.InARow > 0 {
			row = fmt.Sprintf("`max_restarts` + %d", p.InARow)
		}
		if p.MachineLimit > 0 {
			machine = fmt.Sprint(p.MachineLimit)
		}
		require.Contains(t, string(doc), fmt.Sprintf("\n| `%s` | %s | %s | %s | %s | %s | %s |\n",
			p.Class, p.Meaning, yes[p.Retried], yes[p.Counts], wait, row, machine))
	}
}

func short(d time.Duration) string {
	if d%time.Minute == 0 {
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}

func TestPolicyWaits(t *testing.T) {
	waits := func(c FailureClass) (seconds []float64) {
		for idle := range 9 {
			seconds = append(seconds, c.Policy().After(idle).Seconds())
		}
		return seconds
	}
	require.Equal(t, []float64{5, 10, 20, 40, 80, 160, 300, 300, 300}, waits(FailTransient))
	require.Equal(t, []float64{0, 5, 10, 20, 40, 80, 160, 300, 300}, waits(FailLost))
	require.Equal(t, make([]float64, 9), waits(FailBug))
	require.Equal(t, FailBug, FailureClass("tired").Policy().Class)
	require.False(t, FailureClass("tired").Known())
}
