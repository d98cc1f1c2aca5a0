package connect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/log"
	"google.golang.org/grpc"

	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/internal/folder"
	"github.com/tailsweep/tailsweep/internal/stack"
	"github.com/tailsweep/tailsweep/internal/store"
)

// Why a connection cannot be made; test with errors.Is.
var (
	ErrStackDown  = errors.New("the embedded stack is not running")
	ErrHalf       = errors.New("only one of Temporal and the object store is configured")
	ErrNoTemporal = errors.New("no Temporal server answers")
	// ErrNoNamespace means that the Temporal server has no such namespace.
	ErrNoNamespace = errors.New("namespace does not exist")
)

// dialTimeout bounds the first answer of Temporal when the caller's context does not.
const dialTimeout = 10 * time.Second

// Flags are the connection flags of the command line; an empty one was not given.
type Flags struct {
	Address   string // of Temporal, host:port
	Namespace string
	Endpoint  string // of the store, http://host:port
	Bucket    string
	Prefix    string
}

// Target contains the addresses of both services.
type Target struct {
	// Embedded is set when nothing else was configured. The addresses are then
	// empty while the stack is down.
	Embedded bool

	profile envconfig.ClientConfigProfile
	store   store.Config
	dir     string // state folder of the embedded stack

	anyNamespace bool // Dial does not check that the namespace exists
}

// Resolve finds the addresses of both services. It does not connect.
func Resolve(f Flags) (Target, error) {
	return resolve(f, envconfig.EnvLookupOS, embedded)
}

func resolve(f Flags, env envconfig.EnvLookup, embedded func() (Target, error)) (Target, error) {
	profile, err := envconfig.LoadClientConfigProfile(envconfig.LoadClientConfigProfileOptions{EnvLookup: env})
	if err != nil {
		return Target{}, configError(err)
	}
	override(&profile.Address, f.Address)
	override(&profile.Namespace, f.Namespace)

	variable := func(name, flag string) string {
		value, _ := env.LookupEnv(name)
		override(&value, flag)
		return value
	}
	s3 := store.Config{
		Endpoint: address.URL(variable(address.EndpointVariable, f.Endpoint)),
		Bucket:   variable(address.BucketVariable, f.Bucket),
		Prefix:   variable(address.PrefixVariable, f.Prefix),
	}
	haveStore := s3.Endpoint != "" || s3.Bucket != ""
	switch {
	case strings.Contains(profile.Address, "@"):
		return Target{}, fmt.Errorf("address of Temporal %s: it contains a user name or password; write host:port, and give an API key in TEMPORAL_API_KEY", address.URL(profile.Address))
	case profile.Address == "" && !haveStore:
		t, err := embedded()
		if err != nil {
			return Target{}, err
		}
		override(&t.profile.Namespace, f.Namespace)
		override(&t.store.Prefix, s3.Prefix)
		return t, nil
	case profile.Address == "":
		return Target{store: s3}, fmt.Errorf("%w: the store is %s, so set TEMPORAL_ADDRESS (or --address) too", ErrHalf, s3.Endpoint)
	case !haveStore:
		return Target{}, fmt.Errorf("%w: Temporal is at %s, so set TAILSWEEP_S3_ENDPOINT and TAILSWEEP_S3_BUCKET (or --s3-endpoint, --s3-bucket) too", ErrHalf, profile.Address)
	}
	return Target{profile: profile, store: s3}, nil
}

// configError adds to an error of Temporal's configuration file what to do about it.
func configError(err error) error {
	err = fmt.Errorf("configuration of Temporal: %w", err)
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w: correct the owner or permissions, or set TEMPORAL_CONFIG_FILE to another file (%s for none)", err, os.DevNull)
	}
	return err
}

// override sets *value to wish unless wish is empty.
func override(value *string, wish string) {
	if wish != "" {
		*value = wish
	}
}

// embedded returns the embedded stack as a target.
func embedded() (Target, error) {
	dir, err := folder.State()
	if err != nil {
		return Target{}, err
	}
	status, err := stack.Read(dir)
	if err != nil {
		return Target{}, err
	}
	return embeddedAt(dir, status)
}

// embeddedAt returns the stack of the state folder dir as a target.
func embeddedAt(dir string, status stack.Status) (Target, error) {
	t := Target{Embedded: true, dir: dir}
	if status.Temporal == "" || status.S3 == "" {
		return t, nil
	}
	t.profile.Address = status.Temporal
	// The embedded stores refuse requests that are signed for another region, such as the
	// user's AWS_REGION.
	t.store = store.Config{Endpoint: address.URL(status.S3), Bucket: status.Bucket, Region: store.DefaultRegion}
	var err error
	t.store.AccessKeyID, t.store.SecretAccessKey, err = stack.Credentials(dir)
	return t, err
}

// String returns the target without credentials.
func (t Target) String() string {
	return fmt.Sprintf("Temporal %s namespace %q, %v", t.profile.Address, t.profile.Namespace, t.store)
}

// GoString is String.
func (t Target) GoString() string { return t.String() }

// Address returns Temporal's address, "" for an embedded stack that is down.
func (t Target) Address() string { return t.profile.Address }

// Namespace returns Temporal's namespace.
func (t Target) Namespace() string { return cmp.Or(t.profile.Namespace, client.DefaultNamespace) }

