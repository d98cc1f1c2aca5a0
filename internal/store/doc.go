// Package store is object storage as tailsweep uses it: a small contract, an S3
// implementation on minio-go, and one in memory for tests.
//
// Invariants: an object is whole or absent; conditional writes are single-part
// puts of known size, so that every S3 service honours them. storetest holds the
// contract and runs against each implementation. It must not import anything
// else of tailsweep.
package store
