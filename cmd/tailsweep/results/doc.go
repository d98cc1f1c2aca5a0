// Package results has the verbs that show and download the results of a sweep. Most
// need the object store only: sample reads folders, report also asks Temporal.
//
// Invariant: no verb changes the store or a sweep.
//
// It must not import another group of verbs, worker or workflows.
package results
