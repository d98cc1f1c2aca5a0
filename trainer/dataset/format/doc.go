// Package format reads the files that datasets are published in: gzip, tar archives,
// IDX. The error of a malformed file is an *Error, which names the file and the offset.
// Files are not trusted: no more bytes are read than expected.
//
// It must not import any other package of tailsweep.
package format
