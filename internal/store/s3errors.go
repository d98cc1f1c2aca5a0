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
)

// class is what an error of the client means for us.
type class int

const (
	permanent        class = iota
	transient              // the request may have been carried out; trying again is right
	unreachable            // it certainly was not: nobody answered
	conflict               // another writer was in the way, nothing was carried out: try again
	refusedCondition       // If-Match or If-None-Match did not hold
	notFound
	noBucket
	denied
)

// noFolder is versitygw's answer to a put whose folder it could not make or keep:
// because a key is a folder of another, but also because somebody deleted the
// folder's last object at that moment, and the folder with it.
const noFolder = "ExistingObjectIsDirectory"

func classify(err error) class {
	var resp minio.ErrorResponse
	if !errors.As(err, &resp) {
		return classifyTransport(err)
	}
	switch resp.Code {
	case "PreconditionFailed":
		return refusedCondition
	case "ConditionalRequestConflict", "OperationAborted", noFolder:
		return conflict
	case "NoSuchBucket":
		return noBucket
	case "NoSuchKey", "NotFound":
		return notFound
	case "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "AllAccessDisabled", "AuthorizationHeaderMalformed", "RequestTimeTooSkewed":
		return denied
	}
	switch resp.StatusCode {
	case http.StatusPreconditionFailed:
		return refusedCondition
	case http.StatusNotFound:
		return notFound
	case http.StatusUnauthorized, http.StatusForbidden:
		return denied
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return transient
	}
	if resp.StatusCode >= http.StatusInternalServerError {
		return transient
	}
	return permanent
}

// classifyTransport judges an error without an answer from the service.
func classifyTransport(err error) class {
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
		return permanent
	case errors.As(err, &ca), errors.As(err, &host), errors.As(err, &cert), strings.Contains(err.Error(), plainAnswer):
		return permanent
	case errors.As(err, &lookup), errors.As(err, &op) && op.Op == "dial":
		return unreachable
	case errors.As(err, &netErr), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return transient
	}
	return permanent
}

// plainAnswer is what net/http says, in words only, about https:// to a server
// without TLS.
const plainAnswer = "server gave HTTP response to HTTPS client"

// fail returns err as this package's contract has it, with what a user can do.
func (s *S3) fail(op, key string, err error) error {
	switch classify(err) {
	case notFound:
		return fmt.Errorf("store: %s %s: %w", op, key, ErrNotFound)
	case noBucket:
		return fmt.Errorf("store: %s %s: %q at %s: %w", op, key, s.bucket, s.endpoint, ErrNoBucket)
	case denied:
		return fmt.Errorf("store: %s %s: %w at %s (%w): %s", op, key, ErrDenied, s.endpoint, err, keysHint)
	case unreachable:
		return fmt.Errorf("store: %s %s: %w at %s: start the embedded stack with `tailsweep up`, or set TAILSWEEP_S3_ENDPOINT to where the store listens: %w",
			op, key, ErrUnreachable, s.endpoint, err)
	}
	var resp minio.ErrorResponse
	if errors.As(err, &resp) && resp.Code == noFolder {
		return fmt.Errorf("store: %s %s at %s: the service cannot make the object's folder: one of its keys is a folder of another, or its disk takes no more: %w",
			op, key, s.endpoint, err)
	}
	if strings.Contains(err.Error(), plainAnswer) {
		return fmt.Errorf("store: %s %s: %s speaks no TLS, write http:// in TAILSWEEP_S3_ENDPOINT: %w", op, key, s.endpoint, err)
	}
	return fmt.Errorf("store: %s %s at %s: %w", op, key, s.endpoint, err)
}
