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

	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/tailsweep/tailsweep/internal/block"
)

// metadataTimeout bounds the search for keys in a cloud's metadata service.
const metadataTimeout = 5 * time.Second

// resolve finds the credentials of c, or returns an AccessError of block.NoKeys.
func (c Config) resolve(ctx context.Context, endpoint *url.URL, client *http.Client) (*credentials.Credentials, error) {
	if c.AccessKeyID != "" || c.SecretAccessKey != "" {
		if c.AccessKeyID == "" || c.SecretAccessKey == "" {
			return nil, c.access("open", block.NoKeys, errors.New("only one of access key id and secret access key is set"))
		}
		return credentials.NewStaticV4(c.AccessKeyID, c.SecretAccessKey, c.SessionToken), nil
	}
	chain := []credentials.Provider{&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}}
	if !loopback(endpoint) && !strings.EqualFold(os.Getenv("AWS_EC2_METADATA_DISABLED"), "true") {
		chain = append(chain, &credentials.IAM{})
	}
	creds := credentials.NewChainCredentials(chain)
	ctx, cancel := context.WithTimeout(ctx, metadataTimeout)
	defer cancel()
	value, err := creds.GetWithContext(&credentials.CredContext{Client: client, Endpoint: endpoint.String(), Context: ctx})
	if err != nil {
		return nil, fmt.Errorf("object store: keys for %s: %w", c.Endpoint, err)
	}
	if value.AccessKeyID == "" || value.SecretAccessKey == "" {
		return nil, c.access("open", block.NoKeys, nil)
	}
	return creds, nil
}

// loopback reports whether the endpoint is on this machine. Its keys never come from a
// cloud's metadata service, which would only time out.
func loopback(endpoint *url.URL) bool {
	host := endpoint.Hostname()
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
