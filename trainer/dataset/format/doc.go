// Package format reads the files that datasets are published in: gzip, tar archives,
// IDX. What such a file does not have as it should is an *Error, which names the
// file and the offset. Files are not trusted: no more bytes are read than expected.
package format
