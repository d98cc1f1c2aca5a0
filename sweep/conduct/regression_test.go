package conduct

import "testing"

// The sweeps below broke an invariant once. TestSimulation found and printed them.

// Three equal faults in a row end the sweep even where a success follows in the same
// segment of the ledger.
func TestStreakWithinASegment(t *testing.T) {
	replay(t, `{"Spec":{"name":"sim","method":"random","seed":9,"train":{"steps":400,"seed":1},"metrics":[{"name":"fid.tail","goal":"minimize"}],"baseline":{"params":{"infonce.weight":-1},"seeds":[1]},"early_terminate":{"type":"median","min_iter":100,"eta":2,"min_trials":1},"budget":{"run_cap":8},"max_concurrent_trials":4,"checkpoints":{"every_steps":100,"save_sweep_best":2}},"Points":12}`,
		"start ok", "suggest ok", "start ok", "tick 5m", "suggest ok", "start ok", "suggest ok", "trial 1 end bug silent", "start ok",
		"trial 0 end bug", "append ok", "suggest ok", "start ok", "trial 4 end bug", "append half other",
	)
}

// After a reset the ledger has a segment of a later trial: the trials before it, which
// were started too, are not skipped.
func TestTrialsBeforeAnAdoptedSegment(t *testing.T) {
	replay(t, `{"Spec":{"name":"sim","method":"random","seed":85,"train":{"steps":400,"seed":1},"metrics":[{"name":"fid.tail","goal":"minimize"},{"name":"fid.head","goal":"minimize"}],"baseline":{"params":{"infonce.weight":-1},"seeds":[1]},"early_terminate":{"type":"median","min_iter":100,"eta":2,"min_trials":1},"budget":{"gpu_hours":0.8,"wall_clock":"1h12m"},"max_concurrent_trials":4,"checkpoints":{"every_steps":100,"save_sweep_best":1}},"Points":11}`,
		"start ok", "mark", "suggest ok", "start ok", "suggest ok", "start effect", "trial 2 end lost silent", "trial 2 again",
		"start ok", "append ok", "reset 0", "suggest fail other",
	)
}

// A start whose answer is lost may have happened: the trial is looked for, also when a
// later try fails for good.
func TestStartThatFailedMayHaveHappened(t *testing.T) {
	replay(t, `{"Spec":{"name":"sim","method":"random","seed":56,"train":{"steps":400,"seed":1},"metrics":[{"name":"fid.tail","goal":"minimize"}],"baseline":{"params":{"infonce.weight":-1},"seeds":[1,2,3]},"budget":{"run_cap":1},"max_concurrent_trials":3,"checkpoints":{"every_steps":100,"save_sweep_best":1}},"Points":7}`,
		"start half other", "command pause", "trial 0 end diverged", "tick 1h", "start fail bug", "append fail other",
	)
}

// A cancelled sweep that gives up its ledger has asked its trials to end before.
func TestGivingUpComesAfterCancelling(t *testing.T) {
	replay(t, `{"Spec":{"name":"sim","method":"random","seed":4,"train":{"steps":400,"seed":1},"metrics":[{"name":"fid.tail","goal":"minimize"}],"budget":{"gpu_hours":2.2},"max_concurrent_trials":2,"checkpoints":{"every_steps":100,"save_sweep_best":2}},"Points":12}`,
		"suggest ok", "start ok", "suggest ok", "tick 20m", "look fail other", "tick 20m", "command cancel", "mark", "look ok", "tick 1h", "reset 0", "start ok",
	)
}

// The failure of an earlier try that arrives a second time is not one of the try in
// flight.
func TestFailureOfAnEarlierTry(t *testing.T) {
	replay(t, `{"Spec":{"name":"sim","method":"random","seed":40,"train":{"steps":400,"seed":1},"metrics":[{"name":"fid.tail","goal":"minimize"}],"baseline":{"params":{"infonce.weight":-1},"seeds":[1]},"max_concurrent_trials":3,"checkpoints":{"every_steps":100,"save_sweep_best":1}},"Points":9}`,
		"start fail other", "tick 1m", "start dup", "tick 20m",
	)
}

