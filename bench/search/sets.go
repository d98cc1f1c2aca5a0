package main

// sets divides the problems so that no reported run was used for tuning. An engine is
// tuned on the problems of tuning, and on those of reported with seeds from 5000 on.
// docs/benchmarks/search.md has the seeds from 1000 on of reported and of heldout;
// heldout is used nowhere else.
var sets = map[string][]string{
	"tuning": {"branin", "hartmann3", "griewank5", "styblinski4", "ellipsoid5", "different-powers5", "gallagher4", "forest-cancer", "gramacy", "zdt3", "kursawe", "tnk", "constr-ex"},
	"reported": {"ackley5", "hartmann6", "hartmann6-noisy", "levy6", "rastrigin4", "rosenbrock4", "tail", "tail-noisy", "tail-limited", "svm-digits", "boosting-diabetes",
		"zdt1", "zdt2", "dtlz2", "dtlz2-3", "tail-head", "bnh", "srn", "c2dtlz2"},
	"heldout": {"michalewicz5", "sphere5", "attractive-sector5", "step-ellipsoid5", "sharp-ridge5", "weierstrass4", "schaffers4", "mlp-digits", "osy"},
}
