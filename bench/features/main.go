package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/bench/measure"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/features"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "features:", err)
		os.Exit(1)
	}
}

// batch is the number of images that go through a network together, as in an evaluation.
const batch = 50

// channels of the images: colour.
const channels = 3

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("features", flag.ContinueOnError)
	sets := map[string]string{}
	flags.Func("set", "NAME=DIR: a folder with a folder of images for each class; may be repeated", func(text string) error {
		name, dir, ok := strings.Cut(text, "=")
		if !ok {
			return errors.New("want NAME=DIR")
		}
		sets[name] = dir
		return nil
	})
	size := flags.Int("size", 32, "side of the images in pixels")
	name := flags.String("backend", "auto", "backend of the networks")
	document := flags.String("report", "", "file to write the report to: docs/benchmarks/features.md")
	if err := flags.Parse(args); err != nil {
		return err
	}
	b, err := backend.Open(*name)
	if err != nil {
		return err
	}
	defer b.Close()
	r := report{backend: b.Choice, size: *size}
	all := map[string]images{}
	for _, set := range sorted(sets) {
		if all[set], err = load(sets[set], *size); err != nil {
			return err
		}
	}
	classifiers, err := fitAll(ctx, b, all)
	if err != nil {
		return err
	}
	networks, err := published(ctx, b, features.Images{Size: *size, Channels: channels})
	if err != nil {
		return err
	}
	for _, set := range sorted(all) {
		own := *classifiers[set].all
		own.name, own.half = "classifier of this set", classifiers[set].half
		compared := []*network{&own}
		for _, other := range sorted(all) {
			if other != set {
				compared = append(compared, classifiers[other].all)
			}
		}
		for _, n := range append(compared, networks...) {
			started := time.Now()
			row, err := compare(ctx, n, all[set])
			if err != nil {
				return err
			}
			row.set, row.images, row.classes = set, all[set].Len(), len(all[set].Classes)
			logged("%s, %s: %.0f s", set, n.name, time.Since(started).Seconds())
			r.rows = append(r.rows, row)
		}
	}
	if r.times, err = times(ctx, all[sorted(all)[0]]); err != nil {
		return err
	}
	return measure.Publish(r.String(), *document)
}

// images are a set with its pixels in memory.
type images struct {
	*dataset.Set
	pixels []float32
}

// image returns image i.
func (s images) image(i int) []float32 {
	n := s.Size * s.Size * s.Channels
	return s.pixels[i*n : (i+1)*n : (i+1)*n]
}

// load reads a folder of images.
func load(dir string, size int) (images, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return images{}, err
	}
	set, err := dataset.Balanced(sweep.Dataset{
		Name: sweep.ImageFolder, Path: dir, Size: size, FolderClasses: len(entries), FolderChannels: channels, Background: sweep.DefaultBackground,
		Imbalance: sweep.Imbalance{Profile: sweep.ProfileNone, Factor: 1, Order: sweep.OrderNatural},
	})
	if err != nil {
		return images{}, err
	}
	s := images{set, make([]float32, set.Len()*size*size*channels)}
	for i := range set.Len() {
		if err := set.Images.Read(s.image(i), i); err != nil {
			return images{}, err
		}
	}
	return s, nil
}

// network is what features come from.
type network struct {
	name    string
	dims    int
	extract func(ctx context.Context, pixels []float32) ([]float32, error)
	close   func()
	// half is the same kind of network, trained on the first half only; nil for a network that
	// was not trained on the set.
	half *network
}

func extracted(name string, e *features.Extractor, of features.Images) *network {
	return &network{name: name, dims: e.Dims, close: e.Close, extract: func(ctx context.Context, pixels []float32) ([]float32, error) {
		out, err := e.Extract(ctx, dataset.InMemory(pixels, of.Size*of.Size*of.Channels), nil)
		return out.Features, err
	}}
}

// fitted are the small classifiers of a set: of all its images, and of the first half.
type fitted struct{ all, half *network }

// fitAll trains the small classifiers of all sets, as `tailsweep features train` does.
func fitAll(ctx context.Context, b *backend.Backend, all map[string]images) (map[string]fitted, error) {
	found := map[string]fitted{}
	for _, set := range sorted(all) {
		first, _ := halves(all[set])
		var pair [2]*network
		for i, data := range []images{all[set], subset(all[set], first)} {
			const epochs, perStep, least = features.DefaultEpochs, 128, 400
			e, err := features.Fit(ctx, b, data.Set, 1, max(least, epochs*data.Len()/perStep), batch)
			if err != nil {
				return nil, err
			}
			pair[i] = extracted("classifier of "+set, e, features.Images{Size: data.Size, Channels: data.Channels})
		}
		found[set] = fitted{pair[0], pair[1]}
	}
	return found, nil
}

// published opens the networks of sweep.FeatureNetworks.
func published(ctx context.Context, b *backend.Backend, of features.Images) ([]*network, error) {
	var all []*network
	for _, name := range sweep.FeatureNetworks() {
		e, err := features.OpenPublished(ctx, b, name, of, batch)
		if err != nil {
			return nil, err
		}
		all = append(all, extracted(name, e, of))
	}
	return all, nil
}

func logged(format string, a ...any) { fmt.Fprintf(os.Stderr, format+"\n", a...) }
