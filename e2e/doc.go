// Package e2e is the acceptance test: the built binary against the real Temporal
// server, both real object stores, a real Prometheus and a real browser. Run it
// with `make accept`. It is a Go module of its own, so that the main module does not
// depend on the browser's driver.
//
// Each test has state folders of its own (TAILSWEEP_STATE_DIR) and shares only
// the cache of built servers and plugins. It imports packages of tailsweep only for the
// types that the binary prints, never to do the binary's work.
package e2e
