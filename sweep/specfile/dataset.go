package specfile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
)

// checkDataset tells what of a dataset does not go together.
func (c *conformer) checkDataset(s *sweep.Spec) {
	info, ok := sweep.LookupDataset(s.Dataset.Name)
	if !ok || !c.sound("dataset.name") {
		return
	}
	c.checkSource(s.Dataset, info)
	c.checkSize(s.Dataset, info)
	if !c.sound("dataset.imbalance") {
		return
	}
	im := s.Dataset.Imbalance
	const field = "dataset.imbalance.factor"
	if im.Profile == sweep.ProfileNone {
		if im.Factor != 1 {
			c.fault(field, c.nodes[field].shown(), "profile none has no factor", "1, or none")
		}
		if im.Order != "" {
			c.fault("dataset.imbalance.order", im.Order, "profile none has no order", "order: natural")
		}
		return
	}
	if info.PerClass == 0 {
		return
	}
	if slices.Min(sweep.Counts(im, info.Classes, info.PerClass)) < 1 {
		c.fault(field, sweep.Number(im.Factor).String(), "leaves the smallest class without images",
			fmt.Sprintf("at least %s", sweep.Number(1/float64(info.PerClass))))
	}
}

// checkSource tells where the files are missing, wanted elsewhere or not wanted.
func (c *conformer) checkSource(d sweep.Dataset, info sweep.DatasetInfo) {
	for field, path := range map[string]string{"dataset.path": d.Path, "dataset.reference": d.Reference} {
		if !c.given(field) || !c.sound(field) || !sweep.Remote(path) {
			continue
		}
		if err := sweep.CheckURL(path); err != nil {
			c.fault(field, path, err.Error(), "a folder, or an s3:// or https:// URL without user and query")
		}
	}
	if info.BuiltIn && c.given("dataset.path") {
		c.fault("dataset.path", d.Path, d.Name+" is built in and has no path", sweep.FashionMNIST+" reads files from path")
	}
	if d.Name == sweep.ImageFolder {
		if !c.given("dataset.path") {
			c.fault("dataset", "", sweep.ImageFolder+" needs dataset.path", "the folder with a folder of images for each class, or an s3:// or https:// URL")
		}
		if !c.given("dataset.classes") {
			c.fault("dataset", "", sweep.ImageFolder+" needs dataset.classes", "the number of its classes, which `tailsweep data inspect` tells")
		}
		return
	}
	for _, field := range []string{"dataset.split", "dataset.reference", "dataset.classes", "dataset.channels", "dataset.background"} {
		if c.given(field) && c.sound(field) {
			c.fault(field, c.nodes[field].shown(), "belongs to "+sweep.ImageFolder+", and this is "+d.Name, "name: "+sweep.ImageFolder)
		}
	}
}

func (c *conformer) checkSize(d sweep.Dataset, info sweep.DatasetInfo) {
	if len(info.Sizes) == 0 || !c.given("dataset.size") || !c.sound("dataset.size") || slices.Contains(info.Sizes, d.Size) {
		return
	}
	c.fault("dataset.size", fmt.Sprint(d.Size), d.Name+" does not come in this size", strings.Trim(strings.ReplaceAll(fmt.Sprint(info.Sizes), " ", ", "), "[]"))
}
