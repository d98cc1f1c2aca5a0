// Package precheck tells before a trial trains that it could not be judged as its
// spec asks: the networks are not there or of other images, the real images are
// missing, or too few for a FID. Without it, that would be found when the training
// and the sampling are done, in every trial.
//
// It reads what is cheap to read, the files of weights and the names of the real
// images, and decides as package evaluate does, which says what is wrong in its
// words. Errors are *sweep.FailureError.
//
// It must not import trainer, which asks it, and opens no backend: it looks at no
// image.
package precheck
