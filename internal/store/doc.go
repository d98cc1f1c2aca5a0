// Package store is object storage: a small interface, and its implementation for S3 on
// minio-go. Package storetest has an implementation in memory, for tests, and the tests
// that every implementation must pass.
//
// Invariants: an object is complete or absent; conditional writes are single-part
// puts of known size, so that every S3 service evaluates the condition. The only packages
// of tailsweep that it may import are the small helpers of internal/.
package store
