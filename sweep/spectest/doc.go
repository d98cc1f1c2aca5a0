// Package spectest has spec texts for tests.
package spectest
