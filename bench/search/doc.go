// Command search compares search engines on functions with a known optimum (package
// problems), in virtual time (package clock):
//
//	go run ./bench/search -engines bayes,random -problems tuning -budget 100 -parallel 8 -seeds 5 -first-seed 1
//
// It prints the median normalised loss of each problem and engine (1: as good as
// one random trial, 0: the optimum), the geometric mean over problems, and the time
// per suggestion. With -results it keeps results in a folder and runs only what is
// missing there. Run it from the root of the repository.
//
// Invariants: a result of tailsweep's methods is, except for its times, a function of the
// method, the problem, the budget, the parallelism and the seed. A result that is kept names
// the version of its engine.
//
// It must not import Temporal, GoMLX or a client of the object store.
package main
