// Package connect finds and opens the two services that tailsweep needs: Temporal
// and an S3 store.
//
// Flags win over the environment, which wins over Temporal's configuration file.
// Temporal is found as every Temporal tool finds it (TEMPORAL_ADDRESS,
// TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_*, TEMPORAL_PROFILE), the
// store by TAILSWEEP_S3_ENDPOINT, TAILSWEEP_S3_BUCKET and TAILSWEEP_S3_PREFIX,
// with AWS's own chain for its keys. With nothing configured both are those of the
// embedded stack. One configured without the other is an error: a sweep's
// history and its checkpoints must not end up in different worlds.
//
// No secret is ever part of an error or a log line. It must not import the worker,
// nor what a worker does: activities, workflows, the trainer.
package connect
