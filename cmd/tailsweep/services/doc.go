// Package services has the verbs about the embedded stack.
package services
