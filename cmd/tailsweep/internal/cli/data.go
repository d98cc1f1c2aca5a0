package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/internal/connect"
	"github.com/tailsweep/tailsweep/internal/fetch"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/dataset"
)

// fetcher downloads datasets, from buckets wherever the user's settings say.
func (a *App) Fetcher() *fetch.Fetcher {
	return &fetch.Fetcher{Bucket: func(ctx context.Context, name string) (store.Store, error) {
		if a.Objects != nil {
			return a.Objects, nil
		}
		target, err := connect.Resolve(a.Flags)
		if err != nil && !errors.Is(err, connect.ErrHalf) { // a bucket needs no Temporal
			return nil, err
		}
		return target.OpenBucket(ctx, name)
	}}
}

// fetch brings what a spec trains on to this machine, and tells how it goes.
func (a *App) Fetch(ctx context.Context, d sweep.Dataset) error {
	f := a.Fetcher()
	end := a.Follow(f)
	defer end()
	return AsBadInput(f.Dataset(ctx, d))
}

// loader reads datasets and tells how it goes, where that takes long.
func (a *App) Loader(ctx context.Context) dataset.Loader {
	read := a.SayRead()
	return dataset.Loader{Log: a.Say, Progress: func(done, all int) error {
		read(done, all)
		return context.Cause(ctx)
	}}
}

// sayRead tells people how many images are read, less often than it is asked to.
func (a *App) SayRead() func(done, all int) {
	const every = 10 * time.Second
	var last time.Time
	return func(done, all int) {
		if time.Since(last) >= every {
			last = time.Now()
			a.Say("read %d of %d images", done, all)
		}
	}
}

// follow shows the progress of downloads: a line that is written anew on a terminal,
// elsewhere one every few seconds.
func (a *App) Follow(f *fetch.Fetcher) (end func()) {
	every, lead, tail := 5*time.Second, "", "\n"
	if file, ok := a.Err.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		every, lead, tail = 100*time.Millisecond, "\r\x1b[K", ""
	}
	var mu sync.Mutex
	last, shown := time.Now(), false
	f.Progress = func(p fetch.Progress) {
		mu.Lock()
		defer mu.Unlock()
		if time.Since(last) < every {
			return
		}
		last, shown = time.Now(), true
		of := ""
		if p.Total > 0 {
			of = fmt.Sprintf(" of %s, %d %%", console.BytesText(p.Total), 100*p.Done/p.Total)
		}
		_, _ = fmt.Fprintf(a.Err, "%s%s: %s%s%s", lead, console.Printable(p.What), console.BytesText(p.Done), of, tail) // nobody is left to tell
	}
	return func() {
		if shown && lead != "" {
			_, _ = fmt.Fprint(a.Err, lead) // as above
		}
	}
}

// AsBadInput gives what is the user's to mend the exit code for it.
func AsBadInput(err error) error {
	var failure *sweep.FailureError
	if errors.As(err, &failure) && failure.Class == sweep.FailBadData {
		return ExitWith(ExitUsage, plain(err))
	}
	return err
}

// plain leaves the class of a failure out: it is for workflows.
func plain(err error) error {
	return errors.New(strings.ReplaceAll(err.Error(), string(sweep.FailBadData)+": ", ""))
}
