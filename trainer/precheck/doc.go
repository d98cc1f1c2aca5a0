// Package precheck finds out before a trial trains that it could not be evaluated as its
// spec asks: a network is missing or made for other images, the real images are
// missing, or there are too few images for a metric. Otherwise every trial would find
// out after its training and sampling.
//
// It reads what is cheap to read: the files of weights, and the names of the real
// images. What each metric needs is decided by sweep.Spec.Unmeasurable, which the
// check of a spec uses too. Errors are *sweep.FailureError.
//
// It must not import trainer, which calls it, and opens no backend.
package precheck
