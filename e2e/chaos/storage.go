package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"
)

// Faults of disks and of the object store.

// fill fills the file system of a folder for a while. A stack that ended of it is started
// again.
func fill(folder string) func(context.Context, *round) error {
	return func(ctx context.Context, r *round) error {
		if err := r.site.occupy(ctx, folder, func() error { return pause(ctx, 6*time.Second) }); err != nil {
			return err
		}
		return r.site.up(ctx)
	}
}

// fillCache removes the downloaded dataset, fills the disk, and kills the children, so that
// the next attempts have to download it.
func fillCache(ctx context.Context, r *round) error {
	if _, err := r.anyRunning(ctx, func(p *played) bool { return p.name == "grid" }); err != nil {
		return err
	}
	if err := os.RemoveAll(r.site.path("cache", "datasets")); err != nil {
		return err
	}
	return r.site.occupy(ctx, "cache", func() error {
		if err := killChildren(true)(ctx, r); err != nil {
			return err
		}
		return pause(ctx, 6*time.Second)
	})
}

// occupy takes all free space of a file system meanwhile.
func (s *site) occupy(ctx context.Context, folder string, meanwhile func() error) error {
	if !slices.Contains(s.mounts, folder) {
		return fmt.Errorf("%w: it has no file system of its own", errSkipped)
	}
	path := s.path(folder, "ballast")
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	for block := make([]byte, 1<<20); err == nil && len(block) > 0; {
		if _, err = f.Write(block); errors.Is(err, syscall.ENOSPC) {
			block, err = block[:len(block)/2], nil
		}
	}
	if err == nil {
		err = meanwhile()
	}
	return errors.Join(err, f.Close(), os.Remove(path))
}

// misbehaveUntilShown lets the proxy do something that blocks a sweep, until list shows it.
func misbehaveUntilShown(m mode) func(context.Context, *round) error {
	return func(ctx context.Context, r *round) error {
		if err := r.site.proxy.set(m); err != nil {
			return err
		}
		return errors.Join(r.shown(ctx, "unreachable"), r.site.proxy.set(pass))
	}
}

// misbehave lets the proxy do something for a while.
func misbehave(m mode, duration time.Duration) func(context.Context, *round) error {
	return func(ctx context.Context, r *round) error {
		if err := r.site.proxy.set(m); err != nil {
			return err
		}
		return errors.Join(pause(ctx, duration), r.site.proxy.set(pass))
	}
}
