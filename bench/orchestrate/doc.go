// Command orchestrate measures what orchestration takes: it runs sweeps whose children only
// sleep (package sleeper) on the real embedded stack, and the same trials in Ray Tune.
// Run it from the root of the repository, through `make bench-orchestrate`, which builds the
// programs and the Python environment. It needs Linux, since it reads /proc.
//
// Each case has a stack of its own, in a temporary folder. Results are kept in a folder, and
// only the cases that are missing there run. -quick runs a case of a minute and keeps nothing.
//
// With -postgres, through `make bench-cluster`, the sweeps run on a Temporal server with
// PostgreSQL, configured as in docker-compose.yml, and what they cost the database is counted;
// with -cassandra, through `make bench-cassandra`, on one with Cassandra.
// -sweeps shares trials and slots between several sweeps, and -commit-delay lets each commit
// wait as one does that has to reach a replica.
//
// Invariant: the trials of both sides sleep equally long.
//
// It must not import trainer: nothing is trained.
package main
