// Package stack runs the services that a sweep needs on one machine: the embedded
// stack (Temporal, its UI, an S3 service and Prometheus, from the devstack module) and
// one local worker. They are background processes that outlive the command that
// started them. `tailsweep up`, `down` and `status` are its callers.
//
// Their files are in one state folder:
//
//	setup.json         kind of S3 service, bucket, ports; made once, kept
//	credentials.json   S3 keys, random, mode 0600
//	up.lock            locked while up or down works
//	run/               pid files, devstack's configuration and ready.json
//	logs/              stack.log, worker.log; prometheus.log and minio.log written by devstack
//	temporal/ s3/ minio/ prometheus/   the data of the services
//
// and the programs, built once, in the cache folder.
//
// Invariants: a process counts as running only if its start time is the recorded one,
// so that a reused pid never gets a signal. Nothing listens beyond loopback. A program
// appears in the cache only when its build is complete. Secrets are passed by file and
// environment, never by argument.
//
// It must not import Temporal's server, GoMLX or the trainer. devstack imports nothing
// of this module: the contract between them is run/devstack.json, and
// devstack/testdata/config.json is an example that both sides test.
package stack
