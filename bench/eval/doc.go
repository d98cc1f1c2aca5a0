// Command eval compares package distance with the reference implementations in
// Python, on the same features and in the same run:
//
//	go run ./bench/eval -report docs/benchmarks/eval.md
//
// Run it from the root of the repository, through `make bench-eval`, which makes
// the Python environment. It ends with an error if a value differs from the reference's
// by more than 1e-6 of it.
//
// Invariants: both sides get the same features; a value outside the
// tolerance ends the program with an error, however fast it was.
//
// It must not import package evaluate: it compares the mathematics, not a trained model.
package main
