// Package results has the verbs that show and download the results of a sweep. Most
// need the object store only: sample reads folders, report also asks Temporal.
package results
