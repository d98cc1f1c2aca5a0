package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/tailsweep/tailsweep/bench/measure"
	"github.com/tailsweep/tailsweep/trainer/distance"
)

// tolerance is the largest accepted relative difference from the reference.
const tolerance = 1e-6

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "eval:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("eval", flag.ContinueOnError)
	python := flags.String("python", "bench/eval/.venv/bin/python", "Python with peers/requirements.txt and requirements-source.txt")
	document := flags.String("report", "", "file to write the report to: docs/benchmarks/eval.md")
	repeats := flags.Int("repeats", 3, "runs of each, of which the fastest counts")
	large := flags.Bool("large", false, "everything also on 2,048 features, as of Inception-v3: an hour")
	if err := flags.Parse(args); err != nil {
		return err
	}
	shapes := []shape{{1000, 1000, 64}, {3000, 2000, 64}, {10000, 10000, 64}, {2500, 2500, 1024}}
	if *large {
		shapes = append(shapes, shape{5000, 5000, 2048})
	}
	var rows []row
	for _, s := range shapes {
		some, err := compare(*python, s, *repeats, s.D <= 64 || *large)
		if err != nil {
			return err
		}
		rows = append(rows, some...)
	}
	wrong := measure.Publish(report(rows, *python), *document)
	for _, r := range rows {
		if !(r.difference() <= tolerance) {
			wrong = errors.Join(wrong, fmt.Errorf("%s of %s differs by %.2g of the reference", r.measure, r.shape, r.difference()))
		}
	}
	return wrong
}

// shape is the size of a comparison.
type shape struct{ N, M, D int }

func (s shape) String() string { return fmt.Sprintf("%d x %d, %d", s.N, s.M, s.D) }

// cost is the time and memory of one run.
type cost struct {
	wall, processor float64 // seconds
	bytes           int64   // in addition to the features
}

// row is one measure of one shape.
type row struct {
	measure      string
	shape        shape
	names        []string
	ours, theirs map[string]float64
	our, their   cost
}

// difference is the largest relative difference of a value.
func (r row) difference() float64 {
	worst := 0.0
	for _, name := range r.names {
		a, ok := r.theirs[name]
		if !ok {
			return math.Inf(1)
		}
		worst = math.Max(worst, math.Abs(r.ours[name]-a)/math.Max(math.Abs(a), 1e-300))
	}
	return worst
}

// features returns rows that have eight common factors, so that neighbourhoods are
// meaningful. The second set has a smaller variance and a shifted mean.
func features(seed uint64, n, d int, scale, shift float64) []float32 {
	const factors = 8
	mix := rand.New(rand.NewPCG(1, uint64(d)))
	loads := make([]float64, factors*d)
	for i := range loads {
		loads[i] = mix.NormFloat64()
	}
	r := rand.New(rand.NewPCG(seed, 2))
	out := make([]float32, 0, n*d)
	for range n {
		var z [factors]float64
		for f := range z {
			z[f] = scale*r.NormFloat64() + shift
		}
		for k := range d {
			v := 0.2 * r.NormFloat64()
			for f, at := range z {
				v += at * loads[f*d+k] / math.Sqrt(factors)
			}
			out = append(out, float32(v))
		}
	}
	return out
}

// subset is a draw of equally many rows of each side, as clean-fid takes the KID of.
type subset struct{ X, Y []int }

// draw draws subsets of at most so many rows, without replacement within one.
func draw(s shape, count, most int) []subset {
	r := rand.New(rand.NewPCG(1, 0x6b6964))
	size := min(s.N, s.M, most)
	all := make([]subset, count)
	for i := range all {
		all[i] = subset{X: r.Perm(s.N)[:size], Y: r.Perm(s.M)[:size]}
	}
	return all
}

// rows copies rows of features `[N, D]`.
func rows(features []float32, d int, indices []int) []float32 {
	out := make([]float32, 0, len(indices)*d)
	for _, i := range indices {
		out = append(out, features[i*d:(i+1)*d]...)
	}
	return out
}

// task is a measure: its name in our code, and its name in reference.py.
type task struct {
	name, peer string
	names      []string
	run        func() (map[string]float64, error)
}

