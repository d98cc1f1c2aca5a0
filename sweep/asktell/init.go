package asktell

import (
	"fmt"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// Limits of a session, in addition to those of its space.
const (
	maxTrials      = 100_000
	maxObjectives  = 8
	maxConstraints = 8
	maxParallel    = 1000
)

// maxSeed is the greatest seed: above it not every integer is a float64.
const maxSeed = 1<<53 - 1

// trainSeed is the train seed of every trial: a session has no other.
const trainSeed = 1

// newSpec reads an init line into the spec of a sweep.
func newSpec(o *object) (spec *sweep.Spec, exact bool, err error) {
	spec = &sweep.Spec{APIVersion: sweep.APIVersion, Name: "asktell", Method: sweep.MethodBayes}
	spec.Train.Seed = trainSeed
	if method := o.text("method"); method != "" {
		spec.Method = sweep.Method(method)
	}
	for i := range o.integer("nobj", 1, maxObjectives, 1) {
		spec.Metrics = append(spec.Metrics, sweep.Objective{Name: metric(int(i)), Goal: sweep.Minimize})
	}
	for i := range o.integer("ncon", 0, maxConstraints, 0) {
		spec.Constraints = append(spec.Constraints, sweep.Constraint{Metric: constraint(int(i)), Op: "<="})
	}
	spec.Seed = o.integer("seed", 0, maxSeed, 0)
	spec.Budget.RunCap = int(o.integer("budget", 1, maxTrials, 0))
	spec.MaxConcurrentTrials = int(o.integer("parallel", 1, maxParallel, 1))
	exact = !o.flag("noisy")
	list := o.list("space")
	if err := o.done(); err != nil {
		return nil, false, err
	}
	if spec.Parameters, err = readSpace(list); err != nil {
		return nil, false, err
	}
	return spec, exact, checkGrid(spec)
}

// checkGrid refuses a grid that is too large to list.
func checkGrid(spec *sweep.Spec) error {
	if spec.Method != sweep.MethodGrid {
		return nil
	}
	for i, p := range spec.Parameters {
		if space.GridValues(p) == nil {
			return fmt.Errorf("space[%d].count: method grid needs the number of points of %s", i, clip(p.Name))
		}
	}
	if _, ok := space.GridUpTo(spec, maxTrials); !ok {
		return fmt.Errorf("space: a grid of more than %d points; give fewer, with count or step", maxTrials)
	}
	return nil
}

// metric and constraint name the k-th value of each kind.
func metric(k int) string     { return fmt.Sprintf("f%d", k) }
func constraint(k int) string { return fmt.Sprintf("c%d", k) }
