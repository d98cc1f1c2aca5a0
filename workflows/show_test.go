package workflows

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

func TestLabel(t *testing.T) {
	params := sweep.Params{"infonce.weight": sweep.Number(.3), "alignment.weight": sweep.Number(0), "alignment.stop_gradient": sweep.Word("none")}
	require.Equal(t, "#3 alignment.stop_gradient=none alignment.weight=0 infonce.weight=0.3",
		label(sweep.Assignment{Number: 3, Kind: sweep.KindSearch, Params: params}))
	require.Equal(t, "#0 baseline seed=2", label(sweep.Assignment{Kind: sweep.KindBaseline, Seed: 2}))
}

func TestClip(t *testing.T) {
	require.Equal(t, "short", clip("short"))
	long := clip(strings.Repeat("é", summaryLimit))
	require.LessOrEqual(t, len(long), summaryLimit)
	require.True(t, utf8.ValidString(long))
	require.True(t, strings.HasSuffix(long, "..."))
}

func TestDetails(t *testing.T) {
	trial := completed(3, sweep.StatusFailed)
	trial.Attempts, trial.Steps, trial.Checkpoint, trial.Seed = 2, 200, "k", 9
	require.Equal(t, `**Trial 3** is failed: publish

| parameter | value |
|---|---|
| infonce.weight | 3 |
| seed | 9 |

**bug**: line 3: nil

Attempts: 2, trained steps: 200, last checkpoint: `+"`k`"+`
`, trialDetails(trial, "publish"))

	best := completed(2, sweep.StatusCompleted)
	require.Equal(t, `**Sweep s** is paused (pause by ann)

| | |
|---|---|
| trials | 4 completed, 1 failed, 1 running of 9 |
| GPU-hours | 1.5 |
| best | #2 infonce.weight=2 |

| metric | value |
|---|---|
| fid.all | 49 |
| fid.head | 20 |
| fid.tail | 98 |

Running:

- #5, since 0001-01-01 00:00:00 UTC
`, sweepDetails(conduct.Progress{
		Name: "s", Phase: conduct.PhasePaused, Message: "pause by ann", Planned: 9, GPUHours: 1.5,
		Counts:  map[sweep.Status]int{sweep.StatusFailed: 1, sweep.StatusCompleted: 4},
		Best:    &conduct.BestTrial{Number: 2, Params: best.Params, Metrics: best.Metrics},
		Running: []conduct.Running{{Assignment: sweep.Assignment{Number: 5}}},
	}))
}

// The cause of a block names the damaged object, and the command that repairs it, also
// behind a long name of the sweep and of the operation.
func TestAViewNamesWhatIsDamaged(t *testing.T) {
	const cause = "sweep a-long-name-of-a-sweep is damaged in the object store: v1/sweeps/a-long-name-of-a-sweep/ledger/000006.jsonl: " +
		"the trials of segment 6 have the digest 5f78e8abeb08; expected: digest aaea51d4b24d, as its header says: `tailsweep doctor a-long-name-of-a-sweep --repair` rebuilds it"
	p := conduct.Progress{Blocked: []conduct.Block{{
		Kind: conduct.KindCurate, Doing: "point at the best trials and remove checkpoints of others",
		BlockCause: conduct.BlockCause{Reason: block.LedgerDamaged, Message: cause},
	}}}
	require.Contains(t, viewOf(p).blocked, "000006.jsonl")
	require.Contains(t, viewOf(p).blocked, "--repair")
	p.Blocked[0].Message = strings.Repeat("é", blockedLimit)
	require.LessOrEqual(t, len(viewOf(p).blocked), blockedLimit)
}
