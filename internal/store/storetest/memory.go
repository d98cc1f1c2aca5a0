package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tailsweep/tailsweep/internal/store"
)

// Memory is a store.Store in memory, for tests. It is as strict as the strictest
// service: a key that is a folder of another is refused.
type Memory struct {
	mu      sync.Mutex
	objects map[string]object
	below   map[string]int // how many objects have a key below this one
}

type object struct {
	info store.Info
	body []byte
}

var _ store.Store = (*Memory)(nil)

// NewMemory returns an empty Memory.
func NewMemory() *Memory {
	return &Memory{objects: make(map[string]object), below: make(map[string]int)}
}

// Put implements store.Store.
func (m *Memory) Put(ctx context.Context, key string, body io.Reader, size int64) error {
	if size < 0 {
		return fmt.Errorf("object store: put %s: size %d is negative", key, size)
	}
	var buf bytes.Buffer
	if _, err := io.CopyN(&buf, body, size); err != nil {
		return fmt.Errorf("object store: put %s: body of %d bytes: %w", key, size, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	_, err := m.write(ctx, "put", key, buf.Bytes())
	return err
}

// PutIfAbsent implements store.Store.
func (m *Memory) PutIfAbsent(ctx context.Context, key string, body []byte) (string, error) {
	if err := store.CheckConditional("create", key, body); err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.objects[key]; ok {
		return "", fmt.Errorf("object store: create %s: %w", key, store.ErrExists)
	}
	return m.write(ctx, "create", key, bytes.Clone(body))
}

// Replace implements store.Store.
func (m *Memory) Replace(ctx context.Context, key string, body []byte, etag string) (string, error) {
	if err := store.CheckConditional("replace", key, body); err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	old, ok := m.objects[key]
	if !ok {
		return "", fmt.Errorf("object store: replace %s: %w", key, store.ErrNotFound)
	}
	if old.info.ETag != etag {
		return "", fmt.Errorf("object store: replace %s: %w", key, store.ErrChanged)
	}
	return m.write(ctx, "replace", key, bytes.Clone(body))
}

// write stores body, which the caller must not change afterwards. The caller holds mu.
func (m *Memory) write(ctx context.Context, op, key string, body []byte) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", fmt.Errorf("object store: %s %s: %w", op, key, err)
	}
	if err := store.CheckKey(key); err != nil {
		return "", err
	}
	if m.below[key] > 0 {
		return "", fmt.Errorf("object store: %s %s: one of it and %s/... is a folder of the other", op, key, key)
	}
	for folder := range foldersOf(key) {
		if _, ok := m.objects[folder]; ok {
			return "", fmt.Errorf("object store: %s %s: one of it and %s is a folder of the other", op, key, folder)
		}
	}
	if _, ok := m.objects[key]; !ok {
		m.count(key, 1)
	}
	sum := sha256.Sum256(body)
	etag := hex.EncodeToString(sum[:16])
	m.objects[key] = object{
		info: store.Info{Key: key, Size: int64(len(body)), ETag: etag, Modified: time.Now()},
		body: body,
	}
	return etag, nil
}

// foldersOf yields the keys of which key is below.
func foldersOf(key string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range key {
			if key[i] == '/' && !yield(key[:i]) {
				return
			}
		}
	}
}

// count adds n to the number of objects below each folder of key. The caller holds mu.
func (m *Memory) count(key string, n int) {
	for folder := range foldersOf(key) {
		m.below[folder] += n
	}
}

// Get implements store.Store.
func (m *Memory) Get(ctx context.Context, key string) (io.ReadCloser, store.Info, error) {
	o, err := m.read(ctx, "get", key)
	if err != nil {
		return nil, store.Info{}, err
	}
	return io.NopCloser(bytes.NewReader(o.body)), o.info, nil
}

// Stat implements store.Store.
func (m *Memory) Stat(ctx context.Context, key string) (store.Info, error) {
	o, err := m.read(ctx, "stat", key)
	return o.info, err
}

func (m *Memory) read(ctx context.Context, op, key string) (object, error) {
	if err := ctx.Err(); err != nil {
		return object{}, fmt.Errorf("object store: %s %s: %w", op, key, err)
	}
	if err := store.CheckKey(key); err != nil {
		return object{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.objects[key]
	if !ok {
		return object{}, fmt.Errorf("object store: %s %s: %w", op, key, store.ErrNotFound)
	}
	return o, nil
}

// List implements store.Store. It yields the objects that exist when it begins.
func (m *Memory) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	return m.ListAfter(ctx, prefix, "")
}

// ListAfter implements store.Store.
func (m *Memory) ListAfter(ctx context.Context, prefix, after string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		if err := ctx.Err(); err != nil {
			yield(store.Info{}, fmt.Errorf("object store: list %s: %w", prefix, err))
			return
		}
		for _, info := range m.sorted(prefix) {
			if info.Key > after && !yield(info, nil) {
				return
			}
		}
	}
}

// Folders implements store.Store.
func (m *Memory) Folders(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		err := store.CheckFolder(prefix)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			yield("", fmt.Errorf("object store: list folders of %s: %w", prefix, err))
			return
		}
		last := ""
		for _, info := range m.sorted(prefix) {
			name, _, below := strings.Cut(info.Key[len(prefix):], "/")
			if !below || name == last {
				continue
			}
			last = name
			if !yield(name, nil) {
				return
			}
		}
	}
}

// sorted returns the objects whose key begins with prefix, by key.
func (m *Memory) sorted(prefix string) []store.Info {
	m.mu.Lock()
	defer m.mu.Unlock()
	var infos []store.Info
	for key, o := range m.objects {
		if strings.HasPrefix(key, prefix) {
			infos = append(infos, o.info)
		}
	}
	slices.SortFunc(infos, func(a, b store.Info) int { return strings.Compare(a.Key, b.Key) })
	return infos
}

// Delete implements store.Store.
func (m *Memory) Delete(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("object store: delete %s: %w", key, err)
	}
	if err := store.CheckKey(key); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.objects[key]; ok {
		m.count(key, -1)
	}
	delete(m.objects, key)
	return nil
}
