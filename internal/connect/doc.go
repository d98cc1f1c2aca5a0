// Package connect finds and opens the two services that tailsweep needs: Temporal
// and an S3 store.
//
// Flags win over the environment, which wins over Temporal's configuration file.
// Temporal's address comes from the settings of every Temporal tool (TEMPORAL_ADDRESS,
// TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_*, TEMPORAL_PROFILE), the store's
// from TAILSWEEP_S3_ENDPOINT, TAILSWEEP_S3_BUCKET and TAILSWEEP_S3_PREFIX, its keys from
// the AWS credential chain. Without any configuration both are those
// of the embedded stack. Configuring only one of them is an error: the history and the
// checkpoints of a sweep must not be kept on different systems.
//
// No error or log line contains a secret. The package must not import the worker,
// activities, workflows or the trainer.
package connect
