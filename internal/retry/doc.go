// Package retry tries operations again with exponential backoff, and waits for
// conditions. Nothing in it waits forever: a policy has a number of tries or a time,
// and a context ends every wait.
//
// It must not import any other package of tailsweep.
package retry
