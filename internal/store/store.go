package store

import (
	"context"
	"io"
	"iter"
	"time"
)

// MaxConditional is the largest body, in bytes, of PutIfAbsent and Replace.
const MaxConditional = 4 << 20

// Info describes an object.
type Info struct {
	Key      string
	Size     int64 // bytes
	ETag     string
	Modified time.Time
}

// Store keeps objects under slash-separated keys (see CheckKey). Methods are safe
// for concurrent use and end with ctx. Errors contain the operation and the key. No
// key may be a folder of another: some services refuse that.
//
// A writer that did not receive an answer tries again, and treats an object with
// exactly its body as its own. So of two writers of equal content both may succeed; of
// two writers of different content only one does.
type Store interface {
	// Put writes size bytes of body, replacing what was there. A body that ends
	// early is an error and changes nothing. An io.ReaderAt that is an io.Seeker
	// (a file) is sent in parallel parts, and is sent again after a broken
	// connection, or when another writer was in the way.
	Put(ctx context.Context, key string, body io.Reader, size int64) error
	// PutIfAbsent creates the object and returns its ETag, or ErrExists.
	PutIfAbsent(ctx context.Context, key string, body []byte) (etag string, err error)
	// Replace changes the object whose ETag is etag, or returns ErrChanged
	// (ErrNotFound when it is gone).
	Replace(ctx context.Context, key string, body []byte, etag string) (newETag string, err error)
	// Get opens the object, or returns ErrNotFound. The caller closes it.
	Get(ctx context.Context, key string) (io.ReadCloser, Info, error)
	// Stat returns ErrNotFound when there is no such object.
	Stat(ctx context.Context, key string) (Info, error)
	// List yields the objects whose key begins with prefix, in order of the key's
	// bytes. An error is yielded once, last.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]
	// ListAfter is List without the keys up to after, which need not exist; "" leaves out
	// none.
	ListAfter(ctx context.Context, prefix, after string) iter.Seq2[Info, error]
	// Folders yields the distinct names between prefix, which is empty or ends
	// with a slash, and the next slash, in order of the key's bytes, without
	// reading what is below.
	Folders(ctx context.Context, prefix string) iter.Seq2[string, error]
	// Delete removes the object; no error when it is absent.
	Delete(ctx context.Context, key string) error
}
