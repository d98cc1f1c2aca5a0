package proposal

import (
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
)

// goals are the metric that the search improves and what it must not make worse.
type goals struct {
	metric     string
	constraint string // "" for none
	why        string // of the metric
	guards     string // what the constraint says
}

// candidates lists goals, the best first. The last ones can be measured on every folder that
// passes Check.
func candidates(alike bool) []goals {
	const (
		fid = "FID, the usual distance between generated and real images."
		kid = "KID, a distance between generated and real images that needs few of them: "
	)
	if alike {
		return []goals{
			{metric: "fid.all", why: fid + " Lower is better."},
			{metric: "kid.all", why: kid + "FID is not possible here (WHY). Lower is better."},
		}
	}
	const tail = " Of the tail: the search is for weights that help the rare classes. Lower is better."
	kidTail := goals{metric: "kid.tail", why: kid + "FID is not possible here (WHY)." + tail}
	with := func(constraint, guards string) goals {
		g := kidTail
		g.constraint, g.guards = constraint, guards
		return g
	}
	return []goals{
		{"fid.tail", "fid.head <= baseline.fid.head * 1.05", fid + tail, "the FID of the head may be 5 % above that of the plain model."},
		with("coverage.head >= baseline.coverage.head * 0.9",
			"the coverage of the head, the share of real images that have a generated one of their class next to them, keeps 90 % of that of the plain model. It has a scale of its own, from 0 to 1, which KID has not."),
		with("label_accuracy.head >= baseline.label_accuracy.head * 0.9",
			"the share of the head's generated images that the classifier takes for their class keeps 90 % of that of the plain model. Coverage needs larger classes."),
		kidTail,
	}
}

// needed is how many samples of each class a metric of a group needs at least.
func (r Request) needed(metric string, groups sweep.ClassGroups) int {
	family, group, _ := strings.Cut(metric, ".")
	taking := 0
	for _, c := range groups.Classes(group) {
		if r.Folder.Images[c] >= leastImages(family) {
			taking++
		}
	}
	if family == sweep.FamilyFID && taking > 0 {
		return (2*r.Features.Dims + taking - 1) / taking
	}
	return leastSamples(family)
}

// leastSamples is how many samples of a class a family's metric needs.
func leastSamples(family string) (n int) {
	const images = 1 << 20 // enough for every family
	for n = 1; !sweep.TakesPart(family, images, n); n++ {
	}
	return n
}