// compare measures everything, or the Fréchet distance alone.
func compare(python string, s shape, repeats int, everything bool) ([]row, error) {
	x, y := features(11, s.N, s.D, 1, 0), features(12, s.M, s.D, 0.9, 0.05)
	subsets := draw(s, 100, 1000)
	dir, err := os.MkdirTemp("", "tailsweep-eval-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	if err := write(dir, s, x, y, subsets); err != nil {
		return nil, err
	}
	fid := func() (map[string]float64, error) {
		a, err := distance.NewMoments(distance.NewSet(x, s.D, nil))
		if err != nil {
			return nil, err
		}
		b, err := distance.NewMoments(distance.NewSet(y, s.D, nil))
		if err != nil {
			return nil, err
		}
		value, err := distance.Frechet(a, b)
		return map[string]float64{"fid": value}, err
	}
	manifolds := func() (map[string]float64, error) {
		m, err := distance.Manifolds(x, y, s.D, 3, 5)
		return map[string]float64{"precision": m.Precision, "recall": m.Recall, "density": m.Density, "coverage": m.Coverage}, err
	}
	tasks := []task{
		{"fid", "fid-clean", []string{"fid"}, fid},
		{"fid", "fid-pytorch", []string{"fid"}, fid},
		{"kid, 100 subsets", "kid", []string{"kid"}, func() (map[string]float64, error) {
			var mean float64
			for _, one := range subsets {
				value, _, err := distance.Kernel(distance.NewSet(rows(x, s.D, one.X), s.D, nil), distance.NewSet(rows(y, s.D, one.Y), s.D, nil))
				if err != nil {
					return nil, err
				}
				mean += value / float64(len(subsets))
			}
			return map[string]float64{"kid": mean}, nil
		}},
		// Ours takes both in one go; the reference is called once for each k.
		{"precision, recall (k = 3)", "prdc3", []string{"precision", "recall"}, manifolds},
		{"density, coverage (k = 5)", "prdc5", []string{"density", "coverage"}, manifolds},
	}
	if !everything {
		tasks = tasks[:2]
	}
	var rows []row
	for _, t := range tasks {
		r := row{measure: t.name + ", " + t.peer, shape: s, names: t.names}
		if r.ours, r.our, err = best(t.run, repeats); err != nil {
			return nil, err
		}
		if r.theirs, r.their, err = ask(python, dir, t.peer, repeats); err != nil {
			return nil, err
		}
		fmt.Fprintf(os.Stderr, "%s, %s\n", r.measure, s)
		rows = append(rows, r)
	}
	return rows, nil
}

// best is the fastest of several runs, by processor time.
func best(run func() (map[string]float64, error), repeats int) (values map[string]float64, least cost, err error) {
	for i := range repeats {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start, used := time.Now(), measure.ProcessorSeconds()
		if values, err = run(); err != nil {
			return nil, cost{}, err
		}
		c := cost{wall: time.Since(start).Seconds(), processor: measure.ProcessorSeconds() - used}
		runtime.ReadMemStats(&after)
		c.bytes = int64(after.TotalAlloc - before.TotalAlloc)
		if i == 0 || c.processor < least.processor {
			least = c
		}
	}
	return values, least, nil
}

// ask runs the reference in a process of its own.
func ask(python, dir, measure string, repeats int) (map[string]float64, cost, error) {
	cmd := exec.Command(python, "bench/eval/peers/reference.py", dir, measure, fmt.Sprint(repeats))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, cost{}, fmt.Errorf("%s: %w", measure, err)
	}
	var answer struct {
		Values    map[string]float64 `json:"values"`
		Seconds   []float64          `json:"seconds"`
		Processor []float64          `json:"processor"`
		Bytes     int64              `json:"bytes"`
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		return nil, cost{}, fmt.Errorf("%s: answer %q: %w", measure, out, err)
	}
	c := cost{bytes: answer.Bytes}
	for i, used := range answer.Processor {
		if i == 0 || used < c.processor {
			c.wall, c.processor = answer.Seconds[i], used
		}
	}
	return answer.Values, c, nil
}

// write writes the input of reference.py.
func write(dir string, s shape, x, y []float32, subsets []subset) error {
	size := len(subsets[0].X)
	head, err := json.Marshal(map[string]int{"n": s.N, "m": s.M, "d": s.D, "subset": size})
	if err != nil {
		return err
	}
	var indices []int64
	for _, subset := range subsets {
		for _, list := range [][]int{subset.X, subset.Y} {
			for _, i := range list {
				indices = append(indices, int64(i))
			}
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "shape.json"), head, 0o600); err != nil {
		return err
	}
	for name, values := range map[string]any{"x.f32": x, "y.f32": y, "subsets.i64": indices} {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		if err := errors.Join(binary.Write(f, binary.LittleEndian, values), f.Close()); err != nil {
			return err
		}
	}
	return nil
}
