package address

// The environment variables that say where the services are.
const (
	EndpointVariable = "TAILSWEEP_S3_ENDPOINT"  // the object store, http://host:port
	BucketVariable   = "TAILSWEEP_S3_BUCKET"    // the bucket in it
	PrefixVariable   = "TAILSWEEP_S3_PREFIX"    // of all keys in the bucket
	MetricsVariable  = "TAILSWEEP_METRICS_ADDR" // where the worker serves its metrics, host:port
)
