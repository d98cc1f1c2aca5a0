package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/tailsweep/tailsweep/trainer/backend"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("interop", flag.ContinueOnError)
	program := flags.String("tailsweep", "bin/tailsweep", "program that trains")
	torch := flags.String("torch", "bench/interop/.venv-pytorch/bin/python", "Python with examples/pytorch/requirements.txt")
	jax := flags.String("jax", "bench/interop/.venv-jax/bin/python", "Python with examples/jax/requirements.txt")
	name := flags.String("backend", backend.Go, "backend that trains and computes the reference values")
	folder := flags.String("checkpoint", "", "only write the reference values of this checkpoint folder, to -to")
	to := flags.String("to", "reference.safetensors", "file for the reference values of -checkpoint")
	if err := flags.Parse(args); err != nil {
		return err
	}
	b, err := backend.Open(*name)
	if err != nil {
		return err
	}
	defer b.Close()
	if *folder != "" {
		return writeReference(ctx, b, *folder, *to)
	}
	work, err := os.MkdirTemp("", "tailsweep-interop-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work) //nolint:errcheck // a temporary folder
	return compareAll(ctx, b, *program, work, []example{{pytorch, *torch}, {"jax", *jax}})
}

// compareAll trains the cases in the folder work, prints the differences of the
// examples, and returns an error for each that is over its limit.
func compareAll(ctx context.Context, b *backend.Backend, program, work string, examples []example) error {
	cases, err := makeCases(work)
	if err != nil {
		return err
	}
	var wrong error
	var refused []string
	fmt.Printf("| checkpoint | example | largest relative difference of eps | of images | of losses |\n|---|---|---|---|---|\n")
	for i, c := range cases {
		dir, err := c.train(ctx, program, work, b.Choice)
		if err != nil {
			return err
		}
		file := filepath.Join(work, c.name+".safetensors")
		if err := writeReference(ctx, b, dir, file); err != nil {
			return err
		}
		for _, e := range examples {
			library, most, err := e.compare(ctx, dir, file)
			if err != nil {
				return err
			}
			losses := "-"
			if most.trains {
				losses = fmt.Sprintf("%.1e", most.losses)
			}
			fmt.Printf("| %s | %s | %.1e | %.1e | %s |\n", c.name, library, most.eps, most.images, losses)
			if !(most.eps <= epsLimit) || !(most.images <= ddimLimit) || !(most.losses <= lossLimit) {
				wrong = errors.Join(wrong, fmt.Errorf("%s in %s differs: eps by %.2g (limit %.0e), images by %.2g (limit %.0e), losses by %.2g (limit %.0e)",
					c.name, library, most.eps, epsLimit, most.images, ddimLimit, most.losses, lossLimit))
			}
		}
		if i > 0 {
			continue
		}
		for _, e := range examples {
			named, err := e.refusals(ctx, dir, filepath.Join(work, "changed-"+e.name), file)
			if err != nil {
				wrong = errors.Join(wrong, err)
			}
			refused = append(refused, fmt.Sprintf("%s refuses checkpoints with another %s.", e.name, strings.Join(named, ", ")))
		}
	}
	fmt.Printf("\nLimits: %.0e, %.0e and %.0e. %s\n", epsLimit, ddimLimit, lossLimit, strings.Join(refused, " "))
	return wrong
}
