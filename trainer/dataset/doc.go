// Package dataset holds the images that trials train on and are judged against:
// Fashion-MNIST, long-tailed as a spec asks, and the order in which training sees
// it.
//
//	C    classes, 10
//	N    images of a Set
//	S    side of an image in pixels: 28 as published, 16 padded to 32 and averaged 2x2
//	n_i  images of class i
//	f    resampling factor, (0, 1]
//
// Everything is a function of its arguments: the same sweep.Dataset gives the
// same Set on every machine, since the source files are pinned by SHA-256, and the
// images of a step are a function of (seed, step), so nothing about the order has
// to be saved. Files are parsed with limits. Errors are *sweep.FailureError.
//
// It must not import GoMLX.
package dataset
