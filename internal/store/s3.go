package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/tailsweep/tailsweep/internal/retry"
)

// S3 is a Store in a bucket of an S3-compatible service.
type S3 struct {
	retrying *minio.Core // tries a request several times
	once     *minio.Core // sends a request once: conditional puts must know of each try
	config   Config
	prefix   string // "" or ends with a slash
	secure   bool
}

var _ Store = (*S3)(nil)

// String names the endpoint, bucket and prefix.
func (s *S3) String() string { return s.config.String() }

// partSize is that of multipart uploads, in bytes; smaller objects are one put.
const partSize = 16 << 20

// Put implements Store.
func (s *S3) Put(ctx context.Context, key string, body io.Reader, size int64) error {
	full, err := s.fullKey(key)
	if err != nil {
		return err
	}
	if size < 0 {
		return fmt.Errorf("object store: put %s: size %d is negative", key, size)
	}
	opts := minio.PutObjectOptions{PartSize: partSize, SendContentMd5: s.secure} // without TLS each chunk's signature covers its SHA-256
	seeker, _ := body.(io.Seeker)
	var start int64
	if seeker != nil {
		if start, err = seeker.Seek(0, io.SeekCurrent); err != nil {
			return fmt.Errorf("object store: put %s: where its body begins: %w", key, err)
		}
	}
	ctx, cancel := context.WithCancel(oneSilence(ctx))
	defer cancel() // after an error, the client's goroutines for the other parts wait for it
	return retry.Do(ctx, again, func() error {
		if seeker != nil {
			if _, err := seeker.Seek(start, io.SeekStart); err != nil {
				return retry.Permanent(fmt.Errorf("object store: put %s: rewind its body: %w", key, err))
			}
		}
		_, err := put(ctx, s.retrying, s.config.Bucket, full, body, size, opts)
		if err == nil {
			return nil
		}
		// The client tries again by itself, but not after a conflict.
		if kind, _ := classify(err); kind != conflict || seeker == nil {
			return retry.Permanent(s.fail("put", key, err))
		}
		return s.fail("put", key, err)
	})
}

// put sends an object. An empty object is signed with the hash of no bytes. Other objects
// are signed in chunks; for an empty one that would need HTTP's chunked encoding.
// versitygw does not read the end of such a body, and would take it for the next request
// of the connection.
func put(ctx context.Context, c *minio.Core, bucket, key string, body io.Reader, size int64, opts minio.PutObjectOptions) (minio.UploadInfo, error) {
	if size > 0 {
		return c.Client.PutObject(ctx, bucket, key, body, size, opts)
	}
	opts.DisableContentSha256 = true // of chunks
	return c.PutObject(ctx, bucket, key, bytes.NewReader(nil), 0, "", emptySHA256, opts)
}

// emptySHA256 is the hash of no bytes.
const emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// PutIfAbsent implements Store.
func (s *S3) PutIfAbsent(ctx context.Context, key string, body []byte) (string, error) {
	opts := minio.PutObjectOptions{}
	opts.SetMatchETagExcept("*")
	return s.conditional(ctx, "create", key, body, opts, ErrExists)
}

// Replace implements Store.
func (s *S3) Replace(ctx context.Context, key string, body []byte, etag string) (string, error) {
	if etag == "" || etag == "*" {
		return "", fmt.Errorf("object store: replace %s: %q is not an ETag", key, etag)
	}
	opts := minio.PutObjectOptions{}
	opts.SetMatchETag(etag)
	newETag, err := s.conditional(ctx, "replace", key, body, opts, ErrChanged)
	if errors.Is(err, ErrChanged) {
		// Some services answer "changed" for an object that is gone.
		if _, statErr := s.Stat(ctx, key); statErr != nil {
			return "", fmt.Errorf("object store: replace %s: %w", key, statErr)
		}
	}
	return newETag, err
}

// conditional puts body in one part under the condition in opts; refused is the error
// of a condition that is false. It retries by itself: after a lost answer the
// condition may be false because the put has succeeded.
func (s *S3) conditional(ctx context.Context, op, key string, body []byte, opts minio.PutObjectOptions, refused error) (string, error) {
	if err := CheckConditional(op, key, body); err != nil {
		return "", err
	}
	full, err := s.fullKey(key)
	if err != nil {
		return "", err
	}
	opts.DisableMultipart = true
	opts.SendContentMd5 = true
	lost := false // an earlier try may have been carried out
	etag := ""
	err = retry.Do(ctx, again, func() error {
		info, err := put(ctx, s.once, s.config.Bucket, full, bytes.NewReader(body), int64(len(body)), opts)
		if err == nil {
			etag = info.ETag
			return nil
		}
		switch kind, _ := classify(err); kind {
		case transient, unreachable, conflict:
			lost = lost || kind == transient
			return s.fail(op, key, err)
		case refusedCondition:
			own := false
			if lost {
				if etag, own, err = s.has(ctx, key, body); err != nil || own {
					return retry.Permanent(err)
				}
			}
			return retry.Permanent(fmt.Errorf("object store: %s %s: %w", op, key, refused))
		}
		return retry.Permanent(s.fail(op, key, err))
	})
	if err != nil {
		return "", err
	}
	return etag, nil
}

