package sweeps

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/specfile"
)

// Rerun is the verb rerun: it starts another sweep with the spec of a sweep.
func Rerun(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rerun SWEEP",
		Short: "Run a sweep's spec again from the beginning, under a new name",
		Args:  cli.Args(1, 1, "one sweep"),
	}
	name := cmd.Flags().String("name", "", "name of the new sweep (default: SWEEP-2, SWEEP-3, ...)")
	detach := cmd.Flags().BoolP("detach", "d", false, "start the sweep and return at once")
	commands := cli.AllowCommandsFlag(cmd.Flags(), "the worker that is started")
	output := cli.OutputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		arc, spec, text, err := a.Sweep(ctx, args[0])
		if err != nil {
			return err
		}
		if *name == "" {
			*name, err = freeName(ctx, arc, args[0])
		} else {
			err = checkFree(ctx, arc, *name)
		}
		if err != nil {
			return err
		}
		again, text, err := renamed(spec, text, *name)
		if err != nil {
			return err
		}
		allow, err := commands()
		if err != nil {
			return err
		}
		l := &launch{app: a, spec: again, path: "rerun of " + args[0], text: text, commands: allow}
		if again.Trainer != nil {
			if l.files, err = arc.TrainerFiles(ctx, args[0], again.Trainer.Digests); err != nil {
				return err
			}
		}
		return begin(ctx, l, *detach, output)
	}
	return cmd
}

// checkFree returns an error unless the name is valid and no sweep has it.
func checkFree(ctx context.Context, arc *archive.Archive, name string) error {
	_, err := arc.Overview(ctx, name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		if err = arc.CheckLost(ctx, name); err == nil {
			return nil
		}
	case err == nil:
		return cli.Usagef("rerun: --name %s: a sweep has this name (valid: a name that no sweep has; `tailsweep list` lists the sweeps)", name)
	}
	return fmt.Errorf("rerun: --name: %w", err)
}

var numbered = regexp.MustCompile(`^(.*)-([2-9]|[1-9][0-9]+)$`)

// maxName is the length of a sweep's name.
const maxName = 63

// freeName returns the first of NAME-2, NAME-3, ... that no sweep has; for NAME-2 the
// first after it.
func freeName(ctx context.Context, arc *archive.Archive, name string) (string, error) {
	next := 2
	if m := numbered.FindStringSubmatch(name); m != nil {
		if n, err := strconv.Atoi(m[2]); err == nil {
			name, next = m[1], n+1
		}
	}
	for ; ; next++ {
		suffix := fmt.Sprintf("-%d", next)
		free := name[:min(len(name), maxName-len(suffix))] + suffix
		_, _, err := arc.LoadSpec(ctx, free)
		if errors.Is(err, store.ErrNotFound) {
			err = arc.CheckLost(ctx, free)
			if err == nil {
				return free, nil
			}
		}
		if err != nil && !errors.As(err, new(*archive.LedgerError)) { // a damaged sweep keeps its name
			return "", err
		}
	}
}

var nameLine = regexp.MustCompile(`(?m)^name:.*$`)

// renamed returns a spec under another name, and its YAML: the one that was submitted,
// where that still says the same.
func renamed(spec *sweep.Spec, text []byte, name string) (*sweep.Spec, []byte, error) {
	again := *spec
	again.Name = name
	text = nameLine.ReplaceAll(text, []byte("name: "+strconv.Quote(name)))
	parsed, err := specfile.Parse("rerun", text)
	if err != nil {
		return nil, nil, err
	}
	if parsed.Digest() == again.Digest() {
		return &again, text, nil
	}
	text, err = specfile.Written(&again)
	if err != nil {
		return nil, nil, fmt.Errorf("rerun: write the spec: %w", err)
	}
	return &again, text, nil
}
