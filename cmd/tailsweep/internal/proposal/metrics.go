package proposal

import (
	"math"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
)

// goals are the metric that the search improves and what it must not make worse.
type goals struct {
	metric     string
	constraint string // "" for none
	why        string // of the metric
	share      string // the constraint's metric, where it is a share of images that keeps a part of the baseline's
	guards     string // what the constraint says; with share, a format of the part in per cent
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
	with := func(share, guards string) goals {
		g := kidTail
		g.share, g.guards = share, guards
		return g
	}
	return []goals{
		{
			metric: "fid.tail", constraint: "fid.head <= baseline.fid.head * 1.05", why: fid + tail,
			guards: "the FID of the head may be 5 % above that of the plain model.",
		},
		with("coverage.head",
			"the coverage of the head, the share of real images that have a generated one of their class next to them, keeps %.0f %% of that of the plain model. It has a scale of its own, from 0 to 1, which KID has not."),
		with("label_accuracy.head",
			"the share of the head's generated images that the classifier takes for their class keeps %.0f %% of that of the plain model. Coverage needs larger classes."),
		kidTail,
	}
}

const mostFactor = 0.9

// decidable is the largest factor for which a trial as good as the plain model is feasible by
// analysis.Limits four times in five, where a metric is the share of so many images and the baseline has so many
// seeds; 0: none is. It takes the images to be independent and the share to be one half.
func decidable(images, seeds int) float64 {
	const share, least, fourInFive = 0.5, 0.5, 0.8416 // quantile of the normal distribution
	deviation := math.Sqrt(share * (1 - share) / float64(max(1, images)))
	for tenths := 10 * mostFactor; tenths >= 10*least; tenths-- {
		factor := math.Round(tenths) / 10
		if (1-factor)*share >= (analysis.Decisive+fourInFive)*deviation*math.Sqrt(1+factor*factor/float64(seeds)) {
			return factor
		}
	}
	return 0
}

// measured is how many images a share of a group is measured on: of each class at most as
// many as there are samples, since the noise of both counts.
func (r Request) measured(metric string, samples int) (n int) {
	groups, err := sweep.Dataset{Groups: r.Folder.split().groups}.ClassGroups(r.Folder.Classes, r.Folder.Images)
	if err != nil {
		return 0 // the spec has the fault, too
	}
	family, group, _ := strings.Cut(metric, ".")
	for _, c := range groups.Classes(group) {
		if family == sweep.FamilyCoverage {
			if r.Folder.Images[c] >= leastImages(family) {
				n += min(samples, r.Folder.Images[c])
			}
			continue
		}
		n += samples
	}
	return n
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