// has reports whether the object is exactly body, and returns its ETag.
func (s *S3) has(ctx context.Context, key string, body []byte) (string, bool, error) {
	r, info, err := s.Get(ctx, key)
	if err != nil {
		return "", false, err
	}
	defer func() { _ = r.Close() }() // only read
	found, err := io.ReadAll(io.LimitReader(r, MaxConditional+1))
	if err != nil {
		return "", false, err
	}
	if !bytes.Equal(found, body) {
		return "", false, nil
	}
	return info.ETag, true, nil
}

// Get implements Store. A body that is cut off ends in io.ErrUnexpectedEOF.
func (s *S3) Get(ctx context.Context, key string) (io.ReadCloser, Info, error) {
	full, err := s.fullKey(key)
	if err != nil {
		return nil, Info{}, err
	}
	body, info, _, err := s.retrying.GetObject(oneSilence(ctx), s.config.Bucket, full, minio.GetObjectOptions{})
	if err != nil {
		return nil, Info{}, s.fail("get", key, err)
	}
	return &reader{body, s, key}, Info{Key: key, Size: info.Size, ETag: info.ETag, Modified: info.LastModified}, nil
}

// reader is the body of an object. Its errors are those of a Store.
type reader struct {
	io.ReadCloser
	store *S3
	key   string
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // readers compare it, too
		err = r.store.fail("get", r.key, err)
	}
	return n, err
}

// Stat implements Store.
func (s *S3) Stat(ctx context.Context, key string) (Info, error) {
	full, err := s.fullKey(key)
	if err != nil {
		return Info{}, err
	}
	info, err := s.retrying.StatObject(oneSilence(ctx), s.config.Bucket, full, minio.StatObjectOptions{})
	if err != nil {
		return Info{}, s.failHead(ctx, "stat", key, err)
	}
	return Info{Key: key, Size: info.Size, ETag: info.ETag, Modified: info.LastModified}, nil
}

// List implements Store.
func (s *S3) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return s.ListAfter(ctx, prefix, "")
}

// ListAfter implements Store.
func (s *S3) ListAfter(ctx context.Context, prefix, after string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		opts := minio.ListObjectsOptions{Prefix: s.prefix + prefix, Recursive: true}
		if after != "" {
			opts.StartAfter = s.prefix + after
		}
		for o := range s.retrying.ListObjectsIter(oneSilence(ctx), s.config.Bucket, opts) {
			if o.Err != nil {
				yield(Info{}, s.fail("list", prefix, o.Err))
				return
			}
			if strings.HasSuffix(o.Key, "/") {
				continue // a folder marker that other tools leave behind
			}
			if !yield(Info{Key: o.Key[len(s.prefix):], Size: o.Size, ETag: o.ETag, Modified: o.LastModified}, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil { // the client ends the listing without an error
			yield(Info{}, s.fail("list", prefix, err))
		}
	}
}

// Folders implements Store.
func (s *S3) Folders(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err := CheckFolder(prefix); err != nil {
			yield("", err)
			return
		}
		for o := range s.retrying.ListObjectsIter(oneSilence(ctx), s.config.Bucket, minio.ListObjectsOptions{Prefix: s.prefix + prefix}) {
			if o.Err != nil {
				yield("", s.fail("list folders of", prefix, o.Err))
				return
			}
			name, isFolder := strings.CutSuffix(strings.TrimPrefix(o.Key, s.prefix+prefix), "/")
			if isFolder && name != "" && !yield(name, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield("", s.fail("list folders of", prefix, err))
		}
	}
}

// Delete implements Store.
func (s *S3) Delete(ctx context.Context, key string) error {
	full, err := s.fullKey(key)
	if err != nil {
		return err
	}
	err = s.retrying.RemoveObject(oneSilence(ctx), s.config.Bucket, full, minio.RemoveObjectOptions{})
	if err != nil {
		err = s.fail("delete", key, err)
	}
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// fullKey returns the key in the bucket.
func (s *S3) fullKey(key string) (string, error) {
	if err := CheckKey(key); err != nil {
		return "", err
	}
	if n := len(s.prefix) + len(key); n > MaxKey {
		return "", fmt.Errorf("object store: a key of %d bytes with its prefix is longer than %d", n, MaxKey)
	}
	return s.prefix + key, nil
}
