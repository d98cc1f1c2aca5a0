package results

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/evaluate"
	"github.com/tailsweep/tailsweep/trainer/generate"
)

// CAS is the verb cas: it measures what generated images are worth to a classifier.
func CAS(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cas DIR",
		Short: "Measure what generated images are worth to a classifier",
		Long: `cas trains classifiers on the training images, with and without the generated images of a
folder that generate made, and prints their accuracy on real images that were not trained
on, by group of classes; each class counts the same. Each pair of classifiers has the same
seed. The interval is of 95 %, over the seeds. Of fashion-mnist these are the 10,000 test
images, since the built-in classifier, which the gate label uses, has seen all others.`,
		Args: cli.Args(1, 1, "one folder that generate made"),
	}
	output := cli.OutputFlag(cmd)
	f := cmd.Flags()
	seeds := cli.Within(f, "seeds", f.Int("seeds", 5, "classifiers of either kind"), 1, 1000)
	heldOut := f.String("held-out", "", "folder of real images that were not trained on, a folder for each class (default: the dataset's images that were not; of fashion-mnist its test images)")
	name := cli.BackendFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		if _, err := generate.ReadSettings(args[0]); err != nil {
			if err := cli.CheckModel("cas", args[0]); err != nil {
				return err
			}
			return cli.AsBadInput(err)
		}
		b, err := backend.Open(name.Value)
		if err != nil {
			return err
		}
		defer b.Close()
		a.Log("%s on %s", b.Choice, b.Device)
		began, last := time.Now(), time.Now()
		c, err := generate.Compare(ctx, generate.CASOptions{
			Backend: b, Dir: args[0], Seeds: *seeds, Steps: evaluate.CASSteps, Log: a.Log,
			Real: func(d sweep.Dataset) (generate.Real, error) {
				if *heldOut == "" {
					return realImages(ctx, a, d, dataset.Loader.Unseen)
				}
				return heldOutImages(ctx, a, d, *heldOut)
			},
			Progress: func(done, all int) {
				if time.Since(last) > 5*time.Second && done < all {
					last = time.Now()
					a.Log("trained %d of %d classifiers, about %s left", done, all, text.Duration(time.Since(began)*time.Duration(all-done)/time.Duration(done)))
				}
			},
		})
		if err != nil {
			return cli.AsBadInput(err)
		}
		return a.PrintAs(output, c, casText(c)...)
	}
	return cmd
}

// heldOutImages reads the training images of d, and the real images of another folder.
func heldOutImages(ctx context.Context, a *cli.App, d sweep.Dataset, dir string) (r generate.Real, err error) {
	if r.Training, err = a.Load(ctx, d); err != nil {
		return r, err
	}
	other := sweep.Dataset{
		Name: sweep.ImageFolder, Path: dir, FolderChannels: d.Channels(), Background: d.Background, Size: d.Size,
		Imbalance: sweep.Imbalance{Profile: sweep.ProfileNone, Factor: 1},
	}
	if r.Balanced, err = a.Load(ctx, other); err != nil {
		return r, err
	}
	labels := slices.Clone(r.Balanced.Labels) // of the folder's classes, which are in another order, or fewer
	for class, name := range r.Balanced.Classes {
		own := slices.Index(r.Training.Classes, name)
		if own < 0 {
			return r, cli.Usagef("cas: --held-out %s: %q is not a class of the model (valid: folders named as the classes: %s)", dir, name, text.List(r.Training.Classes, shownClasses))
		}
		for i, label := range r.Balanced.Labels {
			if label == class {
				labels[i] = own
			}
		}
	}
	r.Balanced.Labels, r.Balanced.Classes = labels, r.Training.Classes
	return r, nil
}

// casText formats a comparison.
func casText(c generate.CAS) []string {
	t := console.NewTable("GROUP", ">CLASSES", ">IMAGES", ">WITHOUT", ">WITH", ">GAIN", "95 % INTERVAL")
	for _, g := range c.Groups {
		interval := ""
		if g.Gain.Low != nil {
			interval = fmt.Sprintf("%+.4f to %+.4f", *g.Gain.Low, *g.Gain.High)
		}
		t.Row(g.Group, fmt.Sprint(g.Classes), fmt.Sprint(g.HeldOut), fmt.Sprintf("%.4f", g.Without.Mean), fmt.Sprintf("%.4f", g.With.Mean), fmt.Sprintf("%+.4f", g.Gain.Mean), interval)
	}
	lines := append(t.Plain(), fmt.Sprintf("accuracy on %d held-out real images of classifiers trained on %d real images, and with %d generated ones of %s; %d seeds",
		c.HeldOut, c.Training, c.Generated, filepath.Clean(c.Dir), c.Seeds))
	lines = append(lines, "the interval is over the seeds alone: other held-out images would give other values, the more so the fewer IMAGES a group has")
	if c.LabelGate != "" {
		lines = append(lines, "the gate label chose the images, so a part of the gain comes from the images that its classifier was trained on: "+c.LabelGate)
	}
	if len(c.Untested) > 0 {
		lines = append(lines, "no held-out images, so not counted: "+strings.Join(c.Untested, ", "))
	}
	return lines
}
