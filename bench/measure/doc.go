// Package measure has what the benchmarks' programs share: processor time, the name of
// the processor, the numbers of a flag, and the last lines of a report.
//
// Invariant: it knows no benchmark: what is measured, and the goals, are in the programs.
//
// It must not import any other package of tailsweep.
package measure
