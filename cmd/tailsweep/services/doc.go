// Package services has the verbs about the embedded stack.
//
// Invariant: the verbs manage the stack of one state folder, and end only processes of it.
//
// It must not import another group of verbs, devstack or Temporal.
package services
