package store

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/minio/minio-go/v7"

	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/internal/block"
)

// Errors that a Store returns; test with errors.Is.
var (
	ErrNotFound = errors.New("object not found")
	ErrExists   = errors.New("object exists already")
	ErrChanged  = errors.New("object was changed by another writer")
	// ErrUnreachable is an AccessError that nothing answered at the endpoint.
	ErrUnreachable = errors.New("object store cannot be reached")
	// ErrNoBucket is an AccessError that the bucket is missing, never just the object.
	ErrNoBucket = errors.New("bucket does not exist")
	// ErrDenied is every other AccessError.
	ErrDenied = errors.New("object store refused the request")
)

// reasonText has for each reason what happened and what to do about it.
var reasonText = map[block.Reason]struct{ what, hint string }{
	block.Unreachable: {"nothing answers", "start the embedded stack with `tailsweep up`, or set TAILSWEEP_S3_ENDPOINT to the address of the store"},
	block.TLS:         {"no TLS connection", "write http:// in TAILSWEEP_S3_ENDPOINT for a store without TLS; otherwise add its certificate authority to this machine's trusted ones (SSL_CERT_FILE)"},
	block.NoKeys:      {"no credentials", keysHint},
	block.UnknownKey:  {"the store does not know the access key", "check AWS_ACCESS_KEY_ID: it may be misspelt, revoked or of another store; " + keysHint},
	block.WrongSecret: {"the secret key does not match the access key", "check AWS_SECRET_ACCESS_KEY"},
	block.ExpiredKeys: {"the credentials have expired", "get new temporary credentials"},
	block.Denied:      {"access denied", "give the access key permission to list, read, write and delete objects of the bucket"},
	block.Region:      {"wrong region", "set AWS_REGION to the region of the bucket"},
	block.Clock:       {"this machine's clock differs too much from the store's", "correct the clock"},
	block.NoBucket:    {"the bucket does not exist", "create it, or set TAILSWEEP_S3_BUCKET to one that exists"},
	block.Full:        {"the store is full", "free space or raise the quota"},
}

// keysHint is what a user can do about missing or refused keys.
const keysHint = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN for temporary ones), or AWS_PROFILE for a shared credentials file"

// AccessError means that the service refuses every request of this process until the
// cause is removed.
type AccessError struct {
	Op       string // "put", "open", ...
	Key      string // of the object; "" for the store itself
	Reason   block.Reason
	Endpoint address.URL
	Bucket   string
	Region   string // that the requests were signed for; "" when the service decides
	Wanted   string // the bucket's region, where the service named it
	Err      error  // the service's own answer; may be nil
}

// Error implements error.
func (e *AccessError) Error() string {
	text := reasonText[e.Reason]
	what := text.what
	if e.Reason == block.Region {
		what += fmt.Sprintf(": requests are signed for %q", e.Region)
		if e.Wanted != "" {
			what += fmt.Sprintf(", the bucket is in %q", e.Wanted)
		}
	}
	answer := ""
	if e.Err != nil {
		answer = " (" + address.Redact(e.Err.Error()) + ")"
	}
	return fmt.Sprintf("object store: %s: bucket %q at %s: %s: %s%s", strings.TrimSpace(e.Op+" "+e.Key), e.Bucket, e.Endpoint, what, text.hint, answer)
}

// Unwrap returns the service's own answer.
func (e *AccessError) Unwrap() error { return e.Err }

// Is makes errors.Is find the sentinel of the reason.
func (e *AccessError) Is(target error) bool {
	switch e.Reason {
	case block.Unreachable:
		return target == ErrUnreachable
	case block.NoBucket:
		return target == ErrNoBucket
	default:
		return target == ErrDenied
	}
}

// BlockReason returns the reason as the activities read it.
func (e *AccessError) BlockReason() block.Reason { return e.Reason }

// access returns an AccessError of this configuration.
func (c Config) access(op string, reason block.Reason, err error) *AccessError {
	return &AccessError{Op: op, Reason: reason, Endpoint: c.Endpoint, Bucket: c.Bucket, Region: c.Region, Err: err}
}

// class is what the client does about an error.
type class int

const (
	permanent        class = iota
	transient              // the request may have been carried out; try again
	conflict               // another writer was in the way, nothing was carried out: try again
	refusedCondition       // If-Match or If-None-Match did not match
	notFound
	blocked     // an AccessError
	unreachable // an AccessError too, but try again: nothing was carried out
	silent      // an AccessError too: the request may have been carried out, and the next one takes as long
)

// noFolder is versitygw's answer to a put whose folder it could not make or keep:
// because one key is a folder of another key, or because the folder's last object, and
// the folder with it, was deleted at that moment.
const noFolder = "ExistingObjectIsDirectory"

