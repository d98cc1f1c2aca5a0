package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/internal/connect"
	"github.com/tailsweep/tailsweep/internal/datasets"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/specfile"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/precheck"
)

// Downloader downloads datasets. It opens buckets at the configured object store.
func (a *App) Downloader() *datasets.Downloader {
	return &datasets.Downloader{Log: a.Log, Bucket: func(ctx context.Context, name string) (store.Store, error) {
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

// Download downloads a spec's dataset to this machine where it is missing, and shows
// the progress.
func (a *App) Download(ctx context.Context, d sweep.Dataset) error {
	f := a.Downloader()
	end := a.ShowDownloads(f)
	defer end()
	return AsBadInput(f.Dataset(ctx, d))
}

// Load reads a dataset, and shows the progress of a long read. The caller reports what is
// left out.
func (a *App) Load(ctx context.Context, d sweep.Dataset) (*dataset.Set, error) {
	read := a.ReadProgress()
	set, err := dataset.Loader{Progress: func(done, all int) error {
		read(done, all)
		return context.Cause(ctx)
	}}.Load(d)
	return set, AsBadInput(err)
}

// ReadProgress returns a function that prints how many images are read, every ten seconds
// at most.
func (a *App) ReadProgress() func(done, all int) {
	const every = 10 * time.Second
	var last time.Time
	return func(done, all int) {
		if time.Since(last) >= every {
			last = time.Now()
			a.Log("read %d of %d images", done, all)
		}
	}
}

// ShowDownloads shows the progress of downloads: in one line that is redrawn on a terminal,
// else in a line every few seconds.
func (a *App) ShowDownloads(f *datasets.Downloader) (end func()) {
	every, lead, tail := 5*time.Second, "", "\n"
	if file, ok := a.Err.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		every, lead, tail = 100*time.Millisecond, "\r\x1b[K", ""
	}
	var mu sync.Mutex
	last, shown := time.Now(), false
	f.Progress = func(p datasets.Progress) {
		mu.Lock()
		defer mu.Unlock()
		if time.Since(last) < every {
			return
		}
		last, shown = time.Now(), true
		of := ""
		if p.Total > 0 {
			of = fmt.Sprintf(" of %s, %d %%", text.Bytes(p.Total), 100*p.Done/p.Total)
		}
		_, _ = fmt.Fprintf(a.Err, "%s%s: %s%s%s", lead, console.Printable(p.What), text.Bytes(p.Done), of, tail) // there is nowhere to report an error
	}
	return func() {
		if shown && lead != "" {
			_, _ = fmt.Fprint(a.Err, lead) // likewise
		}
	}
}

// CheckData checks that trials of a spec can be evaluated on its images and networks,
// where these are on this machine, and reports the files that are left out. content is
// the spec's file and path its name. Faults are specfile.Faults.
func (a *App) CheckData(path string, content []byte, spec *sweep.Spec) error {
	if !precheck.Here(spec) {
		return nil
	}
	about, err := dataset.Describe(spec.Dataset)
	var faults []sweep.FieldError
	if err == nil {
		for _, left := range about.LeftOut {
			a.Log("%s: %s", spec.Dataset.Path, left)
		}
		faults, err = precheck.Faults(spec, sweep.Assignment{}, about)
	}
	if field, ok := errors.AsType[*sweep.FieldError](err); ok {
		faults = append(faults, *field)
	} else if err != nil {
		return AsBadInput(err)
	}
	if path == "-" {
		path = "stdin"
	}
	var all specfile.Faults
	for _, f := range faults {
		all = append(all, specfile.Located(path, content, f))
	}
	if len(all) == 0 {
		return nil
	}
	return all
}
