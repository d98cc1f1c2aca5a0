package machine

import (
	"errors"
	"fmt"
	"image/png"
	"os"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/specfile"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/precheck"
)

// sheetColumns is the number of images of each class in the picture.
const sheetColumns = 10

// Inspected is the output of `tailsweep data inspect -o json`.
type Inspected struct {
	Name     string            `json:"name"`
	Path     string            `json:"path,omitempty"` // on this machine
	Size     int               `json:"size"`           // side in pixels
	Channels int               `json:"channels"`
	Images   int               `json:"images"` // trained on
	Digest   string            `json:"digest"` // as in the manifest of a checkpoint
	Min      float64           `json:"min"`    // of all pixels, black is -1, white 1
	Max      float64           `json:"max"`
	Mean     float64           `json:"mean"`
	Classes  []InspectedClass  `json:"classes"`  // in class order
	LeftOut  []dataset.LeftOut `json:"left_out"` // files of an image folder that are not used
}

// InspectedClass is a class of the dataset.
type InspectedClass struct {
	Name      string `json:"name"`
	Group     string `json:"group"`
	Available int    `json:"available"` // images before the long-tailed split
	Images    int    `json:"images"`    // trained on
}

func newDataInspect(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "inspect SPEC|NAME|FOLDER",
		Short: "Show a dataset: images of each class and group, digest, a picture",
		Long: `inspect reads a dataset as a training does: the dataset of a spec with its long-tailed
split, a dataset by name with all its images, or a folder of images. It is downloaded
first where that is needed. Images that cannot be read are listed together.

A spec may be unfinished: its faults outside of dataset are warnings. Where it has none,
inspect also checks that its trials can be evaluated: the networks and the reference
images exist, with enough real images.

The exit code is 0 if the images could be read, and 2 for a fault in dataset: one of its
fields, an image, the reference, or too few real images for a metric.`,
		Example: `  tailsweep data inspect my.yaml --picture sheet.png
  tailsweep data inspect cifar-10
  tailsweep data inspect photos/ -o json`,
		Args: cli.Args(1, 1, "one spec, dataset or folder"),
	}
	output := cli.OutputFlag(cmd)
	picture := cli.PNGFlag(cmd.Flags(), "picture", "", "write a PNG of a few images of each class")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		given, err := datasetOf(a, args[0])
		if err != nil {
			return err
		}
		warn(a, given.others)
		d := given.dataset
		if err := a.Download(cmd.Context(), d); err != nil {
			return err
		}
		own := d
		own.Reference = "" // which is checked after the images are shown
		if err := a.Loader(cmd.Context()).Check(own); err != nil {
			return cli.AsBadInput(err)
		}
		set, err := a.Load(cmd.Context(), d)
		if err != nil {
			return err
		}
		if *picture != "" {
			if err := writeSheet(*picture, set); err != nil {
				return err
			}
		}
		i, err := inspect(d, set)
		if err != nil {
			return err
		}
		if err := a.PrintAs(output, i, inspectedText(a, i)...); err != nil {
			return err
		}
		if err := a.Loader(cmd.Context()).Check(d); err != nil {
			return cli.AsBadInput(err)
		}
		return given.check(a, set.About)
	}
	return cmd
}

// given is the dataset that an argument names, and its spec.
type given struct {
	dataset sweep.Dataset
	spec    *sweep.Spec     // nil: a dataset without a spec
	path    string          // of the spec's file
	text    []byte          // of the spec
	others  specfile.Faults // of the spec, outside of dataset
}

// datasetOf returns the dataset that an argument names. A spec may have faults outside of
// dataset.
func datasetOf(a *cli.App, argument string) (given, error) {
	d := sweep.Dataset{Name: argument, Size: sweep.DefaultSize, Imbalance: sweep.Imbalance{Profile: sweep.ProfileNone, Factor: 1}}
	info, known := sweep.LookupDataset(argument)
	if len(info.Sizes) > 0 {
		d.Size = info.Sizes[0]
	}
	if known && argument != sweep.ImageFolder {
		return given{dataset: d}, nil
	}
	if stat, err := os.Stat(argument); err == nil && stat.IsDir() {
		d.Name, d.Path, d.FolderChannels = sweep.ImageFolder, argument, 3
		return given{dataset: d}, nil
	}
	spec, text, faults, err := a.ReadDraft(argument)
	if errors.Is(err, os.ErrNotExist) {
		return given{}, cli.Usagef("%q is neither a folder nor a spec file (valid: a folder, a spec, or one of %s)", argument, strings.Join(datasetNames(), ", "))
	}
	if err != nil {
		return given{}, err
	}
	own, others := faults.Split("dataset")
	if len(own) > 0 {
		return given{}, faults
	}
	if !spec.HasDataset() {
		return given{}, cli.Usagef("%s has no dataset: its program brings its own data (valid: a folder, a spec with dataset, or one of %s)", argument, strings.Join(datasetNames(), ", "))
	}
	return given{dataset: spec.Dataset, spec: spec, path: argument, text: text, others: others}, nil
}

