// Package dataset holds the images that trials train on and are judged against:
// Fashion-MNIST, CIFAR-10 and CIFAR-100, or a folder of PNG and JPEG files,
// long-tailed as a spec asks or as they are, and the order in which training sees
// them.
//
//	C    classes
//	N    images of a Set
//	S    side of an image in pixels
//	n_i  images of class i
//	f    resampling factor, (0, 1]
//
// Everything is a function of its arguments and of the files: the published sets are
// pinned by SHA-256, and the images of a step are a function of (seed, step), so
// nothing about the order has to be saved. What an image folder holds is told by
// Set.Digest, which every checkpoint's manifest has. (Scaling is in floating point
// before it is rounded to 8 bits: another processor architecture may differ in a
// last bit, and the digest shows it.)
//
// Files are not trusted: sizes, image dimensions and what an archive unpacks to are
// limited, links are not followed, paths stay in their folder. Errors are
// *sweep.FailureError; of content that cannot be read, with a *format.Error that
// names the file and the offset.
//
// It opens no socket: where a path is a URL, the files are looked for in the cache
// (Local), and whoever starts the training has put them there (internal/fetch).
//
// It must not import GoMLX.
package dataset
