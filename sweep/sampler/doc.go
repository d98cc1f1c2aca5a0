// Package sampler has the search methods: each turns the ledger of finished trials, the
// pending ones, a seed and a trial number into the next parameters. Next is the entry
// point for everything that runs trials: it returns a method's new configuration or,
// where a spec has repeats, a further train seed for a configuration whose comparison is
// undecided (package repeats).
//
//	sampler.go, next.go            the contract and the entry point
//	call.go                        what the methods share
//	observation.go                 what methods learn from
//	prior.go, trust.go             earlier sweeps
//	random.go, sobol.go, grid.go   methods that do not learn
//	tpe.go, parzen.go              tree-structured Parzen estimator
//	cmaes.go, evolution.go         CMA-ES
//	nsga2.go                       NSGA-II
//	bayes.go, training.go, model.go, acquire.go, recommend.go   Gaussian processes
//
// Invariants: samplers are pure and stateless (see Sampler). A request that is written as
// JSON and read again gives the same suggestion. A configuration is suggested again only if
// 256 draws found no new one and, in a finite space, all were tried.
//
// It must not import specfile, stopping or conduct.
package sampler
