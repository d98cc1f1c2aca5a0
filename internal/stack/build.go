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

// Program is a program that Build builds.
type Program string

// The programs. Prometheus and MinIO are built from the sources of their own
// release and never linked.
const (
	ProgramDevstack   Program = "devstack"
	ProgramPrometheus Program = "prometheus"
	ProgramMinIO      Program = "minio"
)

// The versions that are built; docs/decisions and deploy/ pin the same.
const (
	prometheusVersion = "v0.316.0" // 3.16.0
	prometheusPackage = "github.com/prometheus/prometheus/cmd/prometheus@" + prometheusVersion
	minioVersion      = "v0.0.0-20260212201848-7aac2a2c5b7c"
	minioPackage      = "github.com/minio/minio@" + minioVersion
)

// Without service discovery (the tag) Prometheus compiles in a tenth of the memory.
var prometheusFlags = []string{"-tags=remove_all_sd"}

// recipe is how to get one program.
type recipe struct {
	program Program
	id      string // part of the file's name in the cache
	dir     string // go build there; "" means go install
	pkg     string // for go install, with a version
	flags   []string
}

func (r recipe) file(cache string) string {
	return filepath.Join(cache, "bin", string(r.program)+"-"+r.id)
}

func recipeFor(p Program) (recipe, error) {
	switch p {
	case ProgramDevstack:
		src, err := findSource()
		if err != nil {
			return recipe{}, err
		}
		id, err := src.id()
		return recipe{program: p, id: id, dir: src.dir, pkg: modulePath + "/devstack@" + src.version}, err
	case ProgramPrometheus:
		return recipe{program: p, id: prometheusVersion, pkg: prometheusPackage, flags: prometheusFlags}, nil
	case ProgramMinIO:
		return recipe{program: p, id: minioVersion, pkg: minioPackage}, nil
	}
	return recipe{}, fmt.Errorf("program %q is unknown: choose %s, %s or %s", p, ProgramDevstack, ProgramPrometheus, ProgramMinIO)
}

// Build builds the programs that are missing in the cache folder ("" means
// folder.Cache()). Without which it builds the programs that `up` needs by default:
// devstack and, if no `prometheus` is on the PATH, Prometheus. Progress goes to out.
func Build(ctx context.Context, cache string, out io.Writer, which ...Program) error {
	if cache == "" {
		var err error
		if cache, err = folder.Cache(); err != nil {
			return err
		}
	}
	if out == nil {
		out = io.Discard
	}
	if len(which) == 0 {
		which = []Program{ProgramDevstack}
		if _, err := exec.LookPath("prometheus"); err != nil {
			which = append(which, ProgramPrometheus)
		}
	}
	for _, p := range which {
		if _, err := ensure(ctx, cache, out, p); err != nil {
			return err
		}
	}
	return nil
}

// build gets the programs for a kind of S3 service. A missing Prometheus is only a
// warning: sweeps run without it.
func build(ctx context.Context, out io.Writer, kind string, prometheus bool) (programs, error) {
	cache, err := folder.Cache()
	if err != nil {
		return programs{}, err
	}
	var p programs
	if p.devstack, err = ensure(ctx, cache, out, ProgramDevstack); err != nil {
		return programs{}, err
	}
	if kind == S3MinIO {
		if p.minio, err = ensure(ctx, cache, out, ProgramMinIO); err != nil {
			return programs{}, err
		}
	}
	if !prometheus {
		return p, nil
	}
	if p.prometheus, err = exec.LookPath("prometheus"); err == nil {
		return p, nil
	}
	p.prometheus, err = ensure(ctx, cache, out, ProgramPrometheus)
	if ctx.Err() != nil {
		return programs{}, ctx.Err()
	}
	if err != nil {
		say(out, "warning: no Prometheus, sweeps run without it: %v", err)
		p.prometheus = ""
	}
	return p, nil
}

// ensure returns the program's file in the cache, built first where it is absent.
func ensure(ctx context.Context, cache string, out io.Writer, p Program) (string, error) {
	r, err := recipeFor(p)
	if errors.Is(err, errNoSource) {
		if files, listErr := newestFirst(cache, p); listErr == nil && len(files) > 0 {
			return files[0], nil // an unreleased binary, away from the clone that built this
		}
	}
	if err != nil {
		return "", err
	}
	file := r.file(cache)
	if _, err := os.Stat(file); err == nil {
		return file, nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return "", folder.Hint(fmt.Errorf("make the cache folder: %w", err), folder.CacheVariable)
	}
	release, err := lock.Take(ctx, filepath.Join(cache, "bin", "."+string(p)+".lock"), func() {
		say(out, "another tailsweep process is building %s; waiting", p)
	})
	if err != nil {
		return "", folder.Hint(err, folder.CacheVariable)
	}
	if _, err = os.Stat(file); err != nil { // not built while we waited
		if err = r.build(ctx, file, out); err != nil {
			err = fmt.Errorf("build %s: %w", p, err)
		} else {
			err = prune(cache, p)
		}
	}
	return file, errors.Join(err, release())
}

// prune keeps the three newest builds of a program: in a clone that is being changed,
// each change of devstack makes another one of 170 MB.
func prune(cache string, p Program) error {
	files, err := newestFirst(cache, p)
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
func newestFirst(cache string, p Program) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(cache, "bin", string(p)+"-*"))
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
