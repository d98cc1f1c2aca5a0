// Package chain is what the children of the chaos test compute instead of a training: a
// SHA-256 for each step, over the one of the step before. So the weights, the curve and the
// metrics of a trial follow from its parameters, its seed and the number of its steps, and
// package main computes them again.
//
// Invariant: a link is a function of the parameters, the seed and the steps; a step that is
// done twice or left out changes every later link.
//
// It must not import anything of tailsweep but sweep.
package chain
