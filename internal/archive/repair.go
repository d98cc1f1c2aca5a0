package archive

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize/english"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/specfile"
)

func isCorrupt(err error) bool {
	return errors.Is(err, activities.ErrCorrupt) || errors.Is(err, store.ErrNotFound)
}

// keep copies a damaged object to where nothing reads it, and returns its new key.
func (c *checker) keep(ctx context.Context, s stored) (string, error) {
	if errors.Is(s.err, store.ErrNotFound) {
		return "", nil
	}
	var large *tooLargeError
	if errors.As(s.err, &large) {
		return "", fmt.Errorf("%s is larger than %d bytes and is not copied: move it away and run this again", s.key, large.limit)
	}
	aside := c.key(damagedFolder + c.o.Now.UTC().Format("20060102T150405Z") + "/" + strings.TrimPrefix(s.key, c.key("")))
	return aside, c.a.object(aside, nil).put(ctx, s.data)
}

// rewrite returns a repair that puts body in the place of an object, unless that has
// changed since it was read.
func (c *checker) rewrite(s stored, body []byte, done string) func(context.Context) ([]Repair, error) {
	return func(ctx context.Context) ([]Repair, error) {
		aside, err := c.keep(ctx, s)
		if err != nil {
			return nil, err
		}
		switch {
		case len(body) > store.MaxConditional: // a pack
			err = c.a.object(s.key, nil).put(ctx, body)
		case aside != "" && s.etag == "": // a file without attributes
			err = c.a.object(s.key, nil).putOverBare(ctx, body)
		case aside == "" && s.etag == "":
			err = c.a.object(s.key, nil).create(ctx, body)
		default:
			_, err = c.a.store.Replace(ctx, s.key, body, s.etag)
		}
		if err != nil {
			return nil, err
		}
		return []Repair{{Key: s.key, Done: done, Aside: aside}}, nil
	}
}

// putAside returns a repair that moves an object away, unless it has changed since it was
// read; then says what follows from that. S3 has no removal under a condition, so the object
// is first replaced by moved, which counts as absent. once: it is written with If-None-Match,
// so that no sweep writes it before moved is removed.
func (c *checker) putAside(s stored, once bool, then string) func(context.Context) ([]Repair, error) {
	return func(ctx context.Context) ([]Repair, error) {
		if s.etag == "" {
			return nil, nil // storeAgain comes first
		}
		aside, err := c.keep(ctx, s)
		if err != nil {
			return nil, err
		}
		_, err = c.a.store.Replace(ctx, s.key, moved, s.etag)
		if errors.Is(err, store.ErrChanged) || errors.Is(err, store.ErrNotFound) {
			if aside != "" {
				err = c.a.store.Delete(ctx, aside)
			}
			return nil, err // it is checked again
		}
		if err == nil && once {
			err = c.a.store.Delete(ctx, s.key)
		}
		return []Repair{{Key: s.key, Done: "put aside: " + then, Aside: aside}}, err
	}
}

// storeAgain returns a repair that puts objects in their own place, so that they get an ETag.
func (c *checker) storeAgain(keys []string) func(context.Context) ([]Repair, error) {
	return func(ctx context.Context) (repairs []Repair, err error) {
		for _, key := range keys {
			r, info, err := c.a.store.Get(ctx, key)
			stored := false
			if err == nil && info.ETag == "" {
				stored, err = c.putAgain(ctx, key, r, info.Size)
			}
			if r != nil {
				err = errors.Join(err, r.Close())
			}
			if err != nil {
				return repairs, err
			}
			if stored {
				repairs = append(repairs, Repair{Key: key, Done: "stored again with its content"})
			}
		}
		return repairs, nil
	}
}

// putAgain puts the content of an object without an ETag in its place. stored is false where
// it was written since.
func (c *checker) putAgain(ctx context.Context, key string, body io.Reader, size int64) (stored bool, err error) {
	if size > store.MaxConditional { // part of a checkpoint, which is written once, a log, a grid or a pack
		err = c.a.store.Put(ctx, key, body, size)
		return err == nil, err
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(body, data); err != nil {
		return false, fmt.Errorf("read %s: %w", key, err)
	}
	err = c.a.object(key, nil).putOverBare(ctx, data)
	if errors.Is(err, store.ErrExists) {
		return false, nil
	}
	return err == nil, err
}

// rebuildPointer returns a repair that points at the best trials.
func (c *checker) rebuildPointer(s stored) func(context.Context) ([]Repair, error) {
	return func(ctx context.Context) ([]Repair, error) {
		best := c.best()
		var old Best
		_ = json.Unmarshal(s.data, &old) // a pointer that cannot be read begins again
		body, err := json.Marshal(Best{Generation: old.Generation + 1, Trials: append([]sweep.Trial{}, best...)})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.key, err)
		}
		return c.rewrite(s, body, "points at the trials "+cmp.Or(text.Numbers(numbersIn(best), mostNumbers), "none"))(ctx)
	}
}

