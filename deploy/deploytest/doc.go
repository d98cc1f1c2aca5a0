// Package deploytest checks what is deployed without deploying it:
// docker-compose.yml with compose's own library, the chart with Helm's and with
// Kubernetes' types, rules and dashboard with Prometheus' parser and engine. It
// compares names (search attributes, metrics, variables) with the sources of the
// main module, read as text, and runs the command lines of all pods and workers
// with the CLI, built from them.
//
// It is a module of its own, so that these libraries stay out of the main one,
// and has no code but tests.
//
// Invariant: nothing is started but the CLI, whose addresses nothing listens at.
//
// It must not import any package of the main module.
package deploytest