// Endpoint returns the store's address, "" for an embedded stack that is down.
func (t Target) Endpoint() address.URL { return t.store.Endpoint }

// stackDown returns an error for an embedded stack that is down, else nil.
func (t Target) stackDown() error {
	if !t.Embedded || t.profile.Address != "" {
		return nil
	}
	return fmt.Errorf("%w (its state is in %s): start it with `tailsweep up`, or set TEMPORAL_ADDRESS and TAILSWEEP_S3_ENDPOINT", ErrStackDown, t.dir)
}

// OpenStore opens the object store, with store.Open's errors, or ErrStackDown.
func (t Target) OpenStore(ctx context.Context) (*store.S3, error) {
	if err := t.stackDown(); err != nil {
		return nil, err
	}
	return store.Open(ctx, t.store)
}

// OnRequest sets a function that is called with the HTTP method of each request to the
// object store. It must be set before OpenStore.
func (t *Target) OnRequest(sent func(method string)) { t.store.Sent = sent }

// OpenBucket opens the bucket of an s3:// URL at $AWS_ENDPOINT_URL_S3 or
// $AWS_ENDPOINT_URL, else at the configured store (the embedded one for its own bucket
// only), else at Amazon. The prefix of the configured store does not apply.
func (t Target) OpenBucket(ctx context.Context, name string) (*store.S3, error) {
	return store.Open(ctx, t.bucket(name))
}

// amazon is the endpoint of buckets without any other configuration.
const amazon = "https://s3.amazonaws.com"

func (t Target) bucket(name string) store.Config {
	for _, variable := range []string{"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"} {
		if endpoint := os.Getenv(variable); endpoint != "" {
			return store.Config{Endpoint: address.URL(endpoint), Bucket: name}
		}
	}
	if c := t.store; c.Endpoint != "" && (!t.Embedded || name == c.Bucket) {
		c.Bucket, c.Prefix = name, ""
		return c
	}
	return store.Config{Endpoint: amazon, Bucket: name}
}

// Dial connects to Temporal and checks that the namespace exists. metrics may be
// nil. Each call passes through the interceptors. The error of a server that does not answer wraps ErrNoTemporal or
// ErrStackDown, that of a missing namespace ErrNoNamespace.
func (t Target) Dial(ctx context.Context, metrics client.MetricsHandler, interceptors ...grpc.UnaryClientInterceptor) (client.Client, error) {
	if err := t.stackDown(); err != nil {
		return nil, err
	}
	options, err := t.profile.ToClientOptions(envconfig.ToClientOptionsRequest{})
	if err != nil {
		return nil, fmt.Errorf("configuration of Temporal: %w", err)
	}
	options.Logger = log.NewStructuredLogger(address.NewLogger(os.Stderr, slog.LevelWarn))
	options.MetricsHandler = metrics
	options.WorkerHeartbeatInterval = WorkerHeartbeat
	options.ConnectionOptions.DialOptions = append(options.ConnectionOptions.DialOptions, grpc.WithChainUnaryInterceptor(interceptors...))
	if onThisMachine(options.HostPort) { // compressing takes a sixth of the worker's time for a call
		options.ConnectionOptions.GrpcCompression = &client.GrpcCompressionNone{}
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	c, err := client.DialContext(ctx, options)
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return nil, err
		}
		return nil, fmt.Errorf("%w at %s: %s: %w", ErrNoTemporal, t.profile.Address, t.advice(), err)
	}
	if t.anyNamespace {
		return c, nil
	}
	if err := t.checkNamespace(ctx, c.WorkflowService()); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// WorkerHeartbeat is how often a worker reports its slots to Temporal.
const WorkerHeartbeat = 10 * time.Second

// onThisMachine reports whether a host:port is a loopback address.
func onThisMachine(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// ClusterID returns the id of the Temporal cluster, "" where the server does not reveal it.
func ClusterID(ctx context.Context, c client.Client) (string, error) {
	answer, err := c.WorkflowService().GetClusterInfo(ctx, &workflowservice.GetClusterInfoRequest{})
	var denied *serviceerror.PermissionDenied
	var absent *serviceerror.Unimplemented
	switch {
	case errors.As(err, &denied), errors.As(err, &absent):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("ask Temporal for the id of its cluster: %w", err)
	}
	return answer.GetClusterId(), nil
}

// checkNamespace returns ErrNoNamespace when the server does not know the namespace.
// Any other error is ignored: an API key may permit workflows and not DescribeNamespace.
func (t Target) checkNamespace(ctx context.Context, service workflowservice.WorkflowServiceClient) error {
	name := t.Namespace()
	_, err := service.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: name})
	var missing *serviceerror.NamespaceNotFound
	var absent *serviceerror.NotFound
	if errors.As(err, &missing) || errors.As(err, &absent) {
		return fmt.Errorf("%w: %q at %s: correct TEMPORAL_NAMESPACE (or --namespace), or create it with `tailsweep setup`",
			ErrNoNamespace, name, t.profile.Address)
	}
	return nil
}

// advice returns what to do about an address that does not answer.
func (t Target) advice() string {
	if t.Embedded {
		return "start the embedded stack with `tailsweep up`"
	}
	return "start a server there, correct TEMPORAL_ADDRESS, or unset it and use the embedded stack (`tailsweep up`)"
}
