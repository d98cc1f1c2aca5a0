// Package storetest is the contract of store.Store as tests. Every
// implementation passes it, on every service that is supported.
//
// Memory is a store for tests of other packages. It passes the contract, too.
//
// The only packages of tailsweep that it may import are store and the small helpers of
// internal/.
package storetest
