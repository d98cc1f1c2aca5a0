package machine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/trainer/dataset"
)

// npzExtension ends the names of files with arrays of NumPy.
const npzExtension = ".npz"

func newDataExport(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export SPEC|NAME|FOLDER --to DIR|FILE.npz",
		Short: "Write the training images for another program",
		Long: `export writes the images that a training of the built-in trainer sees, in its order: with
the long-tailed split and dataset.size of a spec, or all images of a dataset by name or of
a folder of images. So another program can train on the same images.

A folder gets CLASS/NUMBER.png, where NUMBER is the image's place in the order, and
` + dataset.ExportName + `, which describes the classes. A .npz file gets the arrays images (uint8,
[N, S, S] or [N, S, S, 3]), labels (int64, [N]) and classes (the names). The same images
give the same bytes.

The sets with a size of 16 have means of four pixels, which are rounded to 8 bits; with
--float32 the images of a .npz file are the values themselves, from -1 to 1.`,
		Example: `  tailsweep data export my.yaml --to images.npz
  tailsweep data export my.yaml --to real --real`,
		Args: cli.Args(1, 1, "one spec, dataset or folder"),
	}
	output := cli.OutputFlag(cmd)
	to := cmd.Flags().String("to", "", "new folder for PNG files, or .npz file")
	real := cmd.Flags().Bool("real", false, "the balanced real images that samples are compared with, in place of the training images")
	float := cmd.Flags().Bool("float32", false, "in a .npz file: images of float32 from -1 to 1, in place of uint8")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := exportable(*to); err != nil {
			return err
		}
		if *float && !isNPZ(*to) {
			return cli.Usagef("data export: --float32 with --to %s (valid: a file that ends in %s)", *to, npzExtension)
		}
		given, err := datasetOf(a, args[0])
		if err != nil {
			return err
		}
		warn(a, given.others)
		ctx, d := cmd.Context(), given.dataset
		if err := a.Download(ctx, d); err != nil {
			return err
		}
		set, err := a.Load(ctx, d)
		if err != nil {
			return err
		}
		what := "the training images"
		if *real {
			balanced, err := a.Loader(ctx).Balanced(d)
			if err != nil {
				return cli.AsBadInput(err)
			}
			balanced.Groups = set.Groups // which are by training images
			set, what = balanced, "the real images that samples are compared with"
		}
		for _, left := range set.LeftOut {
			a.Log("%s", left)
		}
		if err := os.MkdirAll(filepath.Dir(*to), 0o755); err != nil {
			return cli.Usagef("data export: --to: %w", err)
		}
		write := set.WriteFolder
		if isNPZ(*to) {
			write = func(path string, progress func(done, all int) error) error {
				return set.WriteNPZ(path, *float, progress)
			}
		}
		e, err := set.Exported()
		if err == nil {
			err = write(*to, func(int, int) error { return context.Cause(ctx) })
		}
		if err != nil {
			return fmt.Errorf("data export: %w", err)
		}
		if e.Rounded && !*float {
			a.Log("rounded to 8 bits: a training sees means of four pixels (--float32 writes them into a .npz file)")
		}
		return a.PrintAs(output, e,
			fmt.Sprintf("%s: %s of %s, %s: %s", console.Printable(filepath.Clean(*to)), english.Plural(e.Images, "image", ""), english.Plural(len(e.Classes), "class", "classes"), imageKind(e.Size, e.Channels), what),
			"sha256  "+e.Digest)
	}
	return cmd
}

func isNPZ(path string) bool { return strings.EqualFold(filepath.Ext(path), npzExtension) }

// imageKind is the form of images, for people.
func imageKind(size, channels int) string {
	kind := "grey"
	if channels == 3 {
		kind = "RGB"
	}
	return fmt.Sprintf("%dx%[1]d %s", size, kind)
}

// exportable refuses to write over what exists.
func exportable(to string) error {
	if to == "" {
		return cli.Usagef("data export: --to is missing (valid: a new folder for PNG files, or a new file that ends in %s)", npzExtension)
	}
	f, err := os.Open(to)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return cli.Usagef("data export: --to: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	if names, err := f.Readdirnames(1); !isNPZ(to) && len(names) == 0 && errors.Is(err, io.EOF) {
		return nil
	}
	return cli.Usagef("data export: --to %s exists (valid: a path that does not exist, or an empty folder)", to)
}
