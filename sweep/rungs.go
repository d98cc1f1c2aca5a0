package sweep

// Rungs returns the steps of training at which trials are judged before their
// end, ascending: MinIter Eta^k for k = 0, 1, ... while below MaxIter. All are
// multiples of MinIter, hence of checkpoints.every_steps.
func (e EarlyTerminate) Rungs() []int {
	if e.MinIter < 1 || e.Eta < 2 {
		return nil
	}
	var rungs []int
	for step := e.MinIter; step < e.MaxIter; step *= e.Eta {
		rungs = append(rungs, step)
	}
	return rungs
}
