// Package jobtest has what children that train no model share: the sleeper of the
// orchestration benchmark and the hasher of the chaos test. They speak the protocol of
// package job.
//
// Invariants: a checkpoint is committed before it is reported; the weights that are evaluated
// were verified.
//
// It must not import GoMLX. Only tests, benchmarks and the chaos test import it.
package jobtest