// specFault reports a damaged spec.json. It is written anew if spec.yaml, read again, has
// the digest with which the ledger begins, or without a ledger that of the workflow. owner
// is the identity in it, if it can be read.
func (c *checker) specFault(ctx context.Context, s stored, owner sweep.Identity) {
	wrong := fmt.Sprintf("it is damaged: %v", s.err)
	if errors.Is(s.err, store.ErrNotFound) {
		wrong = "it is missing"
	}
	source := ""
	first, err := c.read(ctx, c.key(ledgerFolder+"000000.jsonl"), maxSegment)
	if err == nil && first.err == nil {
		if seg, err := decodeSegment(first.data); err == nil {
			c.specDigest, source = seg.Previous, "the one that the ledger begins with"
		}
	}
	if p := c.o.Progress; c.specDigest == "" && p != nil {
		c.specDigest, source = p.Digest, "that of its workflow"
	}
	yaml, err := c.read(ctx, c.key(yamlName), maxSpec)
	if err == nil && yaml.err == nil {
		spec, err := specfile.Parse(yamlName, yaml.data)
		if err == nil && spec.Name == c.name && c.specDigest != "" && spec.Digest() == c.specDigest {
			r := reservation{Digest: spec.Digest(), Spec: *spec, YAML: string(yaml.data), Owner: owner, Started: true}
			if owner.ID == "" && c.o.Progress != nil {
				r.Owner = c.o.Progress.Owner
			}
			if body, err := r.encode(); err == nil {
				c.reserve = c.rewrite(s, body, "written anew from spec.yaml")
				c.fault("spec", s.key, "writes it anew from spec.yaml, whose digest is "+source, c.reserve, "%s", wrong)
				return
			}
		}
	}
	c.found("spec", LevelFault, s.key, "restore it from a backup: spec.yaml does not give a spec with the digest that the ledger begins with, or without a ledger with that of the workflow", "%s", wrong)
}

// checkLedger verifies each segment on its own, so that one damaged segment does not make
// the next one look damaged.
func (c *checker) checkLedger(ctx context.Context) error {
	segs := 0
	for key := range c.objects {
		if n, ok := parseSegmentKey(c.name, key); ok {
			segs = max(segs, n+1)
		}
	}
	if p := c.o.Progress; p != nil {
		segs = max(segs, p.Segments)
	}
	if c.state != nil {
		segs = max(segs, min(c.state.Segments, segs+onePage)) // a state that is wrong does not count
	}
	keys := make([]string, segs)
	for n := range segs {
		keys[n] = c.key(segmentRest(n))
	}
	var err error
	if c.segments, err = c.readAll(ctx, keys, maxSegment); err != nil {
		return err
	}
	c.chain = newChain(c.specDigest)
	previous, segmentOf, faults := c.specDigest, map[int]int{}, 0
	for n := range c.segments {
		s := &c.segments[n]
		s.verify(n, previous, segmentOf)
		if s.fault == nil {
			previous = s.seg.ownDigest
			if c.chain != nil {
				if err := c.chain.add(s.seg); err != nil {
					return err
				}
			}
			continue
		}
		faults++
		previous, c.chain = "", nil // the next segment's Previous is trusted instead
		c.fault("ledger", s.key, "rebuilds it from packs and results", nil, "%s; expected: %s", s.fault.found, s.fault.want)
	}
	if faults > 0 {
		c.fixes = append(c.fixes, c.repairLedger)
		return nil
	}
	if c.specDigest == "" && segs > 0 {
		c.chain = nil
	}
	c.found("ledger", LevelOK, "", "", "%s with %s, digests and links verified", english.Plural(segs, "segment", ""), english.Plural(len(segmentOf), "trial", ""))
	return nil
}

