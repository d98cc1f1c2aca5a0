package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/features"
)

// newFeatures makes `features train`, which made the weights in the repository.
func newFeatures(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "features",
		Short: "The frozen classifier that metrics are taken with",
		Args:  args(0, 0, "a verb: train"),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	train := &cobra.Command{
		Use:   "train --data DIR --size 16|28 -o FILE",
		Short: "Train it on Fashion-MNIST's 60,000 images",
		Args:  args(0, 0, "no arguments"),
	}
	f := train.Flags()
	data := f.String("data", "", "folder with Fashion-MNIST's train-*.idx.gz")
	size := &choice{value: "16", valid: []string{"16", "28"}}
	f.Var(size, "size", "side of the images in pixels")
	path := f.StringP("output", "o", "", "file that the weights are written to")
	name := backendFlag(train)
	train.RunE = func(cmd *cobra.Command, _ []string) error {
		if *data == "" || *path == "" {
			return usagef("features train: --data DIR and -o FILE are both needed")
		}
		side, err := strconv.Atoi(size.value)
		if err != nil {
			return err
		}
		b, err := backend.Open(name.value)
		if err != nil {
			return err
		}
		defer b.Close()
		made, err := features.Train(cmd.Context(), features.TrainOptions{Backend: b, Data: *data, Size: side, Output: *path, Log: a.say})
		if err != nil {
			return err
		}
		return a.print(fmt.Sprintf("%d steps, accuracy %.4f, sha256 %s", made.Steps, made.Accuracy, made.Digest))
	}
	cmd.AddCommand(train)
	return cmd
}
