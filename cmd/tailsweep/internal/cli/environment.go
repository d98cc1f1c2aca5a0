package cli

import (
	"fmt"
	"strings"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
)

// Variable is an environment variable that users may set, and what it does.
type Variable struct{ Name, Meaning string }

// Variables is the list of environment variables: help and docs/guide.md show it.
var Variables = []Variable{
	{"TAILSWEEP_STATE_DIR", "folder of the embedded stack: sweeps, checkpoints, logs (default: ~/.local/share/tailsweep)"},
	{"TAILSWEEP_CACHE_DIR", "folder of what can be downloaded or built again: datasets, feature nets, backends, servers (default: ~/.cache/tailsweep)"},
	{"TAILSWEEP_BACKEND", "backend, as --backend: auto, go, xla:cpu, xla:cuda"},
	{"TAILSWEEP_ALLOW_COMMANDS", "1: workers run the commands of specs, as --allow-commands"},
	{"TEMPORAL_ADDRESS", "Temporal's host:port, as --address; without it and a store: the embedded stack"},
	{"TEMPORAL_NAMESPACE", "Temporal's namespace, as --namespace"},
	{"TEMPORAL_API_KEY, TEMPORAL_TLS_*", "access to Temporal, as for the `temporal` command line"},
	{"TEMPORAL_CONFIG_FILE, TEMPORAL_PROFILE", "Temporal's configuration file, and the profile in it"},
	{"TAILSWEEP_S3_ENDPOINT", "the object store, http://host:port, as --s3-endpoint"},
	{"TAILSWEEP_S3_BUCKET", "bucket in the object store, as --s3-bucket"},
	{"TAILSWEEP_S3_PREFIX", "prefix of all keys in the bucket, as --s3-prefix"},
	{"AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN", "credentials of the object store, and of datasets in s3://"},
	{"AWS_PROFILE, AWS_SHARED_CREDENTIALS_FILE", "profile with credentials, and its file"},
	{"AWS_REGION, AWS_DEFAULT_REGION", "region of the object store"},
	{"AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL", "service of datasets in s3:// (default: the object store, else Amazon)"},
	{"AWS_EC2_METADATA_DISABLED", "true: do not ask the machine's metadata service for credentials"},
	{"TAILSWEEP_METRICS_ADDR", "host:port of a worker's /metrics, as --metrics-addr"},
	{"TAILSWEEP_HOSTS", "further host names, separated by commas, that the embedded Temporal UI and Prometheus answer for"},
	{"TAILSWEEP_CPU_PROFILE", "folder for CPU profiles of workers and servers"},
	{"CUDA_VISIBLE_DEVICES", "GPUs that a worker uses: one training slot each"},
	{"PJRT_PLUGIN_LIBRARY_PATH", "folders of XLA plugins of your own"},
	{"PIP_INDEX_URL, PIP_CONFIG_FILE, PIP_FIND_LINKS", "where `backend install` and `features install` find their packages, as for pip"},
	{"XDG_DATA_HOME, XDG_CACHE_HOME", "parent folders of the defaults of TAILSWEEP_STATE_DIR and TAILSWEEP_CACHE_DIR"},
	{"NO_COLOR", "any value: no colours"},
	{"TERM", "dumb: lines instead of a screen that is redrawn"},
}

// EnvironmentHelp is the text of `tailsweep help environment`.
func EnvironmentHelp() string {
	var b strings.Builder
	b.WriteString("Environment variables; flags override them:\n\n")
	for _, v := range Variables {
		fmt.Fprintf(&b, "    %s\n%s\n", v.Name, strings.Join(console.Wrapped("        ", v.Meaning), "\n"))
	}
	return b.String()
}