// codes maps the service's error codes.
var codes = map[string]struct {
	class  class
	reason block.Reason
}{
	"PreconditionFailed":             {refusedCondition, ""},
	"ConditionalRequestConflict":     {conflict, ""},
	"OperationAborted":               {conflict, ""},
	noFolder:                         {conflict, ""},
	"NoSuchKey":                      {notFound, ""},
	"NotFound":                       {notFound, ""},
	"NoSuchBucket":                   {blocked, block.NoBucket},
	"AccessDenied":                   {blocked, block.Denied},
	"AllAccessDisabled":              {blocked, block.Denied},
	"AccountProblem":                 {blocked, block.Denied},
	"InvalidAccessKeyId":             {blocked, block.UnknownKey},
	"XAdminUserNotFound":             {blocked, block.UnknownKey}, // versitygw's, with status 404
	"SignatureDoesNotMatch":          {blocked, block.WrongSecret},
	"ExpiredToken":                   {blocked, block.ExpiredKeys},
	"InvalidToken":                   {blocked, block.ExpiredKeys},
	"TokenRefreshRequired":           {blocked, block.ExpiredKeys},
	"AuthorizationHeaderMalformed":   {blocked, block.Region},
	"InvalidRegion":                  {blocked, block.Region},
	"PermanentRedirect":              {blocked, block.Region},
	"TemporaryRedirect":              {blocked, block.Region},
	"RequestTimeTooSkewed":           {blocked, block.Clock},
	"QuotaExceeded":                  {blocked, block.Full},
	"XMinioStorageFull":              {blocked, block.Full},
	"XMinioAdminBucketQuotaExceeded": {blocked, block.Full},
}

// classify classifies an error of the client. reason is set for blocked and unreachable.
func classify(err error) (class, block.Reason) {
	var resp minio.ErrorResponse
	if !errors.As(err, &resp) {
		return classifyTransport(err)
	}
	if known, ok := codes[resp.Code]; ok {
		return known.class, known.reason
	}
	switch resp.StatusCode {
	case http.StatusPreconditionFailed:
		return refusedCondition, ""
	case http.StatusUnauthorized, http.StatusForbidden:
		return blocked, block.Denied
	case http.StatusMovedPermanently, http.StatusTemporaryRedirect:
		return blocked, block.Region
	case http.StatusInsufficientStorage:
		return blocked, block.Full
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return transient, ""
	}
	if resp.StatusCode >= http.StatusInternalServerError {
		return transient, ""
	}
	return permanent, ""
}

// classifyTransport classifies an error without an answer from the service.
func classifyTransport(err error) (class, block.Reason) {
	var (
		op     *net.OpError
		lookup *net.DNSError
		ca     x509.UnknownAuthorityError
		host   x509.HostnameError
		cert   x509.CertificateInvalidError
		netErr net.Error
	)
	switch {
	case errors.Is(err, context.Canceled):
		return permanent, ""
	case errors.As(err, new(*silentError)):
		return silent, block.Unreachable
	case errors.As(err, &ca), errors.As(err, &host), errors.As(err, &cert), strings.Contains(err.Error(), plainAnswer):
		return blocked, block.TLS
	case errors.As(err, &lookup), errors.As(err, &op) && op.Op == "dial":
		return unreachable, block.Unreachable
	case errors.As(err, &netErr), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return transient, ""
	}
	return permanent, ""
}

// plainAnswer is how net/http reports https:// to a server without TLS. It has no typed
// error for this; TestHTTPSToAServerWithoutTLS pins the text.
const plainAnswer = "server gave HTTP response to HTTPS client"

// fail turns an error of the client into the errors that Store promises.
func (s *S3) fail(op, key string, err error) error {
	what := strings.TrimSpace(op + " " + key)
	class, reason := classify(err)
	switch class {
	case notFound:
		return fmt.Errorf("object store: %s: %w", what, ErrNotFound)
	case blocked, unreachable, silent:
		failed := s.config.access(op, reason, err)
		failed.Key = key
		var resp minio.ErrorResponse
		if errors.As(err, &resp) {
			failed.Wanted = resp.Region
		}
		return failed
	}
	var resp minio.ErrorResponse
	if errors.As(err, &resp) && resp.Code == noFolder {
		return fmt.Errorf("object store: %s at %s: the service cannot make the object's folder: one key is a folder of another key, or its disk is full: %w",
			what, s.config.Endpoint, err)
	}
	failed := fmt.Errorf("object store: %s at %s: %w", what, s.config.Endpoint, err)
	if class == transient {
		return &transientError{failed}
	}
	return failed
}

// transientError means that the service failed or the connection broke: the object that the
// request is about is not the cause.
type transientError struct{ error }

// Unwrap returns the error that names the request.
func (e *transientError) Unwrap() error { return e.error }

// Transient implements the method that the activities read.
func (e *transientError) Transient() bool { return true }

// failHead is fail for an answer to HEAD. Such an answer has no body and hence no
// error code, so a listing is asked for the cause. Without it a revoked key looks
// like a missing object on some services and a wrong region like a bad request.
func (s *S3) failHead(ctx context.Context, op, key string, err error) error {
	var resp minio.ErrorResponse
	if errors.As(err, &resp) && ctx.Err() == nil {
		if cause := s.probe(ctx); cause != nil {
			err = cause
		}
	}
	return s.fail(op, key, err)
}

// probe lists one object below the prefix and returns the service's error.
func (s *S3) probe(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for o := range s.once.ListObjectsIter(ctx, s.config.Bucket, minio.ListObjectsOptions{Prefix: s.prefix, MaxKeys: 1}) {
		return o.Err
	}
	return nil
}
