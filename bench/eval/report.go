package main

import (
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/bench/measure"
)

// report writes docs/benchmarks/eval.md.
func report(rows []row, python string) string {
	var b strings.Builder
	printf := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format, args...) } // a strings.Builder takes everything
	printf(`# How right and how fast the metrics are

Written by %[1]smake bench-eval%[1]s; do not edit. %[2]s, Go %[3]s, %[4]d cores, %[5]s.

The same made-up features (eight common factors and noise) go to package trainer/distance and to the reference implementations, in turn, on the same machine: clean-fid 0.1.35
(fid-clean, kid), pytorch-fid 0.3.0 (fid-pytorch) and prdc 0.2, with %[6]s. The references get float64; KID takes the same subsets in both. Each runs several times, and the run with the least
processor time counts. Shape is real x generated, features. Ours takes precision, recall, density and coverage in one pass, and each row of them has the time of all four; the
reference's row has one call.

**Seconds** are wall clock on this machine, whatever else it did; **CPU** is processor time, summed over cores; **ratio** is theirs over ours in CPU and, in brackets, in wall clock. **Memory** is that beyond the
features: ours all that was allocated on the way, theirs by how much the process grew.

A Fréchet distance is products of float64 matrices on both sides, and they are near what the processor can do: on two cores of an AMD EPYC (2026-11-27, one thread) OpenBLAS reached 31
GFLOP/s with 64 columns and 49 with 1,024, ours 42. With one thread each (OPENBLAS_NUM_THREADS=1, GOMAXPROCS=1) ours took a half to two thirds of the reference's time with 64 features,
three quarters with 1,024; with more, the reference's processor time has what OpenBLAS's threads spend on waiting. Five times as fast is out of reach there.

Intervals are cheap. Processor time of all metrics of ten classes with 1,000 real images each and 64 features, without and with the standard errors (2026-11-30, one thread, on a busy machine; go test ./trainer/evaluate -run XXX -bench Intervals):
0.45 and 0.50 s with 50 samples of each class, 0.59 and 0.79 s with 200, 1.9 and 4.0 s with 1,000, where the nearest neighbours of 20 blocks are most of it. To draw as many samples with the faster model of train.md on xla:cpu takes 94, 376 and 1,880 s: the
intervals cost about 0.1 %% of an evaluation, and less on backend go.

| measure | shape | value | difference | ours, s (CPU) | reference, s (CPU) | ratio | ours, MB | reference, MB |
|---|---|---:|---:|---:|---:|---:|---:|---:|
`, "`", time.Now().UTC().Format("2006-01-02"), strings.TrimPrefix(runtime.Version(), "go"), runtime.NumCPU(), measure.Processor(), versions(python))
	least := 0.0
	worst := 0.0
	for _, r := range rows {
		var values []string
		for _, name := range r.names {
			values = append(values, fmt.Sprintf("%.6g", r.ours[name]))
		}
		ratio := r.their.processor / r.our.processor
		if least == 0 || ratio < least {
			least = ratio
		}
		worst = max(worst, r.difference())
		printf("| %s | %s | %s | %.1g | %.3g (%.3g) | %.3g (%.3g) | %.1f (%.1f) | %.1f | %.1f |\n", r.measure, r.shape, strings.Join(values, ", "), r.difference(),
			r.our.wall, r.our.processor, r.their.wall, r.their.processor, ratio, r.their.wall/r.our.wall,
			float64(r.our.bytes)/1e6, float64(r.their.bytes)/1e6)
	}
	printf("\n## Goals\n\n| goal | measured | |\n|---|---|---|\n")
	printf("| values within 1e-6 of the references | %.1g | %s |\n", worst, measure.Met(worst <= tolerance))
	printf("| five times as fast, in processor time, everywhere | %.1f times at least | %s |\n", least, measure.Met(least >= 5))
	return b.String()
}

// versions are those of the Python side.
func versions(python string) string {
	out, err := exec.Command(python, "-c", "import platform, numpy, scipy, sklearn; print('Python', platform.python_version()+', NumPy', numpy.__version__+', SciPy', scipy.__version__+', scikit-learn', sklearn.__version__)").Output()
	if err != nil {
		return "unknown versions"
	}
	return strings.TrimSpace(string(out))
}
