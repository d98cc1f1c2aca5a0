package connect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"

	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/internal/stack"
	"github.com/tailsweep/tailsweep/internal/store"
)

// environment is a FAKE environment without Temporal's configuration file.
type environment map[string]string

func (e environment) Environ() []string {
	var all []string
	for name, value := range e {
		all = append(all, name+"="+value)
	}
	return all
}

func (e environment) LookupEnv(name string) (string, bool) {
	if name == "TEMPORAL_CONFIG_FILE" {
		return "/nonexistent/temporal.toml", true
	}
	value, ok := e[name]
	return value, ok
}

func fakeEmbedded() (Target, error) {
	t := Target{Embedded: true, store: store.Config{Endpoint: "http://embedded", Bucket: "tailsweep"}}
	t.profile.Address = "embedded:1"
	return t, nil
}

func TestResolve(t *testing.T) {
	for name, c := range map[string]struct {
		env       environment
		flags     Flags
		address   string
		namespace string
		store     store.Config
		embedded  bool
	}{
		"nothing is the embedded stack": {
			address: "embedded:1", store: store.Config{Endpoint: "http://embedded", Bucket: "tailsweep"}, embedded: true,
		},
		"a prefix alone does not leave it": {
			env: environment{"TAILSWEEP_S3_PREFIX": "mine"}, address: "embedded:1",
			store: store.Config{Endpoint: "http://embedded", Bucket: "tailsweep", Prefix: "mine"}, embedded: true,
		},
		"environment": {
			env:     environment{"TEMPORAL_ADDRESS": "t:7233", "TEMPORAL_NAMESPACE": "ml", "TAILSWEEP_S3_ENDPOINT": "https://s3", "TAILSWEEP_S3_BUCKET": "b"},
			address: "t:7233", namespace: "ml", store: store.Config{Endpoint: "https://s3", Bucket: "b"},
		},
		"flags win": {
			env:     environment{"TEMPORAL_ADDRESS": "t:7233", "TAILSWEEP_S3_ENDPOINT": "https://s3", "TAILSWEEP_S3_BUCKET": "b"},
			flags:   Flags{Address: "u:1", Namespace: "n", Endpoint: "https://other", Bucket: "c", Prefix: "p"},
			address: "u:1", namespace: "n", store: store.Config{Endpoint: "https://other", Bucket: "c", Prefix: "p"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := resolve(c.flags, c.env, fakeEmbedded)
			require.NoError(t, err)
			require.Equal(t, c.address, got.Address())
			require.Equal(t, c.namespace, got.profile.Namespace)
			require.Equal(t, c.store, got.store)
			require.Equal(t, c.embedded, got.Embedded)
		})
	}
}

func TestResolveRefusesHalves(t *testing.T) {
	_, err := resolve(Flags{Address: "t:7233"}, environment{}, fakeEmbedded)
	require.ErrorIs(t, err, ErrHalf)
	require.ErrorContains(t, err, "TAILSWEEP_S3_ENDPOINT")

	_, err = resolve(Flags{Bucket: "b"}, environment{}, fakeEmbedded)
	require.ErrorIs(t, err, ErrHalf)
	require.ErrorContains(t, err, "TEMPORAL_ADDRESS")

	broken := errors.New("state folder unreadable")
	_, err = resolve(Flags{}, environment{}, func() (Target, error) { return Target{}, broken })
	require.ErrorIs(t, err, broken)
}

func TestAStackThatIsDownSaysHowToStartIt(t *testing.T) {
	down := Target{Embedded: true, dir: "/state"}
	_, err := down.Dial(t.Context(), nil)
	require.ErrorIs(t, err, ErrStackDown)
	require.ErrorContains(t, err, "tailsweep up")
	require.ErrorContains(t, err, "/state")
	_, err = down.OpenStore(t.Context())
	require.ErrorIs(t, err, ErrStackDown)
}

// The embedded object store knows one region, whatever the user's cloud uses.
func TestTheEmbeddedStoreIgnoresTheUsersRegion(t *testing.T) {
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_REGION", "")
			t.Setenv(name, "eu-central-1")
			signed := make(chan string, 1)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				signed <- r.Header.Get("Authorization")
				_, _ = w.Write([]byte("<ListBucketResult/>"))
			}))
			t.Cleanup(server.Close)
			dir := t.TempDir()
			keys := []byte(`{"access_key": "me", "secret_key": "hush"}`)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "credentials.json"), keys, 0o600))
			target, err := embeddedAt(dir, stack.Status{Temporal: "127.0.0.1:1", S3: server.URL, Bucket: "tailsweep"})
			require.NoError(t, err)
			_, err = target.OpenStore(t.Context())
			require.NoError(t, err)
			require.Regexp(t, `Credential=me/\d+/us-east-1/s3/`, <-signed)
		})
	}
}

