package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/tailsweep/tailsweep/internal/store"
)

// A pack repeats 16, 256 or 4,096 consecutive segments, so that a long ledger is read
// with few requests. Segments stay: a pack is never the only copy, and readers fall back
// to the segments where a pack is absent or damaged. The bytes of a pack follow from those
// of its segments, so that it may be written at any time, twice, and by several workers.

// packFan is how many packs of one size, or segments, make up the next larger size.
const packFan = 16

// packSizes are the numbers of segments in a pack, largest first.
var packSizes = []int{packFan * packFan * packFan, packFan * packFan, packFan}

// maxPack is the largest pack that is written, in bytes.
const maxPack = 64 << 20

// Compact implements activities.Records.
func (a *Archive) Compact(ctx context.Context, sweepName string, segs int) error {
	if segs == 0 || segs%packFan != 0 {
		return nil
	}
	r, release, err := a.chains.hold(ctx, sweepName)
	if err != nil {
		return err
	}
	defer release()
	c, err := a.verified(ctx, r, sweepName, segs)
	if err != nil {
		return err
	}
	for size := packFan; size <= packSizes[0] && segs%size == 0; size *= packFan {
		if _, err := a.pack(ctx, sweepName, c, segs-size, size); err != nil {
			return err
		}
	}
	return nil
}

// pack returns the pack of size segments from first on, and writes it unless it is
// there and intact. A pack that would be too large is nil.
func (a *Archive) pack(ctx context.Context, name string, c *chain, first, size int) ([]byte, error) {
	if size == 1 {
		return a.packedSegment(ctx, name, c, first)
	}
	key, err := packKey(name, first, size)
	if err != nil {
		return nil, err
	}
	found, _, err := a.object(key, nil).read(ctx, maxPack)
	var large *tooLargeError
	switch {
	case err == nil && isPack(found, c, first, size):
		return found, nil
	case err != nil && !errors.Is(err, store.ErrNotFound) && !errors.As(err, &large):
		return nil, err
	}
	var body []byte
	for part := first; part < first+size; part += size / packFan {
		raw, err := a.pack(ctx, name, c, part, size/packFan)
		if err != nil || raw == nil || len(body)+len(raw) > maxPack {
			return nil, err
		}
		body = append(body, raw...)
	}
	return body, a.store.Put(ctx, key, bytes.NewReader(body), int64(len(body)))
}

// packedSegment returns the bytes of a segment that the chain has.
func (a *Archive) packedSegment(ctx context.Context, name string, c *chain, seg int) ([]byte, error) {
	key, err := segmentKey(name, seg)
	if err != nil {
		return nil, err
	}
	raw, err := a.ledgerObject(ctx, name, key, maxSegment, c)
	if err != nil {
		return nil, err
	}
	if digest := digestOf(raw); digest != c.digests[seg] {
		return nil, &LedgerError{Sweep: name, Key: key, Found: fmt.Sprintf("it has the digest %.12s", digest), Want: fmt.Sprintf("%.12s, as the segment after it says", c.digests[seg])}
	}
	return raw, nil
}

// isPack reports whether data is the pack of size segments of c from first on.
func isPack(data []byte, c *chain, first, size int) bool {
	n := 0
	for s, err := range decodeSegments(data) {
		if err != nil || n == size || s.ownDigest != c.digests[first+n] {
			return false
		}
		n++
	}
	return n == size
}

// extendByPack reads the largest pack that continues the chain within the first segs
// segments; done is false if there is none. Intact segments before the damage in a pack
// are used.
func (a *Archive) extendByPack(ctx context.Context, name string, c *chain, segs int) (done bool, err error) {
	first := c.len()
	for _, size := range packSizes {
		if first%size != 0 || first+size > segs {
			continue
		}
		key, err := packKey(name, first, size)
		if err != nil {
			return false, err
		}
		data, _, err := a.object(key, nil).read(ctx, maxPack)
		var large *tooLargeError
		if errors.Is(err, store.ErrNotFound) || errors.As(err, &large) {
			continue
		}
		if err != nil {
			return false, err
		}
		for s, err := range decodeSegments(data) {
			if err != nil || c.len() == first+size || c.add(s) != nil {
				break
			}
		}
		if c.len() > first {
			return true, nil
		}
	}
	return false, nil
}

// packed returns the number after the last segment that is in a pack.
func (a *Archive) packed(ctx context.Context, name string) (segs int, err error) {
	folder, err := sweepKey(name, packsFolder)
	if err != nil {
		return 0, err
	}
	for info, err := range a.store.List(ctx, folder) {
		if err != nil {
			return 0, err
		}
		if first, size, ok := parsePackKey(name, info.Key); ok {
			segs = max(segs, first+size)
		}
	}
	return segs, nil
}
