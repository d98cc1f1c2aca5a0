// Package dataset reads the images that trials train on and that samples are compared
// with: Fashion-MNIST, CIFAR-10, CIFAR-100, or a folder of images, with a long-tailed
// split or as they are. It also decides the order in which training sees them.
//
//	C    classes
//	N    images of a Set
//	S    side of an image in pixels
//	n_i  images of class i
//	f    resampling factor, (0, 1]
//
// Subpackages: format reads the files of published sets, imagefile decodes image files.
// readers.go is the table of datasets; fashion.go, cifar.go and folder.go are
// the readers.
//
// Everything is a function of its arguments and of the files. The published sets are
// pinned by SHA-256, and the images of a step are a function of (seed, step), so the
// order is never saved. Set.Digest is the digest of the images; the manifest of every
// checkpoint contains it. (Images are scaled in floating point and then rounded to 8
// bits. Another processor architecture may differ in a last bit, and the digest shows
// it.)
//
// Files are not trusted: sizes, image dimensions and what an archive unpacks to are
// limited, links are not followed, paths stay in their folder. Errors are
// *sweep.FailureError, with a *sweep.FieldError where a field of the spec is at fault,
// and a *format.Error where the content of a file is.
//
// The images of a published set are in memory. Those of a folder are decoded into a file of
// the cache (pixelfile.go) and read from it image by image, so that a Set of any size takes
// little memory.
//
// The package opens no socket. A URL stands for a folder of the cache (Local), which
// package internal/datasets fills before a training starts.
//
// It must not import GoMLX.
package dataset
