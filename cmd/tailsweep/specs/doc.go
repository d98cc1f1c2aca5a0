// Package specs has the verbs that help to write a spec.
package specs
