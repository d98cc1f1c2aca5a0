package main

import (
	"cmp"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/bench/measure"
)

// report is what docs/benchmarks/features.md says.
type report struct {
	backend string
	size    int
	rows    []row
	times   []timing
}

func (r report) String() string {
	var b strings.Builder
	printf := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format, args...) } // a strings.Builder takes everything
	printf(`# What features of small colour images are worth

Written by %[1]smake bench-features%[1]s; do not edit. %[2]s, Go %[3]s, backend %[4]s, %[5]d cores, %[6]s. Images of %[7]dx%[7]d pixels.

The sets are folders of colour images with unequal classes, none of which efficientnet-lite0 was trained on: icons, the icon theme Oxygen (Debian's oxygen-icon-theme); stamps, photos and drawings of
animals, food and the like (Debian's tuxpaint-stamps-default); emoji, Google's emoji (npm's emoji-datasource-google). A classifier is the one that %[1]sfeatures train%[1]s makes, of this set or of another one.

**Accuracy** is that of the 5 nearest neighbours of the second half of the images among the first half, mean over classes. A classifier of this set was trained on the first half for it; elsewhere, on both halves.

**Degradations.** The second half of the images is degraded and compared with the first half, each class with the same weight, as an evaluation does. A cell has, for rising degradation, how far
the distance is above that of two real halves, in standard deviations of that distance (over %[8]d random halvings): below 3 the distance does not see the degradation. In bold: it does not rise with it.
Blur is a Gaussian of 0.5, 1 and 2 pixels; noise has 5, 10 and 20 %% of the range; colour moves red up and blue down by 5, 10 and 20 %%; in collapse 10, 30 and 90 %% of the images of each class are from the
first class; memorised repeats 1/2, 1/8 and 1/32 of the images.
`, "`", time.Now().UTC().Format("2006-01-02"), strings.TrimPrefix(runtime.Version(), "go"), r.backend, runtime.NumCPU(), measure.Processor(), r.size, splits)
	for i, row := range r.rows {
		if i == 0 || row.set != r.rows[i-1].set {
			printf("\n## %s: %d images, %d classes\n\n| features | length | accuracy | distance |", row.set, row.images, row.classes)
			for _, d := range degradations() {
				printf(" %s |", d.name)
			}
			printf("\n|---|---:|---:|---|%s\n", strings.Repeat("---:|", len(degradations())))
		}
		printf("| %s | %d | %.3f | KID |%s\n", row.network, row.dims, row.accuracy, row.kid.cells())
		if !math.IsNaN(row.fid.floor) {
			printf("| %s | %d | | FID |%s\n", row.network, row.dims, row.fid.cells())
		}
	}
	printf("\n## Time\n\nSeconds for 1,000 images, on this machine and whatever else it did; CPU is processor time, summed over cores.\n\n| features | backend | s (CPU) |\n|---|---|---:|\n")
	for _, t := range r.times {
		printf("| %s | %s | %.3g (%.3g) |\n", t.network, t.backend, t.wall, t.processor)
	}
	return b.String()
}

// cells has a cell for each degradation.
func (o orders) cells() string {
	var b strings.Builder
	for _, distances := range o.degraded {
		levels := make([]string, len(distances))
		for i, d := range distances {
			levels[i] = fmt.Sprintf("%.2g", (d-o.floor)/o.noise)
			if above := (d - o.floor) / o.noise; math.Abs(above) >= 100 {
				levels[i] = fmt.Sprintf("%.0f", above)
			}
		}
		text := strings.Join(levels, ", ")
		if !slices.IsSortedFunc(distances, cmp.Compare[float64]) {
			text = "**" + text + "**"
		}
		b.WriteString(" " + text + " |")
	}
	return b.String()
}
