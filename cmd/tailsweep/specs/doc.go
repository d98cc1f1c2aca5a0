// Package specs has the verbs that help to write a spec.
//
// Invariant: no verb writes to a service.
//
// It must not import another group of verbs, worker or workflows.
package specs
