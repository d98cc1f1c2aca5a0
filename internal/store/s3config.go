package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/internal/retry"
)

// Config is the address of an S3 store and its credentials. The zero credentials mean the AWS chain:
// environment, shared credentials file, and, unless the endpoint is on this
// machine, the metadata service of ECS, EKS or EC2.
type Config struct {
	Endpoint address.URL // http://host:port or https://host
	Bucket   string      // must exist
	Prefix   string      // of every key, "team/sweeps"; "" for none; callers never see it
	Region   string      // "": AWS_REGION, AWS_DEFAULT_REGION, and then DefaultRegion, or Amazon's answer

	AccessKeyID     string
	SecretAccessKey string `json:"-"`
	SessionToken    string `json:"-"`

	// Sent, unless nil, is called with the HTTP method of each request to the service.
	Sent func(method string) `json:"-"`

	dial func(ctx context.Context, network, address string) (net.Conn, error) // nil: by TCP
}

// String returns the configuration without secrets.
func (c Config) String() string {
	return fmt.Sprintf("s3 %s bucket %s prefix %q", c.Endpoint, c.Bucket, strings.Trim(c.Prefix, "/"))
}

// GoString is String.
func (c Config) GoString() string { return c.String() }

// DefaultRegion is the region of services other than Amazon's.
const DefaultRegion = "us-east-1"

const (
	// openTimeout bounds Open when the caller's context does not.
	openTimeout = silence + 10*time.Second
	// attempts is how often a request is sent at most.
	attempts = 5
)

// again is how requests are tried again that the client does not repeat itself:
// about 2 s in all, anything longer is the caller's policy.
var again = retry.Policy{First: 200 * time.Millisecond, Most: time.Second, Tries: attempts}

// Open connects to the store and checks that the bucket exists, so that a wrong
// address, wrong keys or a missing bucket are an *AccessError at once.
func Open(ctx context.Context, c Config) (*S3, error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	s, err := c.client(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.probe(ctx); err != nil {
		return nil, s.fail("open", "", err)
	}
	return s, nil
}

// MakeBucket makes the bucket if it does not exist; made is false if it does. Its errors
// are those of Open.
func MakeBucket(ctx context.Context, c Config) (made bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	s, err := c.client(ctx)
	if err != nil {
		return false, err
	}
	probed := s.probe(ctx)
	if probed == nil {
		return false, nil
	}
	if err := s.fail("open", "", probed); !errors.Is(err, ErrNoBucket) {
		return false, err
	}
	if err := s.retrying.MakeBucket(oneSilence(ctx), c.Bucket, minio.MakeBucketOptions{Region: s.config.Region}); err != nil {
		return false, s.fail("make the bucket", "", err)
	}
	return true, nil
}

// client returns the store without a look at its bucket.
func (c Config) client(ctx context.Context) (*S3, error) {
	endpoint, err := parseEndpoint(c.Endpoint)
	if err != nil {
		return nil, err
	}
	if c.Bucket == "" {
		return nil, fmt.Errorf("object store: no bucket given for %s: set TAILSWEEP_S3_BUCKET", c.Endpoint)
	}
	prefix := strings.Trim(c.Prefix, "/")
	if prefix != "" {
		if err := CheckKey(prefix); err != nil {
			return nil, fmt.Errorf("prefix %q: %w", c.Prefix, err)
		}
		prefix += "/"
	}
	sender, err := c.sender(endpoint.Scheme == "https")
	if err != nil {
		return nil, err
	}
	c.Region = c.region(endpoint)
	creds, err := c.resolve(ctx, endpoint, &http.Client{Transport: sender.quick})
	if err != nil {
		return nil, err
	}
	client := func(tries int) (*minio.Core, error) {
		return minio.NewCore(endpoint.Host, &minio.Options{
			Creds: creds, Secure: endpoint.Scheme == "https", Transport: sender, Region: c.Region, MaxRetries: tries,
		})
	}
	s := &S3{config: c, prefix: prefix, secure: endpoint.Scheme == "https"}
	if s.retrying, err = client(attempts); err != nil {
		return nil, fmt.Errorf("object store: endpoint %s: %w", c.Endpoint, err)
	}
	if s.once, err = client(1); err != nil {
		return nil, fmt.Errorf("object store: endpoint %s: %w", c.Endpoint, err)
	}
	return s, nil
}

// parseEndpoint accepts scheme://host[:port] and nothing else. Its errors do not
// repeat an address that carries a password.
func parseEndpoint(endpoint address.URL) (*url.URL, error) {
	if endpoint == "" {
		return nil, fmt.Errorf("object store: no endpoint given: set TAILSWEEP_S3_ENDPOINT, or start the embedded stack with `tailsweep up`")
	}
	u, err := url.Parse(string(endpoint))
	switch {
	case err != nil:
		return nil, fmt.Errorf("object store: the endpoint is not an address like http://127.0.0.1:9000")
	case u.User != nil:
		return nil, fmt.Errorf("object store: the endpoint carries a user name or password: %s", keysHint)
	case (u.Scheme != "http" && u.Scheme != "https") || u.Host == "":
		return nil, fmt.Errorf("object store: endpoint %s must be http://host:port or https://host", endpoint)
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("object store: endpoint %s must end after the host: a folder goes into TAILSWEEP_S3_PREFIX", endpoint)
	}
	return u, nil
}

func (c Config) region(endpoint *url.URL) string {
	for _, region := range []string{c.Region, os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION")} {
		if region != "" {
			return region
		}
	}
	if strings.HasSuffix(endpoint.Hostname(), ".amazonaws.com") {
		return ""
	}
	return DefaultRegion
}
