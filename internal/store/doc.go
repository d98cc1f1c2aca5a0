// Package store is object storage: a small interface, an implementation for S3 on
// minio-go, and one in memory for tests.
//
// Invariants: an object is complete or absent; conditional writes are single-part
// puts of known size, so that every S3 service evaluates the condition. Package
// storetest tests every implementation. The only packages of tailsweep that it
// may import are the small helpers of internal/.
package store
