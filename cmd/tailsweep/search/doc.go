// Package search has the verbs that run the search without training anything.
package search
