package machine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/dataset"
)

// Data is the verb data: it lists, downloads, inspects and exports datasets.
func Data(a *cli.App) *cobra.Command {
	return cli.Group("data", "List, download, inspect and export datasets", newDataList(a), newDataPull(a), newDataInspect(a), newDataExport(a))
}

// ListedDataset is a line of `tailsweep data list`.
type ListedDataset struct {
	Name    string `json:"name"`
	About   string `json:"about"`
	Classes int    `json:"classes"` // 0: depends on the spec
	Images  int    `json:"images"`  // 0: depends on the files
	Sizes   []int  `json:"sizes"`   // null: 8 to 256
	License string `json:"license"` // of the images; "" of your own
	Home    string `json:"home"`    // the publisher's page
	State   string `json:"state"`   // built in, here, not here
	Path    string `json:"path"`    // where it is, or would be
}

func newDataList(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the datasets that specs can use, and where they are", Args: cli.Args(0, 0, "no arguments")}
	output := cli.OutputFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		var listed []ListedDataset
		for _, info := range sweep.DatasetList() {
			l := ListedDataset{Name: info.Name, About: info.About, Classes: len(info.Classes), Images: len(info.Classes) * info.PerClass, Sizes: info.Sizes, License: info.License, Home: info.Home}
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
				switch _, err := os.Stat(path); {
				case err == nil:
					l.State = "here"
				case !errors.Is(err, fs.ErrNotExist):
					return err
				}
			}
			listed = append(listed, l)
		}
		t := console.NewTable("DATASET", ">CLASSES", ">IMAGES", "SIZES", "STATE", "ABOUT")
		for _, l := range listed {
			sizes := fmt.Sprintf("%d to %d", sweep.MinSize, sweep.MaxSize)
			if l.Sizes != nil {
				sizes = text.Numbers(l.Sizes, len(l.Sizes))
			}
			t.Row(l.Name, orDash(l.Classes), orDash(l.Images), sizes, l.State, l.About)
		}
		return a.PrintAs(output, listed, a.Lines(t)...)
	}
	return cmd
}

func orDash(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

func datasetNames() (names []string) {
	for _, info := range sweep.DatasetList() {
		names = append(names, info.Name)
	}
	return names
}

func newDataPull(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pull NAME [--from URL|PATH] [--to DIR]",
		Short: "Download a dataset, or continue a download, and verify it",
		Long: `pull downloads a published dataset, verifies its SHA-256 and stores it where specs
without dataset.path look for it. --from is another source: an s3:// or https:// URL, or
files on this machine. An image folder comes from an s3:// prefix or from an archive,
and needs --to. (A spec can also have an s3:// or https:// URL as dataset.path: each
worker then downloads it.)`,
		Example: `  tailsweep data pull cifar-10
  tailsweep data pull cifar-10 --from ~/Downloads/cifar-10-binary.tar.gz
  tailsweep data pull fashion-mnist --from /usr/share/datasets/fashion-mnist
  tailsweep data pull image-folder --from https://host/tiny-200.zip --to tiny`,
		Args: cli.Args(1, 1, "one dataset"),
	}
	from := cmd.Flags().String("from", "", "s3:// or https:// URL, or a path on this machine (default: the publisher's URL)")
	to := cmd.Flags().String("to", "", "folder for the files (default: the cache, where specs without dataset.path look)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		name := args[0]
		if err := pullable(name, *to); err != nil {
			return err
		}
		dir, err := filepath.Abs(*to)
		if *to == "" {
			dir, err = dataset.LocalPath(name)
		}
		if err != nil {
			return err
		}
		f := a.Downloader()
		end := a.ShowDownloads(f)
		there, err := f.Download(cmd.Context(), name, *from, dir)
		end()
		if err != nil {
			return cli.AsBadInput(fmt.Errorf("data pull %s: %w", name, err))
		}
		if there {
			a.Log("the dataset exists already")
			if name != sweep.ImageFolder {
				err = dataset.Verify(name, dir)
			}
			if err != nil {
				return cli.AsBadInput(fmt.Errorf("%w\n%s is not the dataset: remove it, or choose another folder with --to", err, dir))
			}
		}
		return a.Print(dir)
	}
	return cmd
}

// pullable returns a usage error for a dataset that cannot be downloaded.
func pullable(name, to string) error {
	info, known := sweep.LookupDataset(name)
	switch {
	case !known:
		return cli.Usagef("data pull: no dataset %q; `tailsweep data list` lists the datasets", name)
	case info.BuiltIn:
		return cli.Usagef("data pull: %s is built in", name)
	case name == sweep.ImageFolder && to == "":
		return cli.Usagef("data pull: an image folder needs --to DIR")
	}
	return nil
}
