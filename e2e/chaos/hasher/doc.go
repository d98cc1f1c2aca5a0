// Command hasher is the child of the workers of the chaos test. It speaks the protocol of
// package job and chains a SHA-256 for each step instead of training:
//
//	hasher train --job FILE
//	hasher evaluate --job FILE
//
// The chain begins with the parameters and the seed, and a checkpoint has its last link and
// the curve so far. So the final weights and the curve show whether each step was done once
// and in order, whatever checkpoints the training was resumed from. The metrics are a
// function of the weights.
//
// It must not import Temporal, GoMLX or a client of the object store.
package main
