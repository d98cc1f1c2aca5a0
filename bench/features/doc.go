// Command features measures what networks are worth as features of small colour images:
//
//	go run ./bench/features -set icons=DIR -report docs/benchmarks/features.md
//
// Run it from the root of the repository, through `make bench-features`, which makes the
// folders of images out of packages of Debian and npm.
//
// Invariants: every network sees the same images, halves and degradations; a network that
// was trained on labels of a set says so in its name.
//
// It must not import packages that run sweeps: workflows, activities, worker.
package main