// verify sets the fault of segment n. previous is the digest that its header must name,
// "" for any; segmentOf has the segments of the trials before.
func (s *stored) verify(n int, previous string, segmentOf map[int]int) {
	c := newChain(previous)
	var err error
	switch {
	case errors.Is(s.err, store.ErrNotFound):
		err = damaged("the object, which tailsweep never removes", "the object is missing")
	case s.err != nil:
		err = damaged("what tailsweep writes", "%v", s.err)
	default:
		if s.seg, err = decodeSegment(s.data); err == nil && len(s.seg.raw) < len(s.data) {
			err = damaged("one segment", "%d bytes follow segment %d", len(s.data)-len(s.seg.raw), s.seg.Segment)
		}
	}
	if err == nil {
		switch c.segmentOf = segmentOf; {
		case s.seg.Segment != n:
			err = damaged(fmt.Sprintf("segment %d", n), "it is segment %d", s.seg.Segment)
		case previous != "" && s.seg.Previous != previous:
			err = damaged(fmt.Sprintf("the digest %.12s", previous), "segment %d follows a segment with the digest %.12s", n, s.seg.Previous)
		default:
			err = c.checkNew(s.seg.trials)
		}
	}
	if !errors.As(err, &s.fault) {
		for _, t := range s.seg.trials {
			segmentOf[t.Number] = n
		}
	}
}

// repairLedger rewrites the damaged segments, and later ones that must name other digests.
func (c *checker) repairLedger(ctx context.Context) (repairs []Repair, err error) {
	if c.specDigest == "" {
		return nil, nil // the spec must be repaired first
	}
	copies, err := c.copies(ctx)
	if err != nil {
		return nil, err
	}
	results, err := c.results(ctx)
	if err != nil {
		return nil, err
	}
	rebuilt := newChain(c.specDigest)
	for n, s := range c.segments {
		if s.fault == nil && rebuilt.add(s.seg) == nil {
			continue
		}
		raw, done, err := c.replacement(n, rebuilt, copies, results)
		if err != nil {
			return repairs, err
		}
		seg, err := decodeSegment(raw)
		if err == nil {
			err = rebuilt.add(seg)
		}
		if err != nil {
			return repairs, fmt.Errorf("rebuild %s: %w", s.key, err)
		}
		if bytes.Equal(raw, s.data) {
			continue
		}
		one, err := c.rewrite(s, raw, done)(ctx)
		if repairs = append(repairs, one...); err != nil {
			return repairs, err
		}
	}
	return repairs, nil
}

// copies returns the intact segments in packs, by number.
func (c *checker) copies(ctx context.Context) (map[int][]segment, error) {
	found := map[int][]segment{}
	for key := range c.objects {
		first, size, ok := parsePackKey(c.name, key)
		if !ok {
			continue
		}
		s, err := c.read(ctx, key, maxPack)
		if err != nil {
			return nil, err
		}
		for seg, err := range decodeSegments(s.data) {
			if err != nil {
				break
			}
			if seg.Segment >= first && seg.Segment < first+size {
				found[seg.Segment] = append(found[seg.Segment], seg)
			}
		}
	}
	return found, nil
}

// replacement returns the bytes of segment n after the segments of before, and a
// description of their source. If they have the digest that the next segment names, the
// segment is restored byte for byte.
func (c *checker) replacement(n int, before *chain, copies map[int][]segment, results map[int]result) (raw []byte, done string, err error) {
	want := c.wanted(n, copies)
	previous := before.previous(n)
	type candidate struct {
		trials []sweep.Trial
		from   string
	}
	var candidates []candidate
	for _, s := range copies[n] {
		if s.Previous == previous && (want == "" || s.ownDigest == want) && before.checkNew(s.trials) == nil {
			return s.raw, "restored byte for byte from a pack", nil
		}
		candidates = append(candidates, candidate{s.trials, "a pack"})
	}
	s := c.segments[n]
	if s.err == nil && s.seg.raw != nil && s.seg.Segment == n {
		candidates = append(candidates, candidate{s.seg.trials, "its own trials"})
	}
	fromResults := c.fromResults(n, before, want, copies, results)
	candidates = append(candidates, candidate{fromResults, "results"})
	var first []byte
	for _, cand := range candidates {
		raw, err := encodeSegment(n, previous, without(cand.trials, before.segmentOf))
		if err != nil {
			return nil, "", err
		}
		switch {
		case digestOf(raw) == want:
			return raw, "restored byte for byte from " + cand.from, nil
		case first == nil:
			first, done = raw, fmt.Sprintf("written anew from %s, linked to the segment before", cand.from)
		}
	}
	return first, done, nil
}

