package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/tailsweep/tailsweep/internal/connect"
	"github.com/tailsweep/tailsweep/internal/fetch"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/dataset"
)

func newData(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "data",
		Short: "The images that trials train on: list, pull and inspect datasets",
		Args:  args(0, 0, "a verb: list, pull or inspect"),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDataList(a), newDataPull(a), newDataInspect(a))
	return cmd
}

// fetcher downloads datasets, from buckets wherever the user's settings say.
func (a *app) fetcher() *fetch.Fetcher {
	return &fetch.Fetcher{Bucket: func(ctx context.Context, name string) (store.Store, error) {
		if a.objects != nil {
			return a.objects, nil
		}
		target, err := connect.Resolve(a.flags)
		if err != nil && !errors.Is(err, connect.ErrHalf) { // a bucket needs no Temporal
			return nil, err
		}
		return target.OpenBucket(ctx, name)
	}}
}

// fetch brings what a spec trains on to this machine, and tells how it goes.
func (a *app) fetch(ctx context.Context, d sweep.Dataset) error {
	f := a.fetcher()
	end := a.follow(f)
	defer end()
	return asBadInput(f.Dataset(ctx, d))
}

// loader reads datasets and tells how it goes, where that takes long.
func (a *app) loader(ctx context.Context) dataset.Loader {
	read := a.sayRead()
	return dataset.Loader{Log: a.say, Progress: func(done, all int) error {
		read(done, all)
		return context.Cause(ctx)
	}}
}

// sayRead tells people how many images are read, less often than it is asked to.
func (a *app) sayRead() func(done, all int) {
	const every = 10 * time.Second
	var last time.Time
	return func(done, all int) {
		if time.Since(last) >= every {
			last = time.Now()
			a.say("read %d of %d images", done, all)
		}
	}
}

// follow shows the progress of downloads: a line that is written anew on a terminal,
// elsewhere one every few seconds.
func (a *app) follow(f *fetch.Fetcher) (end func()) {
	every, lead, tail := 5*time.Second, "", "\n"
	if file, ok := a.err.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
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
			of = fmt.Sprintf(" of %s, %d %%", bytesText(p.Total), 100*p.Done/p.Total)
		}
		_, _ = fmt.Fprintf(a.err, "%s%s: %s%s%s", lead, printable(p.What), bytesText(p.Done), of, tail) // nobody is left to tell
	}
	return func() {
		if shown && lead != "" {
			_, _ = fmt.Fprint(a.err, lead) // as above
		}
	}
}

// asBadInput gives what is the user's to mend the exit code for it.
func asBadInput(err error) error {
	var failure *sweep.FailureError
	if errors.As(err, &failure) && failure.Class == sweep.FailBadData {
		return &codedError{exitUsage, plain(err)}
	}
	return err
}

// plain leaves the class of a failure out: it is for workflows.
func plain(err error) error {
	return errors.New(strings.ReplaceAll(err.Error(), string(sweep.FailBadData)+": ", ""))
}

// listedDataset is a line of `tailsweep data list`.
type listedDataset struct {
	Name    string `json:"name"`
	About   string `json:"about"`
	Classes int    `json:"classes"` // 0: the spec says
	Images  int    `json:"images"`  // 0: the files tell
	Sizes   []int  `json:"sizes"`   // null: 8 to 64
	State   string `json:"state"`   // built in, here, not here
	Path    string `json:"path"`    // where it is, or would be
}

func newDataList(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "The datasets that specs can name, and which are on this machine", Args: args(0, 0, "no arguments")}
	output := outputFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		var listed []listedDataset
		for _, info := range sweep.DatasetList() {
			l := listedDataset{Name: info.Name, About: info.About, Classes: info.Classes, Images: info.Classes * info.PerClass, Sizes: info.Sizes}
			switch {
			case info.BuiltIn:
				l.State = "built in"
			case info.Name == sweep.ImageFolder:
				l.State = "yours"
			default:
				path, err := dataset.LocalPath(info.Name)
				if err != nil {
					return err
				}
				l.Path, l.State = path, "not here"
				if _, err := os.Stat(path); err == nil {
					l.State = "here"
				}
			}
			listed = append(listed, l)
		}
		if output.value == "json" {
			return a.printJSON(listed)
		}
		t := newTable("DATASET", ">CLASSES", ">IMAGES", "SIZES", "STATE", "ABOUT")
		for _, l := range listed {
			sizes := fmt.Sprintf("%d to %d", sweep.MinSize, sweep.MaxSize)
			if l.Sizes != nil {
				sizes = strings.Trim(strings.ReplaceAll(fmt.Sprint(l.Sizes), " ", ", "), "[]")
			}
			t.row(l.Name, orDash(l.Classes), orDash(l.Images), sizes, l.State, l.About)
		}
		return a.printTable(t)
	}
	return cmd
}

func orDash(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

func newDataPull(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pull NAME [--from URL|PATH] [--to DIR]",
		Short: "Download a dataset, verified; Ctrl-C and again goes on",
		Long: `pull downloads a published dataset, compares its SHA-256 with the published one and
puts it where specs that give no dataset.path look for it. --from takes it from
elsewhere: an s3:// or https:// URL, or files on this machine that were fetched by
hand. An image folder comes from an s3:// prefix or from an archive, and needs --to
(a spec can also give an s3:// or https:// URL as dataset.path: each worker then
downloads it by itself).`,
		Example: `  tailsweep data pull cifar-10
  tailsweep data pull cifar-10 --from ~/Downloads/cifar-10-binary.tar.gz
  tailsweep data pull fashion-mnist --from /usr/share/datasets/fashion-mnist
  tailsweep data pull image-folder --from https://host/tiny-imagenet-200.zip --to tiny`,
		Args: args(1, 1, "one dataset"),
	}
	from := cmd.Flags().String("from", "", "s3:// or https:// URL, or a path on this machine (default: the publisher)")
	to := cmd.Flags().String("to", "", "folder for the files (default: in the cache, where specs without dataset.path look)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		name := args[0]
		if err := pullable(name, *to); err != nil {
			return err
		}
		dir := *to
		var err error
		if dir == "" {
			dir, err = dataset.LocalPath(name)
		} else {
			dir, err = filepath.Abs(dir)
		}
		if err != nil {
			return err
		}
		f := a.fetcher()
		end := a.follow(f)
		there, err := f.Pull(cmd.Context(), name, *from, dir)
		end()
		if err != nil {
			return asBadInput(fmt.Errorf("data pull %s: %w", name, err))
		}
		if there {
			a.say("it is there already")
			if name != sweep.ImageFolder {
				err = dataset.Verify(name, dir)
			}
			if err != nil {
				return asBadInput(fmt.Errorf("%w\n%s is not the dataset: remove it, or choose another folder with --to", err, dir))
			}
		}
		return a.print(dir)
	}
	return cmd
}

// pullable refuses what data pull cannot bring.
func pullable(name, to string) error {
	info, known := sweep.LookupDataset(name)
	switch {
	case !known:
		return usagef("data pull: no dataset %q; `tailsweep data list` lists them", name)
	case info.BuiltIn:
		return usagef("data pull: %s is built in", name)
	case name == sweep.ImageFolder && to == "":
		return usagef("data pull: an image folder needs --to DIR")
	}
	return nil
}
