// Command train times training and sampling against JAX on the CPU, with the same
// models in the same run:
//
//	go run ./bench/train -report docs/benchmarks/train.md
//
// Run it from the root of the repository, through `make bench-train`, which makes
// the Python environment. Every measured process trains one step per request. The
// requests alternate between the processes, so that other load on the machine affects
// all of them equally. -quick runs a short version.
//
// Invariant: both sides train models with the same number of parameters, or the program ends
// with an error.
//
// It must not import worker or workflows.
package main
