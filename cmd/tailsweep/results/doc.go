// Package results has the verbs that show and download the results of a sweep. They need
// the object store only.
package results
