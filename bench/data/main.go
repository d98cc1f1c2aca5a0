package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tailsweep/tailsweep/bench/measure"
	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/internal/folder"
	"github.com/tailsweep/tailsweep/internal/text"
)

type options struct {
	images, size int
	together     int
	binary       string
	dir          string
	report       string
	makeOnly     bool
}

func main() {
	var o options
	flag.IntVar(&o.images, "images", 20000, "number of images")
	flag.IntVar(&o.size, "size", 64, "their side in pixels")
	flag.IntVar(&o.together, "together", 3, "trainings that start at the same time")
	flag.StringVar(&o.binary, "binary", "bin/tailsweep", "the program to measure")
	flag.StringVar(&o.dir, "dir", "", "folder for the images and the cache (default: a temporary one, removed at the end)")
	flag.StringVar(&o.report, "report", "", "file for the report (default: standard output)")
	flag.BoolVar(&o.makeOnly, "make", false, "only make the images in -dir")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "data:", err)
		os.Exit(1)
	}
}

func run(o options) (err error) {
	if o.makeOnly {
		return makeImages(filepath.Join(o.dir, "images"), o.images, o.size)
	}
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "tailsweep-bench-data-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(o.dir)) }()
	}
	if o.dir, err = filepath.Abs(o.dir); err != nil {
		return err
	}
	if o.binary, err = filepath.Abs(o.binary); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(o.dir, "images")); err != nil {
		// In a process of its own: on Linux a child's resident set begins with its parent's.
		self, err := os.Executable()
		if err != nil {
			return err
		}
		cmd := exec.Command(self, "-make", "-dir", o.dir, "-images", fmt.Sprint(o.images), "-size", fmt.Sprint(o.size))
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Run(); err != nil {
			return err
		}
	}
	if err := writeClassifier(filepath.Join(o.dir, "classifier.safetensors")); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(o.dir, "spec.yaml"), []byte(spec(o)), 0o600); err != nil {
		return err
	}
	report, err := o.measure()
	if err != nil {
		return err
	}
	if o.report == "" {
		_, err = os.Stdout.WriteString(report)
		return err
	}
	return file.Write(o.report, []byte(report), 0o644)
}

// spec is a spec of the images with a small model and one step.
func spec(o options) string {
	return fmt.Sprintf(`apiVersion: tailsweep/v1
name: bench-data
dataset: {name: image-folder, path: images, classes: %d, size: %d, channels: 3, imbalance: {profile: exp, factor: 0.1}}
model: {arch: unet, width: 8, depth: 1, mult: [1, 1]}
train: {steps: 1, batch: 8}
evaluate: {features: {path: classifier.safetensors}, samples_per_class: 20}
metrics: [{name: label_accuracy.all, goal: maximize}]
parameters: {lr: {min: 0.001, max: 0.002}}
method: random
budget: {run_cap: 1}
`, classes, o.size)
}

// cost is what a process took.
type cost struct {
	wall      time.Duration
	processor time.Duration // of all cores
	resident  int64         // bytes, at most
}

// timed runs the program until it ends, or prints a line with until; it is ended then.
func (o options) timed(cache, until string, args ...string) (cost, error) {
	cmd := exec.Command(o.binary, args...)
	cmd.Dir = o.dir
	cmd.Env = append(os.Environ(), folder.CacheVariable+"="+filepath.Join(o.dir, cache))
	out, err := cmd.StderrPipe()
	if err != nil {
		return cost{}, err
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return cost{}, err
	}
	var c cost
	var said bytes.Buffer
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		fmt.Fprintln(&said, lines.Text())
		if until != "" && c.wall == 0 && strings.Contains(lines.Text(), until) {
			c.wall = time.Since(began)
		}
	}
	err = errors.Join(lines.Err(), cmd.Wait())
	if err != nil || until != "" && c.wall == 0 {
		return cost{}, fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), errors.Join(err, errors.New("it did not do what is measured")), said.String())
	}
	if c.wall == 0 {
		c.wall = time.Since(began)
	}
	c.processor = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	c.resident = cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
	if runtime.GOOS != "darwin" { // where it is in bytes
		c.resident <<= 10
	}
	return c, nil
}

// trainingStarts is what a training prints when it has its images, before it compiles.
const trainingStarts = "backend go on"

func (o options) train(cache string, number int) (cost, error) {
	return o.timed(cache, trainingStarts, "train", "spec.yaml", "--backend", "go", "--to", filepath.Join(o.dir, cache, fmt.Sprintf("out%d", number)))
}

func (o options) measure() (string, error) {
	var table strings.Builder
	row := func(what string, c cost) {
		fmt.Fprintf(&table, "| %s | %.1f | %.1f | %s |\n", what, c.wall.Seconds(), c.processor.Seconds(), text.Bytes(c.resident))
		fmt.Fprintf(os.Stderr, "%s: %.1f s, %.1f CPU s, %s\n", what, c.wall.Seconds(), c.processor.Seconds(), text.Bytes(c.resident))
	}
	for _, step := range []struct {
		what string
		run  func() (cost, error)
	}{
		{"`data inspect`, first reading", func() (cost, error) { return o.timed("one", "", "data", "inspect", "spec.yaml") }},
		{"`data inspect`, second reading", func() (cost, error) { return o.timed("one", "", "data", "inspect", "spec.yaml") }},
		{"`train` until it has its images, second reading", func() (cost, error) { return o.train("one", 1) }},
		{"the same again", func() (cost, error) { return o.train("one", 2) }},
		{"`train` until it has its images, first reading", func() (cost, error) { return o.train("two", 1) }},
	} {
		c, err := step.run()
		if err != nil {
			return "", err
		}
		row(step.what, c)
	}
	var group errgroup.Group
	all := make([]cost, o.together)
	for i := range all {
		group.Go(func() (err error) {
			all[i], err = o.train("three", i)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return "", err
	}
	var most cost
	for _, c := range all {
		most.wall, most.resident = max(most.wall, c.wall), max(most.resident, c.resident)
		most.processor += c.processor
	}
	row(fmt.Sprintf("%d times `train` at once, first reading: the last, all, the largest", o.together), most)
	pixels, err := file.FolderSize(filepath.Join(o.dir, "one", "images"))
	if err != nil {
		return "", err
	}
	files, err := file.FolderSize(filepath.Join(o.dir, "images"))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(head, time.Now().UTC().Format(time.DateOnly), runtime.Version(), runtime.GOMAXPROCS(0), measure.Processor(),
		o.images, o.size, classes, text.Bytes(files), text.Bytes(pixels), text.Bytes(4*int64(o.images)*int64(3*o.size*o.size)), o.together) + table.String(), nil
}

const head = `# What a large folder of images costs

Written by ` + "`make bench-data`" + `; do not edit. %s, %s, %d cores, %s.

%d colour PNG of %dx%[6]d pixels in %[7]d folders (%[8]s; at most 20,000 are different). Their decoded pixels in the cache have %[9]s; as float32 in memory they would have %[10]s. The long-tailed split of the spec keeps a part
of them, all of which are decoded.

**s** is wall clock on this machine, including other load; **CPU s** is processor time, summed over cores. **memory** is the largest resident set of the process (VmHWM). A process keeps the names and labels of all images and some bytes of each, so it
grows with their number, but it reads the pixels image by image, and the kernel keeps the pages of the file for all processes. The first reading decodes one image for each core at a time. A training takes one step with 8 images, which needs most of its memory.

Of %[11]d trainings that start at once on an empty cache one decodes the images, and the others wait for it.

| | s | CPU s | memory |
|---|---:|---:|---:|
`
