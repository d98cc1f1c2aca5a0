package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
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
// the progress. A spec with a trainer may have none.
func (a *App) Download(ctx context.Context, d sweep.Dataset) error {
	if d.Name == "" {
		return nil
	}
	f := a.Downloader()
	end := a.ShowDownloads(f)
	defer end()
	return AsBadInput(f.Dataset(ctx, d))
}

// Load reads a dataset, and shows the progress of a long read. The caller reports what is
// left out.
func (a *App) Load(ctx context.Context, d sweep.Dataset) (*dataset.Set, error) {
	set, err := a.Loader(ctx).Load(d)
	return set, AsBadInput(err)
}

// Loader returns a loader that shows the progress of a long read and ends with ctx.
func (a *App) Loader(ctx context.Context) dataset.Loader {
	read := a.ReadProgress()
	return dataset.Loader{Progress: func(done, all int) error {
		read(done, all)
		return context.Cause(ctx)
	}}
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

// ReadChecked is ReadSpec for the verbs that start a sweep or check its spec: the faults of
// a spec that has some include those of its data, as CheckData finds them.
func (a *App) ReadChecked(ctx context.Context, path string) (*sweep.Spec, []byte, error) {
	spec, text, faults, err := a.ReadDraft(path)
	if err != nil {
		return nil, nil, err
	}
	if len(faults) == 0 {
		return spec, text, nil
	}
	if spec != nil {
		more, err := a.dataFaults(ctx, path, text, spec, faults)
		if err != nil {
			return nil, nil, err
		}
		faults = specfile.Merged(faults, more)
	}
	return nil, nil, faults
}

// CheckData checks that the files of a spec, and of its trainer, exist, that its images can be read, that trials
// can be evaluated on its images and networks, and that its paths mean the same to the workers. Where the stack is
// not the embedded one, it checks only what is on this machine. It reports the files that
// are left out. content is the spec's file and path its name. Faults are specfile.Faults.
func (a *App) CheckData(ctx context.Context, path string, content []byte, spec *sweep.Spec) error {
	faults, err := a.dataFaults(ctx, path, content, spec, nil)
	if err == nil && len(faults) > 0 {
		return faults
	}
	return err
}

// dataFaults returns every fault of the data of a spec that has the faults known.
func (a *App) dataFaults(ctx context.Context, path string, content []byte, spec *sweep.Spec, known specfile.Faults) (specfile.Faults, error) {
	name := SpecName(path)
	faults := specfile.Faults{}
	add := func(f sweep.FieldError) { faults = append(faults, specfile.Located(name, content, f)) }
	target, err := connect.Resolve(a.Flags)
	cluster := err == nil && !target.Embedded
	if cluster {
		faults = pathFaults(name, content)
	}
	if spec.Trainer != nil {
		_, more, err := trainerFiles(path, content, spec)
		if err != nil {
			return nil, err
		}
		faults = append(faults, more...)
	}
	if !spec.HasDataset() {
		return faults, nil
	}
	missing := precheck.Missing(spec)
	if !cluster {
		for _, f := range missing {
			add(f)
		}
	}
	if len(known.Of("dataset")) > 0 || cluster && len(missing) > 0 || !precheck.Here(spec) {
		return faults, nil
	}
	addError := func(err error) error {
		field, ok := errors.AsType[*sweep.FieldError](err)
		if !ok {
			return AsBadInput(err)
		}
		if !slices.ContainsFunc(missing, func(f sweep.FieldError) bool { return f.Field == field.Field }) {
			add(*field)
		}
		return nil
	}
	if err := addError(a.Loader(ctx).Check(spec.Dataset)); err != nil {
		return nil, err
	}
	about, err := dataset.Describe(spec.Dataset)
	if err == nil {
		for _, left := range about.LeftOut {
			a.Log("%s: %s", spec.Dataset.Path, left)
		}
		var found []sweep.FieldError
		if len(known)+len(missing) == 0 {
			found, err = precheck.Faults(spec, sweep.Assignment{}, about)
		} else {
			_, err = dataset.DescribeBalanced(spec.Dataset)
		}
		for _, f := range found {
			add(f)
		}
	}
	if err := addError(err); err != nil {
		return nil, err
	}
	return specfile.Merged(faults, nil), nil // Check and Describe find the same faults of the folder
}
