package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// oneByOne is a sweep of four short trials.
var oneByOne = smallSpec("onebyone", 4)

// TestDamagedLedger damages the ledger of a sweep that runs: the sweep shows what blocks it
// and takes commands, and continues once doctor has repaired the ledger.
func TestDamagedLedger(t *testing.T) {
	h := newHome(t)
	h.must(build, "up")
	h.must(5*time.Minute, "run", writeSpec(t, oneByOne), "--detach")
	ledger := filepath.Join(h.dir, "state/s3/tailsweep/v1/sweeps/onebyone/ledger")
	segments := func() []string {
		found, err := filepath.Glob(filepath.Join(ledger, "*.jsonl"))
		require.NoError(t, err)
		return found
	}
	h.eventually(10*time.Minute, "two segments in the ledger", func() bool { return len(segments()) >= 2 })
	last := segments()[len(segments())-1]
	require.NoError(t, os.Remove(last))

	listed := func() (row struct{ State, Fault string }) {
		rows := []struct{ State, Fault string }{}
		h.read(&rows, "list")
		require.Len(t, rows, 1)
		return rows[0]
	}
	// The trial that trains has to end first.
	h.eventually(5*time.Minute, "list shows what blocks the sweep", func() bool { return strings.Contains(listed().Fault, "ledger_damaged") })
	require.Contains(t, listed().Fault, filepath.Base(last))
	require.Contains(t, h.must(time.Minute, "describe", "onebyone").stdout, "the object is missing")
	r := h.try(time.Minute, "trials", "onebyone")
	require.Equal(t, 0, r.code, "what is left of the ledger, and the results: %s", r.stderr)

	h.must(time.Minute, "pause", "onebyone")
	r = h.try(time.Minute, "doctor", "onebyone", "-o", "json")
	require.Equal(t, 1, r.code, r.stderr)
	require.Equal(t, 1, strings.Count(r.stdout, `"level": "fault"`), r.stdout)

	h.must(time.Minute, "doctor", "onebyone", "--repair")
	h.must(time.Minute, "resume", "onebyone")
	h.eventually(10*time.Minute, "the sweep completes", func() bool { return listed().State == "completed" })
	var trials []sweep.Trial
	h.read(&trials, "trials", "onebyone")
	numbers := map[int]bool{}
	for _, trial := range trials {
		numbers[trial.Number] = true
	}
	require.Len(t, trials, 4)
	require.Len(t, numbers, 4)
	h.must(time.Minute, "doctor", "onebyone", "--read-data")
}
