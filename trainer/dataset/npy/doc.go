// Package npy reads and writes arrays in the files of NumPy: .npy, one array, and .npz, a
// zip archive of them by name. The format is that of NumPy's document
// "numpy.lib.format", versions 1.0 and 2.0.
//
// Read are arrays of integers and of text in C order, little endian where that matters.
// Everything else is refused by name: Fortran order, other byte orders, floating-point
// numbers, records, and objects, which are pickled programs.
//
// Files are not trusted. A header has at most 64 KiB and an array at most 8 dimensions; the
// number of its values and bytes fits into an int64; what an archive lists is bounded before
// it is read; no memory is taken for values that the caller does not read. Nothing panics.
//
// It must not import any other package of tailsweep.
package npy
