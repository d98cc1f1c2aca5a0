package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
)

// S3 is a Store in a bucket of an S3-compatible service.
type S3 struct {
	retrying *minio.Core // tries a request several times
	once     *minio.Core // tries once: conditional puts need to know what was tried
	endpoint string
	bucket   string
	prefix   string // "" or ends with a slash
	secure   bool
}

var _ Store = (*S3)(nil)

// partSize is that of multipart uploads, in bytes; smaller objects are one put.
const partSize = 16 << 20

// Put implements Store.
func (s *S3) Put(ctx context.Context, key string, body io.Reader, size int64) error {
	full, err := s.full(key)
	if err != nil {
		return err
	}
	if size < 0 {
		return fmt.Errorf("store: put %s: size %d is negative", key, size)
	}
	opts := minio.PutObjectOptions{PartSize: partSize, SendContentMd5: s.secure} // without TLS each chunk's signature covers its SHA-256
	seeker, _ := body.(io.Seeker)
	var start int64
	if seeker != nil {
		if start, err = seeker.Seek(0, io.SeekCurrent); err != nil {
			return fmt.Errorf("store: put %s: where its body begins: %w", key, err)
		}
	}
	for attempt := 1; ; attempt++ {
		_, err := put(ctx, s.retrying, s.bucket, full, body, size, opts)
		if err == nil {
			return nil
		}
		// The client tries again by itself, but not after a conflict.
		if classify(err) != conflict || seeker == nil || attempt == attempts || ctx.Err() != nil {
			return s.fail("put", key, err)
		}
		if err := backoff(ctx, attempt); err != nil {
			return s.fail("put", key, err)
		}
		if _, err := seeker.Seek(start, io.SeekStart); err != nil {
			return fmt.Errorf("store: put %s: rewind its body: %w", key, err)
		}
	}
}

// put sends an object. An empty one goes out with the hash of nothing: signed in
// chunks, as others are, it would need HTTP's chunked encoding, and versitygw
// answers before it has read the end of that, then takes the end for the
// connection's next request and refuses it.
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
		return "", fmt.Errorf("store: replace %s: %q is no ETag", key, etag)
	}
	opts := minio.PutObjectOptions{}
	opts.SetMatchETag(etag)
	newETag, err := s.conditional(ctx, "replace", key, body, opts, ErrChanged)
	if errors.Is(err, ErrChanged) {
		// Some services answer "changed" for an object that is gone.
		if _, statErr := s.Stat(ctx, key); statErr != nil {
			return "", fmt.Errorf("store: replace %s: %w", key, statErr)
		}
	}
	return newETag, err
}

// conditional puts body in one part under the condition in opts; refused is the
// error for a condition that does not hold. It retries by itself, since after a
// lost answer a failed condition may be its own success.
func (s *S3) conditional(ctx context.Context, op, key string, body []byte, opts minio.PutObjectOptions, refused error) (string, error) {
	if err := checkConditional(op, key, body); err != nil {
		return "", err
	}
	full, err := s.full(key)
	if err != nil {
		return "", err
	}
	opts.DisableMultipart = true
	opts.SendContentMd5 = true
	lost := false // an earlier attempt may have been carried out
	for attempt := 1; ; attempt++ {
		info, err := put(ctx, s.once, s.bucket, full, bytes.NewReader(body), int64(len(body)), opts)
		if err == nil {
			return info.ETag, nil
		}
		kind := classify(err)
		if kind == refusedCondition {
			if lost {
				if etag, ok, err := s.holds(ctx, key, body); err != nil || ok {
					return etag, err
				}
			}
			return "", fmt.Errorf("store: %s %s: %w", op, key, refused)
		}
		again := kind == transient || kind == unreachable || kind == conflict
		if attempt == attempts || !again || ctx.Err() != nil {
			return "", s.fail(op, key, err)
		}
		lost = lost || kind == transient
		if err := backoff(ctx, attempt); err != nil {
			return "", s.fail(op, key, err)
		}
	}
}

// holds reports whether the object is exactly body, and its ETag.
func (s *S3) holds(ctx context.Context, key string, body []byte) (string, bool, error) {
	r, info, err := s.Get(ctx, key)
	if err != nil {
		return "", false, err
	}
	defer func() { _ = r.Close() }() // only read
	found, err := io.ReadAll(io.LimitReader(r, MaxConditional+1))
	if err != nil {
		return "", false, s.fail("get", key, err)
	}
	if !bytes.Equal(found, body) {
		return "", false, nil
	}
	return info.ETag, true, nil
}

// backoff waits for 0.1 to 0.2 s after the first attempt, twice that after each
// further one, 1 s at most.
func backoff(ctx context.Context, attempt int) error {
	wait := min(time.Second, 200*time.Millisecond<<(attempt-1))
	wait -= time.Duration(rand.Int64N(int64(wait / 2)))
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Get implements Store. A body that is cut off ends in io.ErrUnexpectedEOF.
func (s *S3) Get(ctx context.Context, key string) (io.ReadCloser, Info, error) {
	full, err := s.full(key)
	if err != nil {
		return nil, Info{}, err
	}
	body, info, _, err := s.retrying.GetObject(ctx, s.bucket, full, minio.GetObjectOptions{})
	if err != nil {
		return nil, Info{}, s.fail("get", key, err)
	}
	return body, Info{Key: key, Size: info.Size, ETag: info.ETag, Modified: info.LastModified}, nil
}

// Stat implements Store.
func (s *S3) Stat(ctx context.Context, key string) (Info, error) {
	full, err := s.full(key)
	if err != nil {
		return Info{}, err
	}
	info, err := s.retrying.StatObject(ctx, s.bucket, full, minio.StatObjectOptions{})
	if err != nil {
		return Info{}, s.fail("stat", key, err)
	}
	return Info{Key: key, Size: info.Size, ETag: info.ETag, Modified: info.LastModified}, nil
}

// List implements Store.
func (s *S3) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		opts := minio.ListObjectsOptions{Prefix: s.prefix + prefix, Recursive: true}
		for o := range s.retrying.ListObjectsIter(ctx, s.bucket, opts) {
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
		if err := ctx.Err(); err != nil { // the client ends the listing without a word
			yield(Info{}, s.fail("list", prefix, err))
		}
	}
}

// Folders implements Store.
func (s *S3) Folders(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err := checkFolder(prefix); err != nil {
			yield("", err)
			return
		}
		for o := range s.retrying.ListObjectsIter(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix + prefix}) {
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
	full, err := s.full(key)
	if err != nil {
		return err
	}
	err = s.retrying.RemoveObject(ctx, s.bucket, full, minio.RemoveObjectOptions{})
	if err == nil || classify(err) == notFound {
		return nil
	}
	return s.fail("delete", key, err)
}

// full returns the key in the bucket.
func (s *S3) full(key string) (string, error) {
	if err := CheckKey(key); err != nil {
		return "", err
	}
	if n := len(s.prefix) + len(key); n > MaxKey {
		return "", fmt.Errorf("store: a key of %d bytes with its prefix is longer than %d", n, MaxKey)
	}
	return s.prefix + key, nil
}