// A sweep that was reset and is stopped before it reaches the trials of the history
// that was cut off waits for them: they are in the ledger, too.
func TestTrialsThatAResetCutOff(t *testing.T) {
	replay(t, `{"Spec":{"name":"sim","method":"random","seed":1,"train":{"steps":400,"seed":1},"metrics":[{"name":"fid.tail","goal":"minimize"}],"max_concurrent_trials":3,"checkpoints":{"every_steps":100,"save_sweep_best":1}},"Points":9}`,
		"mark", "suggest ok", "start ok", "suggest ok", "start ok", "suggest ok", "start ok", "trial 1 end completed", "append ok", "reset 0", "command stop",
	)
}

// A forged result of a trial whose parameters are not known, since a run before a reset
// started it, is ignored.
func TestForgedResultAfterAReset(t *testing.T) {
	replay(t, `{"Spec":{"name":"sim","method":"random","seed":33,"train":{"steps":400,"seed":1},"metrics":[{"name":"fid.tail","goal":"minimize"}],"constraints":["fid.head <= 40"],"baseline":{"params":{"infonce.weight":-1},"seeds":[1,2]},"repeats":{"seeds":[2,3],"share":0.5},"early_terminate":{"type":"hyperband","min_iter":100,"eta":2,"min_trials":1,"brackets":2},"budget":{"run_cap":2},"max_concurrent_trials":2,"checkpoints":{"every_steps":100,"save_sweep_best":2}},"Points":12}`,
		"start ok", "start ok", "trial 0 step", "mark", "answer 0 ok", "trial 0 step", "trial 0 step", "answer 0 ok", "trial 0 step", "trial 0 end completed", "append ok",
		"suggest ok", "start ok", "reset 0", "tick 1h", "look ok", "command stop", "append ok", "look ok", "forge 2", "append ok", "reset 0",
	)
}

// A sweep whose ranking after an edit failed ranks again when a command continues it.
func TestRankingThatFailedIsRepeated(t *testing.T) {
	replay(t, `{"Spec":{"name":"sim","method":"random","seed":49,"train":{"steps":400,"seed":1},"metrics":[{"name":"fid.tail","goal":"minimize"},{"name":"fid.head","goal":"minimize"}],"budget":{"run_cap":8},"max_concurrent_trials":4,"checkpoints":{"every_steps":100,"save_sweep_best":2}},"Points":3}`,
		"suggest ok", "start ok", "start ok", "start effect", "trial 2 end completed", "command stop", "trial 0 end limit", "append ok", "append ok", "trial 1 end bug", "append ok", "save ok", "restore", "command enqueue 19", "start ok", "start ok", "trial 3 end valueless", "append ok", "trial 4 end completed", "append ok", "command edit 12", "rank fail bug", "command resume",
	)
}

// A sweep that was cancelled and has given up its ledger stays cancelled when the append that was
// in flight fails.
func TestAFailureAfterTheEndChangesNothing(t *testing.T) {
	replay(t, `{"Spec":{"name":"sim","method":"random","seed":32,"train":{"steps":400,"seed":1},"metrics":[{"name":"fid.tail","goal":"minimize"}],"constraints":["fid.head <= baseline.fid.head * 1.02"],"baseline":{"params":{"infonce.weight":-1},"seeds":[1,2]},"repeats":{"seeds":[2,3],"share":0.5},"early_terminate":{"type":"asha","min_iter":200,"eta":2},"max_concurrent_trials":3,"checkpoints":{"every_steps":100,"save_sweep_best":1}},"Points":13}`,
		"start fail tls", "suggest fail tls", "start half no_keys", "command cancel", "trial 1 end bug", "tick 20m", "start ok", "tick 1m", "append fail bug",
	)
}
