package archive

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep"
)

// LedgerError means that the ledger of a sweep, a result that goes into it, or the spec fails
// verification. It lasts until somebody repairs the sweep.
type LedgerError struct {
	Sweep string
	Key   string // of the object that is damaged
	Found string
	Want  string
	Err   error // the cause; may be nil
}

// Error implements error.
func (e *LedgerError) Error() string {
	return fmt.Sprintf("sweep %s is damaged in the object store: %s: %s; expected: %s: "+
		"see `tailsweep doctor %[1]s`; `tailsweep doctor %[1]s --repair` rebuilds it from copies and results", e.Sweep, e.Key, e.Found, e.Want)
}

// Unwrap returns the cause.
func (e *LedgerError) Unwrap() error { return e.Err }

// BlockReason returns the reason as the activities read it.
func (e *LedgerError) BlockReason() block.Reason { return block.LedgerDamaged }

// chain is the verified beginning of a ledger.
type chain struct {
	specDigest string        // which the header of the first segment names as previous
	digests    []string      // digests of the segments
	ends       []int         // ends[k] is the number of trials in segments 0 to k
	trials     []sweep.Trial // of all segments
	segmentOf  map[int]int   // by trial number
	bytes      int
	noETag     string // key of an object without an ETag, which the store may overwrite; "" for none
}

func newChain(specDigest string) *chain {
	return &chain{specDigest: specDigest, segmentOf: make(map[int]int)}
}

func (c *chain) len() int { return len(c.digests) }

// previous returns the digest that the header of the segment after the first segs ones names
// as previous.
func (c *chain) previous(segs int) string {
	if segs == 0 {
		return c.specDigest
	}
	return c.digests[segs-1]
}

// upTo returns the trials of the first segs segments. The caller may change the slice.
func (c *chain) upTo(segs int) []sweep.Trial {
	if segs == 0 {
		return nil
	}
	return append([]sweep.Trial(nil), c.trials[:c.ends[segs-1]]...)
}

// add appends the next segment. Its error is a *damage.
func (c *chain) add(s segment) error {
	next := c.len()
	switch {
	case s.Segment != next:
		return damaged(fmt.Sprintf("segment %d", next), "it is segment %d", s.Segment)
	case s.Previous != c.previous(next) && next == 0:
		return damaged(fmt.Sprintf("the digest of this sweep's spec, %.12s", c.specDigest), "segment 0 is of the spec %.12s", s.Previous)
	case s.Previous != c.previous(next):
		return damaged(fmt.Sprintf("the digest %.12s of segment %d", c.previous(next), next-1), "segment %d follows a segment with the digest %.12s", next, s.Previous)
	}
	if err := c.checkNew(s.trials); err != nil {
		return err
	}
	for _, t := range s.trials {
		c.segmentOf[t.Number] = next
	}
	c.trials = append(c.trials, s.trials...)
	c.digests = append(c.digests, s.ownDigest)
	c.ends = append(c.ends, len(c.trials))
	c.bytes += len(s.raw)
	return nil
}

// checkNew returns a *damage if a trial is among trials twice, or in the chain.
func (c *chain) checkNew(trials []sweep.Trial) error {
	own := make(map[int]bool, len(trials))
	for _, t := range trials {
		at, known := c.segmentOf[t.Number]
		switch {
		case known:
			return damaged("each trial once", "trial %d is there again, it is in segment %d already", t.Number, at)
		case own[t.Number]:
			return damaged("each trial once", "trial %d is there twice", t.Number)
		}
		own[t.Number] = true
	}
	return nil
}

// maxCached bounds the segments that an Archive remembers, in bytes as they are stored;
// in memory they take two to three times as much.
const maxCached = 64 << 20

// chains remembers verified ledgers: segments never change, so that only new ones are
// read again.
type chains struct {
	mu    sync.Mutex
	known map[string]*remembered // by the sweep's name
	clock int
}

// remembered is the ledger of one sweep. Its holder may use chain.
type remembered struct {
	held  chan struct{} // has one place: a lock that ends with a context
	chain *chain        // nil at first
	used  int           // under chains.mu: when it was last held
	bytes int           // under chains.mu
}

// hold locks the ledger of a sweep and returns it, so that nothing is read twice; release
// must be called once.
func (c *chains) hold(ctx context.Context, name string) (r *remembered, release func(), err error) {
	c.mu.Lock()
	if c.known == nil {
		c.known = make(map[string]*remembered)
	}
	r = c.known[name]
	if r == nil {
		r = &remembered{held: make(chan struct{}, 1)}
		c.known[name] = r
	}
	c.clock++
	r.used = c.clock
	c.mu.Unlock()
	select {
	case r.held <- struct{}{}:
		return r, func() { c.release(r) }, nil
	case <-ctx.Done():
		return nil, nil, fmt.Errorf("wait for the ledger of %s: %w", name, context.Cause(ctx))
	}
}

