// Package earlier says what a new sweep learns from earlier ones, for the verbs that take
// --from or a spec that has the field.
package earlier
