package specfile

import (
	"errors"
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
	c.checkGroups(s.Dataset, info)
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
	if slices.Min(sweep.Counts(im, len(info.Classes), info.PerClass)) < 1 {
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

// checkGroups refuses fields of dataset.groups that do not go together, and names that
// a published set does not have.
func (c *conformer) checkGroups(d sweep.Dataset, info sweep.DatasetInfo) {
	g := d.Groups
	if g == nil || !c.sound("dataset.groups") {
		return
	}
	for field, by := range map[string]string{
		"many": sweep.GroupsByShots, "few": sweep.GroupsByShots,
		"head": sweep.GroupsByNames, "medium": sweep.GroupsByNames, "tail": sweep.GroupsByNames,
	} {
		if path := "dataset.groups." + field; c.given(path) && g.By != by {
			c.fault(path, c.nodes[path].shown(), "belongs to by: "+by+", and this is by: "+g.By, "by: "+by)
		}
	}
	switch {
	case !c.sound("dataset.groups"):
	case g.By == sweep.GroupsByShots && g.Few > g.Many:
		c.fault("dataset.groups.few", fmt.Sprint(g.Few), fmt.Sprintf("is more than many = %d: a class would be head and tail", g.Many), fmt.Sprintf("at most %d", g.Many))
	case g.By == sweep.GroupsByNames && len(g.Head)+len(g.Medium)+len(g.Tail) == 0:
		c.fault("dataset.groups", "", "names no class", "a list of classes as head, medium or tail")
	case info.Classes != nil:
		_, err := d.ClassGroups(info.Classes, make([]int, len(info.Classes)))
		var fault *sweep.FieldError
		if errors.As(err, &fault) {
			c.fault(fault.Field, fault.Value, fault.Message, fault.Valid)
		}
	}
}