// release unlocks the ledger, and evicts least recently used ledgers beyond maxCached.
func (c *chains) release(r *remembered) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r.bytes = 0
	if r.chain != nil {
		r.bytes = r.chain.bytes
	}
	<-r.held
	total := 0
	for _, k := range c.known {
		total += k.bytes
	}
	for total > maxCached {
		oldest := ""
		for name, k := range c.known {
			if oldest == "" || k.used < c.known[oldest].used {
				oldest = name
			}
		}
		total -= c.known[oldest].bytes
		delete(c.known, oldest)
	}
}

// verified returns the sweep's ledger with at least segs segments. Remembered segments
// are not read again, except segment segs-1: its digest proves that the ledger is
// unchanged.
func (a *Archive) verified(ctx context.Context, r *remembered, name string, segs int) (*chain, error) {
	c := r.chain
	if segs > 0 && c != nil {
		c.noETag = ""
		err := a.renew(ctx, name, c, segs)
		var broken *LedgerError
		if err == nil || !errors.As(err, &broken) {
			return c, err
		}
		// Another sweep of the name may have taken the place of the one that is remembered.
	}
	r.chain = nil
	c = newChain("")
	if err := a.readSpecDigest(ctx, name, c); err != nil {
		return nil, err
	}
	if err := a.extend(ctx, name, c, segs); err != nil {
		return nil, err
	}
	r.chain = c
	return c, nil
}

// renew brings a chain that was read earlier up to segs segments.
func (a *Archive) renew(ctx context.Context, name string, c *chain, segs int) error {
	if c.len() < segs {
		return a.extend(ctx, name, c, segs)
	}
	key, err := segmentKey(name, segs-1)
	if err != nil {
		return err
	}
	data, err := a.ledgerObject(ctx, name, key, maxSegment, c)
	if err != nil {
		return err
	}
	if digestOf(data) != c.previous(segs) {
		return &LedgerError{Sweep: name, Key: key, Found: "its digest has changed", Want: "the digest that was read before"}
	}
	return nil
}

// extend reads packs and segments until the chain has segs segments.
func (a *Archive) extend(ctx context.Context, name string, c *chain, segs int) error {
	for c.len() < segs {
		done, err := a.extendByPack(ctx, name, c, segs)
		if err == nil && !done {
			err = a.extendByOne(ctx, name, c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// extendByOne reads the chain's next segment.
func (a *Archive) extendByOne(ctx context.Context, name string, c *chain) error {
	key, err := segmentKey(name, c.len())
	if err != nil {
		return err
	}
	data, err := a.ledgerObject(ctx, name, key, maxSegment, c)
	if err != nil {
		return err
	}
	s, err := decodeSegment(data)
	if err == nil && len(s.raw) < len(data) {
		err = damaged("one segment", "%d bytes follow segment %d", len(data)-len(s.raw), s.Segment)
	}
	if err == nil {
		err = c.add(s)
	}
	return ledgerFault(name, key, err)
}

// ledgerFault makes a *LedgerError of a *damage.
func ledgerFault(name, key string, err error) error {
	var d *damage
	if errors.As(err, &d) {
		return &LedgerError{Sweep: name, Key: key, Found: d.found, Want: d.want}
	}
	return err
}

// ledgerObject reads an object that the ledger of c needs: an absent one is damage.
func (a *Archive) ledgerObject(ctx context.Context, name, key string, limit int64, c *chain) ([]byte, error) {
	data, info, err := a.object(key, nil).read(ctx, limit)
	var large *tooLargeError
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, missing(name, key, err)
	case errors.As(err, &large):
		return nil, &LedgerError{Sweep: name, Key: key, Found: fmt.Sprintf("it is larger than %d bytes", limit), Want: "what tailsweep writes", Err: err}
	}
	if err == nil && info.ETag == "" {
		c.noETag = key
	}
	return data, err
}

// missing is the error of an object that is not there.
func missing(name, key string, err error) error {
	return &LedgerError{Sweep: name, Key: key, Found: "the object is missing", Want: "the object, which tailsweep never removes", Err: err}
}

// readSpecDigest reads the digest that the first segment of a sweep's ledger names as previous.
func (a *Archive) readSpecDigest(ctx context.Context, name string, c *chain) error {
	key, err := sweepKey(name, specName)
	if err != nil {
		return err
	}
	data, err := a.ledgerObject(ctx, name, key, maxSpec, c)
	if err != nil {
		return err
	}
	r, err := parseReservation(name, data)
	if err != nil {
		return &LedgerError{Sweep: name, Key: key, Found: err.Error(), Want: "the spec of this sweep, whose digest begins the ledger", Err: err}
	}
	c.specDigest = r.Digest
	return nil
}
