package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/tailsweep/tailsweep/internal/folder"
	"github.com/tailsweep/tailsweep/internal/lock"
)

// The versions that are built; docs/decisions and deploy/ pin the same.
const (
	prometheusVersion = "v0.316.0" // 3.16.0
	minioVersion      = "v0.0.0-20260212201848-7aac2a2c5b7c"
)

// recipe says how to build one program.
type recipe struct {
	program string
	id      string   // part of the file's name in the cache
	dir     string   // go build there; "" means go install
	pkg     string   // for go install, without the version
	version string   // for go install
	flags   []string // of both
}

// Prometheus and MinIO are built from the sources of their own release and never linked.
// Without service discovery (the tag) Prometheus compiles in a tenth of the memory.
var (
	prometheusRecipe = recipe{program: ProcessPrometheus, id: prometheusVersion, version: prometheusVersion,
		pkg: "github.com/prometheus/prometheus/cmd/prometheus", flags: []string{"-tags=remove_all_sd"}}
	minioRecipe = recipe{program: ProcessMinIO, id: minioVersion, version: minioVersion, pkg: "github.com/minio/minio"}
)

func devstackRecipe() (recipe, error) {
	src, err := findSource()
	if err != nil {
		return recipe{}, err
	}
	id, err := src.id()
	return recipe{program: "devstack", id: id, dir: src.dir, pkg: modulePath + "/devstack", version: src.version}, err
}

func (r recipe) file(cache string) string {
	return filepath.Join(cache, "bin", r.program+"-"+r.id)
}

// Build builds the programs that `up` needs by default and that the cache folder lacks:
// devstack and, if no `prometheus` is on the PATH, Prometheus. Progress goes to out.
func Build(ctx context.Context, out io.Writer) error {
	p, err := build(ctx, out, S3Versitygw, true)
	if err == nil && p.prometheus == "" {
		err = errors.New("prometheus was not built: see the warning")
	}
	return err
}

// build returns the programs for a kind of S3 service, and builds those that are absent.
// A Prometheus that cannot be built is only a warning: sweeps run without it.
func build(ctx context.Context, out io.Writer, kind string, prometheus bool) (p programs, err error) {
	cache, err := folder.Cache()
	if err != nil {
		return programs{}, err
	}
	if p.devstack, err = ensureDevstack(ctx, cache, out); err != nil {
		return programs{}, err
	}
	if kind == S3MinIO {
		if p.minio, err = ensure(ctx, cache, out, minioRecipe); err != nil {
			return programs{}, err
		}
	}
	if !prometheus {
		return p, nil
	}
	if p.prometheus, err = exec.LookPath("prometheus"); err == nil {
		return p, nil
	}
	if p.prometheus, err = ensure(ctx, cache, out, prometheusRecipe); err != nil {
		say(out, "warning: no Prometheus, sweeps run without it: %v", err)
		p.prometheus = ""
	}
	return p, ctx.Err()
}

// ensureDevstack is ensure for devstack. Without its sources it returns the newest build:
// this may be an unreleased binary that was moved away from its clone.
func ensureDevstack(ctx context.Context, cache string, out io.Writer) (string, error) {
	r, err := devstackRecipe()
	if errors.Is(err, errNoSource) {
		if files, listErr := newestFirst(cache, "devstack"); listErr == nil && len(files) > 0 {
			return files[0], nil
		}
	}
	if err != nil {
		return "", err
	}
	return ensure(ctx, cache, out, r)
}

// ensure returns the program's file in the cache, and builds it if it is absent.
func ensure(ctx context.Context, cache string, out io.Writer, r recipe) (string, error) {
	file := r.file(cache)
	if _, err := os.Stat(file); err == nil {
		return file, nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return "", folder.Hint(fmt.Errorf("make the cache folder: %w", err), folder.CacheVariable)
	}
	release, err := lock.Take(ctx, filepath.Join(cache, "bin", "."+r.program+".lock"), func() {
		say(out, "another tailsweep process is building %s; waiting", r.program)
	})
	if err != nil {
		return "", folder.Hint(err, folder.CacheVariable)
	}
	if _, err = os.Stat(file); err != nil { // not built while we waited
		if err = r.build(ctx, file, out); err != nil {
			err = fmt.Errorf("build %s: %w", r.program, err)
		} else {
			err = prune(cache, r.program)
		}
	}
	return file, errors.Join(err, release())
}

// prune keeps the three newest builds of a program: in a clone that is being changed,
// each change of devstack makes another one of 170 MB.
func prune(cache, program string) error {
	files, err := newestFirst(cache, program)
	if err != nil {
		return err
	}
	for _, file := range files[min(3, len(files)):] {
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// newestFirst lists the builds of a program in the cache.
func newestFirst(cache, program string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(cache, "bin", program+"-*"))
	if err != nil {
		return nil, err
	}
	built := map[string]time.Time{}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			return nil, err
		}
		built[file] = info.ModTime()
	}
	slices.SortFunc(files, func(a, b string) int { return built[b].Compare(built[a]) })
	return files, nil
}