// without returns each trial once, and none that is in segmentOf.
func without(trials []sweep.Trial, segmentOf map[int]int) []sweep.Trial {
	seen := map[int]bool{}
	return slices.DeleteFunc(slices.Clone(trials), func(t sweep.Trial) bool {
		_, known := segmentOf[t.Number]
		known = known || seen[t.Number]
		seen[t.Number] = true
		return known
	})
}

// wanted returns the digest that segment n should have, "" if nothing intact names it.
func (c *checker) wanted(n int, copies map[int][]segment) string {
	if n+1 < len(c.segments) {
		if next := c.segments[n+1]; next.seg.raw != nil && next.seg.Segment == n+1 && next.fault == nil {
			return next.seg.Previous
		}
	}
	for _, next := range copies[n+1] {
		return next.Previous
	}
	return ""
}

var trialNumber = regexp.MustCompile(`"number":([0-9]{1,6})`)

// fromResults gathers the trials of segment n: those whose lines can still be read, else those
// that give the digest want, else the published trials that ended before the next segment's.
// The last lost segment gets what else the sweep counts.
func (c *checker) fromResults(n int, before *chain, want string, copies map[int][]segment, results map[int]result) []sweep.Trial {
	pool, late := c.unassigned(n, before, copies, results)
	take := func(number int) (sweep.Trial, bool) {
		for _, from := range []*[]sweep.Trial{&pool, &late} {
			if i := slices.IndexFunc(*from, func(t sweep.Trial) bool { return t.Number == number }); i >= 0 {
				t := (*from)[i]
				*from = slices.Delete(*from, i, i+1)
				return t, true
			}
		}
		return sweep.Trial{}, false
	}
	var trials []sweep.Trial
	count := 0
	if h, _, err := decodeHeader(c.segments[n].data); err == nil {
		count = h.Trials
	}
	_, lines, _ := bytes.Cut(c.segments[n].data, []byte("\n"))
	for line := range bytes.Lines(lines) {
		t, err := decodeTrial(line)
		number := t.Number
		if err != nil {
			if parts := trialNumber.FindSubmatch(line); parts != nil {
				number, _ = strconv.Atoi(string(parts[1])) // six digits
			} else {
				continue
			}
		}
		if published, ok := take(number); ok {
			trials = append(trials, published)
		} else if err == nil && (t.Status == sweep.StatusFailed || t.Status == sweep.StatusCancelled) {
			trials = append(trials, t) // it ended without a result
		}
	}
	counted := slices.DeleteFunc(slices.Clone(late), func(t sweep.Trial) bool { return !c.counts(t.Number) || c.lostAfter(n, copies) })
	if len(trials) > 0 {
		return slices.Concat(trials, pool[:max(0, min(count-len(trials), len(pool)))], counted)
	}
	if want != "" {
		previous := before.previous(n)
		for trials := range arrangements(inOrderOfEnd(slices.Concat(pool, late))) {
			if raw, err := encodeSegment(n, previous, trials); err == nil && digestOf(raw) == want {
				return trials
			}
		}
	}
	if c.lost(n+1, copies) { // one for each lost segment; the last one gets the rest
		return pool[:min(1, len(pool))]
	}
	return slices.Concat(pool, counted)
}

// mostTries bounds the arrangements that are not the first trials of a pool.
const mostTries = 500

// arrangements yields trials of a pool, in an order, that may have been a segment: the first
// ones, others that ended one after the other, then any in any order, few before many.
func arrangements(pool []sweep.Trial) iter.Seq[[]sweep.Trial] {
	return func(yield func([]sweep.Trial) bool) {
		for end := 1; end <= len(pool); end++ {
			if !yield(pool[:end]) {
				return
			}
		}
		tries := 0
		try := func(trials []sweep.Trial) bool {
			tries++
			return tries <= mostTries && yield(trials)
		}
		for size := 1; size < len(pool); size++ {
			for first := 1; first+size <= len(pool); first++ {
				if !try(pool[first : first+size]) {
					return
				}
			}
		}
		var choose func(chosen []sweep.Trial, size int) bool
		choose = func(chosen []sweep.Trial, size int) bool {
			if len(chosen) == size {
				return try(chosen)
			}
			for _, t := range pool {
				taken := slices.ContainsFunc(chosen, func(o sweep.Trial) bool { return o.Number == t.Number })
				if !taken && !choose(append(chosen[:len(chosen):len(chosen)], t), size) {
					return false
				}
			}
			return true
		}
		for size := 2; size <= len(pool); size++ {
			if !choose(nil, size) {
				return
			}
		}
	}
}

