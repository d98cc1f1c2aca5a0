// Package stack runs the services that a sweep needs on one machine: the
// embedded stack (Temporal, its UI, an S3 service, Prometheus; the devstack
// module) and one local worker, as background processes that outlive the
// command which started them. It is the logic of `tailsweep up`, `down` and
// `status`.
//
// Everything about them lies in one state folder:
//
//	setup.json         kind of S3 service, bucket, ports; made once, kept
//	credentials.json   S3 keys, random, mode 0600
//	up.lock            held while up or down works
//	run/               pid files, devstack's configuration and ready.json
//	logs/              stack.log, worker.log; prometheus.log and minio.log by devstack
//	temporal/ s3/ minio/ prometheus/   the services' own data, devstack's
//
// and the programs, built once, in the cache folder.
//
// Invariants: a process counts as running only if its start time is the recorded
// one, so that a reused pid is never signalled. Nothing listens beyond loopback.
// A program in the cache is whole: built elsewhere, then renamed. Secrets are
// passed by file and environment, never by argument.
//
// It must not import Temporal's server, GoMLX or the trainer, and devstack
// imports nothing of this module: run/devstack.json is the contract between
// them, held by devstack/testdata/config.json, which both sides test.
package stack
