package specfile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
)

// checkDataset checks that the fields of a dataset go together.
func (c *checker) checkDataset() {
	d := &c.spec.Dataset
	if !c.valid(&d.Name) {
		return
	}
	info, _ := sweep.LookupDataset(d.Name)
	c.checkSource(d, info)
	c.checkGroups(d, info)
	if c.given(&d.Size) && c.valid(&d.Size) && len(info.Sizes) > 0 && !slices.Contains(info.Sizes, d.Size) {
		c.wrong(&d.Size, fmt.Sprint(d.Size), d.Name+" is not available in this size", strings.Trim(strings.ReplaceAll(fmt.Sprint(info.Sizes), " ", ", "), "[]"))
	}
	im := &d.Imbalance
	switch {
	case !c.valid(im):
	case im.Profile == sweep.ProfileNone:
		if im.Factor != 1 {
			c.wrong(&im.Factor, c.shown(&im.Factor), "profile none has no factor", "1, or no factor")
		}
		if c.given(&im.Order) {
			c.wrong(&im.Order, im.Order, "profile none has no order", "no order")
		}
	case info.PerClass > 0 && slices.Min(sweep.Counts(*im, len(info.Classes), info.PerClass)) < 1:
		c.wrong(&im.Factor, sweep.Number(im.Factor).String(), "leaves the smallest class without images",
			fmt.Sprintf("at least %s", sweep.Number(1/float64(info.PerClass))))
	}
}

// checkGroups checks that the fields of dataset.groups go together, and that a
// published dataset has the classes that they name.
func (c *checker) checkGroups(d *sweep.Dataset, info sweep.DatasetInfo) {
	g := d.Groups
	if g == nil || !c.valid(g) {
		return
	}
	c.onlyFor(sweep.GroupsByShots, &g.By, &g.Many, &g.Few)
	c.onlyFor(sweep.GroupsByNames, &g.By, &g.Head, &g.Medium, &g.Tail)
	switch {
	case !c.valid(g):
	case g.By == sweep.GroupsByShots && g.Few > g.Many:
		c.wrong(&g.Few, fmt.Sprint(g.Few), fmt.Sprintf("is greater than dataset.groups.many = %d, so a class could be both head and tail", g.Many), fmt.Sprintf("at most %d", g.Many))
	case g.By == sweep.GroupsByNames && len(g.Head)+len(g.Medium)+len(g.Tail) == 0:
		c.wrong(g, "", "names no class", "a list of classes as head, medium or tail")
	case info.Classes != nil:
		_, err := d.ClassGroups(info.Classes, make([]int, len(info.Classes)))
		var fault *sweep.FieldError
		if errors.As(err, &fault) {
			c.wrong(path(fault.Field), fault.Value, fault.Message, fault.Valid)
		}
	}
}

// checkSource checks that the spec says where the files are, if the dataset needs it, and
// that no field belongs to another dataset.
func (c *checker) checkSource(d *sweep.Dataset, info sweep.DatasetInfo) {
	for _, where := range []*string{&d.Path, &d.Reference} {
		if !c.given(where) || !c.valid(where) || !sweep.Remote(*where) {
			continue
		}
		if err := sweep.CheckURL(*where); err != nil {
			c.wrong(where, *where, err.Error(), "a folder, or an s3:// or https:// URL without user and query")
		}
	}
	if info.BuiltIn && c.given(&d.Path) {
		c.wrong(&d.Path, d.Path, d.Name+" is built in and has no path", sweep.FashionMNIST+" reads files from path")
	}
	if d.Name == sweep.ImageFolder {
		if !c.given(&d.Path) {
			c.wrong(d, "", sweep.ImageFolder+" needs dataset.path", "the folder with a folder of images for each class, or an s3:// or https:// URL")
		}
		if !c.given(&d.FolderClasses) {
			c.wrong(d, "", sweep.ImageFolder+" needs dataset.classes", "the number of its classes, which `tailsweep data inspect FOLDER` prints")
		}
	}
	c.onlyFor(sweep.ImageFolder, &d.Name, &d.SplitFile, &d.Reference, &d.FolderClasses, &d.FolderChannels, &d.Background, &d.SkipUnreadable, &d.FollowLinks)
}
