// Package specfile reads a spec: it parses the YAML, checks it against the JSON
// Schema and against rules that span fields, and fills in every default.
//
// Invariants: Parse reports all faults of a file at once, each with its line, column,
// field, value and the valid choices. A Spec that Parse returned
// is valid and complete: no other package checks it or fills in a default.
//
// It must not import the packages that use a Spec (analysis, stopping, conduct,
// sampler), nor read files: callers pass the bytes.
package specfile