// check checks the reference images and, for a spec without faults, that its trials can be
// evaluated. about is what they train on. Faults outside of dataset are printed as warnings.
func (g given) check(a *cli.App, about dataset.About) error {
	if g.spec == nil || len(g.others) > 0 {
		_, err := dataset.DescribeBalanced(g.dataset)
		return cli.AsBadInput(err)
	}
	found, err := precheck.Faults(g.spec, sweep.Assignment{}, about)
	if field, ok := errors.AsType[*sweep.FieldError](err); ok {
		found, err = append(found, *field), nil
	}
	if err != nil {
		return cli.AsBadInput(err)
	}
	var faults specfile.Faults
	for _, f := range found {
		faults = append(faults, specfile.Located(cli.SpecName(g.path), g.text, f))
	}
	own, others := faults.Split("dataset")
	warn(a, others)
	if len(own) > 0 {
		return own
	}
	return nil
}

func warn(a *cli.App, faults specfile.Faults) {
	for _, f := range faults {
		a.Log("warning: %s", f.Error())
	}
}

func inspect(d sweep.Dataset, set *dataset.Set) (Inspected, error) {
	local, err := dataset.Local(d)
	if err != nil {
		return Inspected{}, err
	}
	i := Inspected{
		Name: set.Name, Path: local.Path, Size: set.Size, Channels: set.Channels, Images: set.Len(), Min: 1, Max: -1,
		LeftOut: append([]dataset.LeftOut{}, set.LeftOut...), // JSON is always an array
	}
	if i.Digest, err = set.Digest(); err != nil {
		return Inspected{}, err
	}
	values := 0
	for k := range set.Len() {
		image, err := set.Image(k)
		if err != nil {
			return Inspected{}, err
		}
		i.Min, i.Max = min(i.Min, float64(slices.Min(image))), max(i.Max, float64(slices.Max(image)))
		for _, v := range image {
			i.Mean += float64(v)
		}
		values += len(image)
	}
	i.Mean /= float64(values)
	for class, name := range set.Classes {
		i.Classes = append(i.Classes, InspectedClass{Name: name, Group: set.Groups.Of(class), Available: set.Available[class], Images: set.Counts[class]})
	}
	return i, nil
}

func inspectedText(a *cli.App, i Inspected) []string {
	lines := []string{
		fmt.Sprintf("%s: %d images of %d classes, %s", console.Printable(i.Name), i.Images, len(i.Classes), imageKind(i.Size, i.Channels)),
		fmt.Sprintf("pixels  %.3g to %.3g, mean %.3f (black is -1, white 1)", i.Min, i.Max, i.Mean),
	}
	if i.Path != "" {
		lines = append(lines, "from    "+console.Printable(i.Path))
	}
	lines = append(lines, "sha256  "+i.Digest)
	groups := map[string][]InspectedClass{}
	for _, c := range i.Classes {
		groups[c.Group] = append(groups[c.Group], c)
	}
	for _, group := range sweep.GroupList() {
		images := 0
		for _, c := range groups[group] {
			images += c.Images
		}
		if len(groups[group]) > 0 {
			lines = append(lines, fmt.Sprintf("%-7s %s, %s", group, english.Plural(len(groups[group]), "class", "classes"), english.Plural(images, "image", "images")))
		}
	}
	for _, left := range i.LeftOut {
		lines = append(lines, console.Printable(left.String()))
	}
	t := console.NewTable(">CLASS", "NAME", "GROUP", ">IMAGES", ">OF")
	for class, c := range i.Classes {
		t.Row(fmt.Sprint(class), c.Name, c.Group, fmt.Sprint(c.Images), fmt.Sprint(c.Available))
	}
	return append(lines, a.Lines(t)...)
}

func writeSheet(path string, set *dataset.Set) (err error) {
	sheet, err := set.Sheet(sheetColumns)
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return cli.Usagef("data inspect: --picture: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return png.Encode(f, sheet)
}
