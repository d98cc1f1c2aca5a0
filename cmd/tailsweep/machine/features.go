package machine

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/features"
)

const maxEpochs = 10000

// accuracyWarning is the warning about a classifier with low accuracy; "" for a good one.
func accuracyWarning(made features.Trained, epochs int) string {
	const enough = 0.7
	if made.Accuracy >= enough {
		return ""
	}
	return fmt.Sprintf("warning: accuracy %.2f on held-out images is below %.1f: metrics based on it are unreliable; "+
		"use more images, or --epochs above %d", made.Accuracy, enough, epochs)
}

// Features is the verb features. `features train` made the weights in the repository.
func Features(a *cli.App) *cobra.Command {
	train := &cobra.Command{
		Use:   "train --data DIR --to FILE",
		Short: "Train a classifier on a dataset's balanced images",
		Long: `train trains the classifier of a dataset, a file for evaluate.features.path. Its accuracy
is measured on held-out images: the 10,000 test images of Fashion-MNIST, every tenth
image of other datasets. For fashion-mnist the result is the built-in classifier.`,
		Args: cli.Args(0, 0, "no arguments"),
	}
	f := train.Flags()
	data := f.String("data", "", "folder of the dataset's files, as dataset.path in a spec (default: where data pull puts them)")
	set := &cli.Choice{Value: sweep.FashionMNIST, Valid: datasetNames()}
	f.Var(set, "dataset", set.Usage("name of the dataset, as dataset.name in a spec"))
	size := f.Int("size", 16, "side of the images in pixels")
	classes := f.Int("classes", 0, "number of classes of an image folder, as dataset.classes in a spec")
	channels := f.Int("channels", 3, "3 for RGB, 1 for grey, of an image folder, as dataset.channels in a spec")
	path := f.String("to", "", "file for the weights")
	epochs := cli.Within(f, "epochs", f.Int("epochs", features.DefaultEpochs, "passes over the images (at least 400 steps in total)"), 1, maxEpochs)
	name := cli.BackendFlag(train)
	train.RunE = func(cmd *cobra.Command, _ []string) error {
		info, _ := sweep.LookupDataset(set.Value)
		switch {
		case *path == "":
			return cli.Usagef("features train: --to FILE is missing (valid: the file for the weights)")
		case len(info.Sizes) > 0 && !slices.Contains(info.Sizes, *size):
			return cli.Usagef("features train: --size is %d (valid: %v)", *size, info.Sizes)
		case info.Name == sweep.ImageFolder && (*data == "" || *classes < 2 || *channels != 1 && *channels != 3):
			return cli.Usagef("features train: an image folder needs --data, --classes and --channels 1 or 3")
		}
		d := sweep.Dataset{Name: set.Value, Path: *data, Size: *size}
		if info.Name == sweep.ImageFolder {
			d.FolderClasses, d.FolderChannels = *classes, *channels
		}
		b, err := backend.Open(name.Value)
		if err != nil {
			return err
		}
		defer b.Close()
		made, err := features.Train(cmd.Context(), features.TrainOptions{
			Backend: b, Dataset: d, Epochs: *epochs, Output: *path, Log: a.Log,
		})
		if err != nil {
			return cli.AsBadInput(err)
		}
		if text := accuracyWarning(made, *epochs); text != "" {
			a.Log("%s", text)
		}
		return a.Print(fmt.Sprintf("%d steps, accuracy %.4f on %d images, sha256 %s", made.Steps, made.Accuracy, made.Tested, made.Digest))
	}
	return cli.Group("features", "Train the feature extractor of the metrics", train)
}
