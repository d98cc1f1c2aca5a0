package specs

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/specfile"
)

// initOptions are the flags of init.
type initOptions struct {
	name, from, to, features string
	force, unmeasured        bool
	hours                    float64
	backend                  *cli.Choice
}

// Init is the verb init: it writes a commented spec.
func Init(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "init [--from FOLDER]",
		Short: "Write a commented spec to start from",
		Long: `init writes a commented spec: an example with the built-in images or, with --from, one
that fits a folder of your own images, which has a folder of images for each class.

For a folder, init reads all images as a training does and measures for some seconds how
fast this machine trains. From that it chooses the size of the images, the model, the
groups of classes, metrics that can be measured, and as many steps and trials as fit into
--hours. It trains a classifier of the classes, which some metrics and the gate label need,
and writes it next to the spec. For colour images it installs a published network (17 MB), by
which the other metrics compare images. Comments in the spec have the reason of each choice.`,
		Example: `  tailsweep init > my-sweep.yaml
  tailsweep init --method bayes --name my-search --to my-search.yaml
  tailsweep init --from photos --hours 8`,
		Args: cli.Args(0, 0, "no arguments (a name is given by --name)"),
	}
	var o initOptions
	f := cmd.Flags()
	method := &cli.Choice{Value: string(sweep.MethodGrid), Valid: cli.Words(sweep.Methods())}
	f.Var(method, "method", method.Usage("how to search, without --from"))
	f.StringVar(&o.name, "name", "", "name of the sweep (default: my-sweep, or from that of the folder)")
	f.StringVar(&o.from, "from", "", "folder of images that the spec is for")
	f.StringVar(&o.to, "to", "", "file for the spec (default: the output; with --from NAME.yaml)")
	f.BoolVar(&o.force, "force", false, "replace files that exist")
	f.Float64Var(&o.hours, "hours", eveningHours, "with --from: time that the sweep may take on this machine")
	cli.Within(f, "hours", &o.hours, cli.AboveZero, mostHours)
	f.BoolVar(&o.unmeasured, "no-measure", false, "with --from: skip the measurement, and guess the steps")
	f.StringVar(&o.features, "features", "", "with --from: network of the metrics: "+sweep.EfficientNetLite0+" (the default for colour images), "+ownFeatures+" (a classifier that init trains), or a file")
	o.backend = cli.BackendFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if o.from != "" {
			if f.Changed("method") {
				return cli.Usagef("init: --method is for a spec without --from: change method in the spec that it writes")
			}
			return fromFolder(cmd.Context(), a, o)
		}
		for _, flag := range []string{"hours", "no-measure", "features"} {
			if f.Changed(flag) {
				return cli.Usagef("init: --%s is for --from FOLDER", flag)
			}
		}
		text, err := specfile.Init(cmp.Or(o.name, "my-sweep"), sweep.Method(method.Value))
		if err != nil {
			return cli.Usagef("init: %v", err)
		}
		if o.to == "" {
			_, err = io.WriteString(a.Out, text)
			return err
		}
		if err := o.free(o.to, "--to"); err != nil {
			return err
		}
		if err := file.Write(o.to, []byte(text), specMode); err != nil {
			return cli.Usagef("init: %v", err)
		}
		return next(a, o.to)
	}
	return cmd
}

const (
	specMode     = 0o644
	eveningHours = 4
	mostHours    = 24 * 365
)

// free returns an error if there is a file already that must stay, or if there can be none.
func (o initOptions) free(path, flag string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if dir, err := os.Stat(filepath.Dir(path)); err != nil || !dir.IsDir() {
			return cli.Usagef("init: there is no folder %s for %s", filepath.Dir(path), path)
		}
	case err != nil:
		return cli.Usagef("init: %v", err)
	case info.IsDir():
		return cli.Usagef("init: %s is a folder (valid: a file for the spec)", path)
	case !o.force:
		return cli.Usagef("init: %s exists (valid: another name by %s, or --force to replace it)", path, flag)
	}
	return nil
}

// next prints what can be done with a spec.
func next(a *cli.App, path string) error {
	arg := shell(path)
	return a.Print("next:", "  tailsweep validate "+arg, "  tailsweep plan "+arg, "  tailsweep run "+arg)
}

// shell writes a path as an argument of a command line.
func shell(path string) string {
	if !strings.ContainsFunc(path, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("/._-+=:,@", r)
	}) {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
