// Package clock runs a search on a problem in virtual time, with several workers
// whose trials finish in another order than they started. A search is a function of
// the problem, the engine and the seed.
package clock
