// Package precheck checks before training that a trial can be evaluated as its spec asks.
// It finds a network that is missing or made for different images, missing real images,
// and too few images for a metric. Without it every trial would fail only after its
// training and sampling.
//
// It reads what is cheap to read: the files of weights, and the names of the real
// images. What each metric needs is decided by sweep.Spec.Unmeasurable, which the
// check of a spec uses too. Errors are *sweep.FailureError.
//
// It must not import trainer, which calls it, and opens no backend.
package precheck