// TestNoErrorShowsAPassword covers every error of Resolve, and what happens later
// with an address that Resolve accepts.
func TestNoErrorShowsAPassword(t *testing.T) {
	for _, env := range []environment{
		{"TAILSWEEP_S3_ENDPOINT": "http://me:geheim@s3:9000"},
		{"TAILSWEEP_S3_ENDPOINT": "http://me:geheim@s3:9000", "TAILSWEEP_S3_BUCKET": "b", "TEMPORAL_ADDRESS": "127.0.0.1:1"},
		{"TAILSWEEP_S3_ENDPOINT": "http://me:ge/heim@s3:9000", "TAILSWEEP_S3_BUCKET": "b", "TEMPORAL_ADDRESS": "127.0.0.1:1"},
		{"TAILSWEEP_S3_ENDPOINT": "me:geheim@s3:9000", "TAILSWEEP_S3_BUCKET": "b", "TEMPORAL_ADDRESS": "127.0.0.1:1"},
		{"TAILSWEEP_S3_ENDPOINT": "http://s3:9000", "TAILSWEEP_S3_BUCKET": "b", "TEMPORAL_ADDRESS": "me:geheim@temporal:7233"},
		{"TEMPORAL_ADDRESS": "me:geheim@temporal:7233"},
	} {
		target, err := resolve(Flags{}, env, fakeEmbedded)
		if err == nil {
			_, err = target.OpenStore(t.Context())
		}
		require.Error(t, err)
		for _, text := range []string{err.Error(), fmt.Sprint(target.Endpoint()), fmt.Sprintf("%+v", target)} {
			require.NotContains(t, text, "geheim")
			require.NotContains(t, text, "heim@")
		}
	}
}

func TestDialNamesTheAddress(t *testing.T) {
	var target Target
	target.profile.Address = "127.0.0.1:1" // nothing listens on port 1
	target.profile.APIKey = "secret-key"
	_, err := target.Dial(t.Context(), nil)
	require.ErrorIs(t, err, ErrNoTemporal)
	require.ErrorContains(t, err, "127.0.0.1:1")
	require.ErrorContains(t, err, "TEMPORAL_ADDRESS")
	require.NotContains(t, err.Error(), "secret-key")
}

// fakeTemporal is a FAKE Temporal server with the namespace "default" only.
type fakeTemporal struct {
	workflowservice.UnimplementedWorkflowServiceServer
	denies bool // DescribeNamespace is not permitted
}

func (fakeTemporal) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{}, nil
}

func (f fakeTemporal) DescribeNamespace(_ context.Context, r *workflowservice.DescribeNamespaceRequest) (*workflowservice.DescribeNamespaceResponse, error) {
	switch {
	case f.denies:
		return nil, serviceerror.ToStatus(serviceerror.NewPermissionDenied("no", "")).Err()
	case r.GetNamespace() != "default":
		return nil, serviceerror.ToStatus(serviceerror.NewNamespaceNotFound(r.GetNamespace())).Err()
	}
	return &workflowservice.DescribeNamespaceResponse{}, nil
}

// compressions notes how the requests to a server are compressed.
type compressions struct{ seen chan string }

func (compressions) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

func (c compressions) HandleRPC(_ context.Context, s stats.RPCStats) {
	if header, ok := s.(*stats.InHeader); ok {
		c.seen <- header.Compression
	}
}

func (compressions) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

func (compressions) HandleConn(context.Context, stats.ConnStats) {}

func TestNothingIsCompressedOnThisMachine(t *testing.T) {
	c := compressions{make(chan string, 100)}
	server := grpc.NewServer(grpc.StatsHandler(c))
	workflowservice.RegisterWorkflowServiceServer(server, fakeTemporal{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = server.Serve(listener) }() // until Stop
	t.Cleanup(server.Stop)
	var target Target
	target.profile.Address = listener.Addr().String()
	client, err := target.Dial(t.Context(), nil)
	require.NoError(t, err)
	client.Close()
	require.NotEmpty(t, c.seen)
	for len(c.seen) > 0 {
		require.Empty(t, <-c.seen)
	}
	for address, here := range map[string]bool{"127.0.0.1:7233": true, "[::1]:7233": true, "localhost:7233": true, "10.0.0.1:7233": false, "temporal:7233": false, "": false} {
		require.Equal(t, here, onThisMachine(address), address)
	}
}

func TestDialChecksTheNamespace(t *testing.T) {
	for _, c := range []struct {
		namespace string
		denies    bool
		want      error
	}{
		{"", false, nil}, {"default", false, nil}, {"absent", false, ErrNoNamespace}, {"absent", true, nil},
	} {
		server := grpc.NewServer()
		workflowservice.RegisterWorkflowServiceServer(server, fakeTemporal{denies: c.denies})
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		go func() { _ = server.Serve(listener) }() // until Stop
		t.Cleanup(server.Stop)

		var target Target
		target.profile.Address, target.profile.Namespace = listener.Addr().String(), c.namespace
		client, err := target.Dial(t.Context(), nil)
		require.ErrorIs(t, err, c.want)
		if err == nil {
			client.Close()
			continue
		}
		for _, text := range []string{"absent", "TEMPORAL_NAMESPACE", target.Address()} {
			require.ErrorContains(t, err, text)
		}
	}
}

func TestBucketsOfURLs(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL", "")
	t.Setenv("AWS_ENDPOINT_URL_S3", "")
	own := store.Config{Endpoint: "http://store:9000", Bucket: "sweeps", Prefix: "team", Region: "r", AccessKeyID: "k", SecretAccessKey: "s"}
	data := own
	data.Bucket, data.Prefix = "data", ""
	require.Equal(t, data, Target{store: own}.bucket("data"))
	require.Equal(t, store.Config{Endpoint: amazon, Bucket: "data"}, Target{store: own, Embedded: true}.bucket("data"), "the embedded store has no other bucket, and its keys stay here")
	require.Equal(t, address.URL("http://store:9000"), Target{store: own, Embedded: true}.bucket("sweeps").Endpoint)
	require.Equal(t, store.Config{Endpoint: amazon, Bucket: "data"}, Target{}.bucket("data"))
	t.Setenv("AWS_ENDPOINT_URL", "http://other")
	require.Equal(t, store.Config{Endpoint: "http://other", Bucket: "data"}, Target{store: own}.bucket("data"), "without keys of another store")
}
