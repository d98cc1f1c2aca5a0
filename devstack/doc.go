// Command devstack runs the embedded stack of tailsweep in one process: Temporal on
// SQLite with its web UI, and an S3 service. Prometheus and, if configured, MinIO are
// child processes.
//
//	devstack --config FILE
//
// FILE is written by tailsweep's internal/stack. When all services answer,
// devstack writes run/ready.json into the state folder and logs one line; on
// SIGTERM or SIGINT it stops them in order, within 10 seconds. The next start on the
// same folder resumes the state, also after kill -9.
//
// A child that ends by itself is started again, on SIGHUP at once and otherwise after a
// delay that grows.
//
// Invariants: nothing listens beyond loopback; a state folder has one devstack; a child
// ends with devstack, on Linux also when devstack is killed; a service of this process
// that fails ends devstack; the UI and Prometheus answer only requests for a host of this
// machine.
//
// It is a module of its own, so that the main module does not depend on the servers,
// and imports nothing of the main module: config.go declares the contract of both.
package main
