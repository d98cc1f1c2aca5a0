package activities

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/sampler"
)

// rememberedPriors is how many earlier sweeps a worker remembers.
const rememberedPriors = 8

// priors remembers earlier sweeps, read and fitted for a spec: the named part of a ledger
// never changes.
type priors struct {
	mu   sync.Mutex
	list []rememberedPrior // the last used one is last
}

type rememberedPrior struct {
	key    string
	source sampler.Source
}

// of returns the source of a key; ok is false if it is not remembered.
func (p *priors) of(key string) (source sampler.Source, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := slices.IndexFunc(p.list, func(r rememberedPrior) bool { return r.key == key })
	if at < 0 {
		return sampler.Source{}, false
	}
	found := p.list[at]
	p.list = append(slices.Delete(p.list, at, at+1), found)
	return found.source, true
}

// keep remembers a source.
func (p *priors) keep(key string, source sampler.Source) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list = append(p.list, rememberedPrior{key, source})
	if len(p.list) > rememberedPriors {
		p.list = slices.Delete(p.list, 0, 1)
	}
}

// prior returns the earlier sweeps that the spec names, each as long as it is there.
func (a *owned) prior(ctx context.Context, spec *sweep.Spec) ([]sampler.Source, error) {
	var list []sampler.Source
	for _, e := range spec.From {
		if err := a.Records.CheckEarlier(ctx, e); err != nil {
			return nil, fmt.Errorf("from: sweep %s: %w", e.Sweep, err)
		}
		key := e.Sweep + " " + spec.Digest() // which covers its segments and identity
		source, ok := a.priors.of(key)
		if !ok {
			old, trials, err := a.Records.Earlier(ctx, e)
			if err != nil {
				return nil, fmt.Errorf("from: sweep %s: %w", e.Sweep, err)
			}
			source = sampler.NewSource(spec, old, trials)
			a.priors.keep(key, source)
		}
		list = append(list, source)
	}
	return list, nil
}