func inOrderOfEnd(trials []sweep.Trial) []sweep.Trial {
	slices.SortFunc(trials, func(a, b sweep.Trial) int {
		return cmp.Or(a.FinishedAt.Compare(b.FinishedAt), cmp.Compare(a.Number, b.Number))
	})
	return trials
}

// lost reports whether nothing of segment n can be read.
func (c *checker) lost(n int, copies map[int][]segment) bool {
	return n < len(c.segments) && c.segments[n].seg.raw == nil && len(copies[n]) == 0
}

// lostAfter reports whether a segment after n is lost.
func (c *checker) lostAfter(n int, copies map[int][]segment) bool {
	for later := n + 1; later < len(c.segments); later++ {
		if c.lost(later, copies) {
			return true
		}
	}
	return false
}

// counts reports whether the sweep counts a trial as one that the ledger has.
func (c *checker) counts(number int) bool {
	if st := c.state; st != nil && (number < st.Watermark || slices.Contains(st.Ahead, number)) {
		return true
	}
	p := c.o.Progress // every trial that has started is finished or runs
	return p != nil && number < p.Finished+len(p.Running) && !slices.ContainsFunc(p.Running, func(r conduct.Running) bool { return r.Number == number })
}

// uncounted returns the trials that the sweep counts as finished and the ledger does not have,
// and of these the ones without a result that can be read.
func (c *checker) uncounted(results map[int]result) (missing, lost []int) {
	limit := 0
	if st := c.state; st != nil {
		limit = max(st.Watermark, slices.Max(append([]int{-1}, st.Ahead...))+1)
	}
	if p := c.o.Progress; p != nil {
		limit = max(limit, p.Finished+len(p.Running))
	}
	for n := range min(limit, maxNumber+1) {
		if _, ok := c.chain.segmentOf[n]; ok || !c.counts(n) {
			continue
		}
		if r, ok := results[n]; ok && r.fault == nil {
			missing = append(missing, n)
		} else {
			lost = append(lost, n)
		}
	}
	return missing, lost
}

// ended reports whether the sweep appends nothing to its ledger now.
func (c *checker) ended() bool {
	if p := c.o.Progress; p != nil {
		return p.EndedAt != nil
	}
	return c.state != nil && c.state.Phase.Final()
}

// appendCounted returns a repair that appends a segment with the results of trials that the
// sweep, which has ended, counts.
func (c *checker) appendCounted(results map[int]result) func(context.Context) ([]Repair, error) {
	return func(ctx context.Context) ([]Repair, error) {
		n := c.chain.len()
		trials, _ := c.unassigned(n, c.chain, nil, results)
		trials = slices.DeleteFunc(trials, func(t sweep.Trial) bool { return !c.counts(t.Number) })
		raw, err := encodeSegment(n, c.chain.previous(n), trials)
		if err != nil || len(trials) == 0 {
			return nil, err
		}
		return c.rewrite(stored{key: c.key(segmentRest(n)), err: store.ErrNotFound}, raw, "written from the results of "+text.Trials(numbersIn(trials), mostNumbers))(ctx)
	}
}

// unassigned returns the published trials that no intact segment has, in the order in which
// they ended; late are those that ended after the trials of the next intact segment. Trials
// that the sweep still counts as running are left out.
func (c *checker) unassigned(n int, before *chain, copies map[int][]segment, results map[int]result) (pool, late []sweep.Trial) {
	taken := map[int]bool{}
	if p := c.o.Progress; p != nil {
		for _, r := range p.Running {
			taken[r.Number] = true
		}
	} else if c.state != nil && c.state.Phase.Final() {
		for _, r := range c.state.Running {
			taken[r.Number] = true
		}
	}
	var next []sweep.Trial
	for later := n + 1; later < len(c.segments); later++ {
		trials := c.segments[later].seg.trials
		for _, s := range copies[later] {
			trials = append(slices.Clone(trials), s.trials...)
		}
		if next == nil {
			next = trials
		}
		for _, t := range trials {
			taken[t.Number] = true
		}
	}
	for number, r := range results {
		_, known := before.segmentOf[number]
		if known || taken[number] || r.fault != nil {
			continue
		}
		t := r.trial
		if spec := c.inForce(); spec != nil {
			t = conduct.Checked(spec, t)
		}
		if len(next) > 0 && !slices.ContainsFunc(next, func(o sweep.Trial) bool { return !o.FinishedAt.Before(t.FinishedAt) }) {
			late = append(late, t)
		} else {
			pool = append(pool, t)
		}
	}
	return inOrderOfEnd(pool), inOrderOfEnd(late)
}
