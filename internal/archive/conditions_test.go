package archive

import (
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/internal/store/storetest"
)

// careless is a FAKE of a service that ignores a condition, or of files that were copied
// without the attribute that has the ETag.
type careless struct {
	*storetest.Memory
	ifNoneMatch, ifMatch, bare bool
}

func (c careless) PutIfAbsent(ctx context.Context, key string, body []byte) (string, error) {
	if c.ifNoneMatch {
		if err := c.Delete(ctx, key); err != nil {
			return "", err
		}
	}
	return c.Memory.PutIfAbsent(ctx, key, body)
}

func (c careless) Replace(ctx context.Context, key string, body []byte, etag string) (string, error) {
	if c.ifMatch {
		info, err := c.Stat(ctx, key)
		if err != nil {
			return "", err
		}
		etag = info.ETag
	}
	return c.Memory.Replace(ctx, key, body, etag)
}

func (c careless) Get(ctx context.Context, key string) (io.ReadCloser, store.Info, error) {
	r, info, err := c.Memory.Get(ctx, key)
	if c.bare {
		info.ETag = ""
	}
	return r, info, err
}

func TestAStoreThatOverwritesIsRefused(t *testing.T) {
	memory := storetest.NewMemory()
	require.NoError(t, New(memory).CheckConditions(t.Context()))
	owner := reserved(t, New(memory), here)
	before := contents(t, memory)
	for text, s := range map[string]store.Store{
		"If-None-Match overwrote": careless{Memory: memory, ifNoneMatch: true}, "If-Match of an earlier ETag overwrote": careless{Memory: memory, ifMatch: true},
		"v1/store.json has no ETag": careless{Memory: memory, bare: true},
	} {
		err := New(s).CheckConditions(t.Context())
		var refused *ConditionsError
		require.ErrorAs(t, err, &refused, text)
		require.ErrorContains(t, err, text)
		require.Equal(t, block.WrongStore, activities.BlockReason(err))
	}
	require.Equal(t, before, contents(t, memory), "nothing is left behind")
	_, _, err := New(careless{Memory: memory, bare: true}).For(t.Context(), owner, "")
	require.ErrorContains(t, err, "copied without their extended attributes", "a worker that runs already refuses the next job")
}
