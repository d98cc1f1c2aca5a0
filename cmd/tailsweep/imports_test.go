package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/tailsweep/tailsweep"

// The libraries that only the packages that name them in rooms may import.
const (
	temporal   = "go.temporal.io"
	gomlx      = "github.com/gomlx"
	minio      = "github.com/minio"
	prometheus = "github.com/prometheus/client_golang"
)

// helpers are the packages that help with files, locks, addresses, tries and text.
const helpers = "internal/address internal/block internal/file internal/folder internal/jsonl internal/lock internal/retry internal/text "

// everything is what the command line and the benchmarks, which nothing imports, may
// import of this module.
const everything = "sweep/... trainer/... activities/... workflows worker report internal/..."

// rooms lists, from the inside out, which packages of this module and which of the
// libraries above a package may import; package tests are not checked. x/... is x and
// all packages below it. The first row that has a package counts.
var rooms = []struct{ packages, imports string }{
	{helpers, ""},
	{"internal/download", helpers},
	{"internal/wheel", helpers + "internal/download"},

	// The domain: a function of its arguments.
	{"sweep", "internal/text"},
	{"sweep/stream sweep/gp", ""},
	{"sweep/sequence", "sweep/stream"},
	{"sweep/space sweep/spectest", "sweep"},
	{"sweep/analysis sweep/cost", "sweep sweep/space"},
	{"sweep/stopping", "sweep sweep/analysis sweep/stream"},
	{"sweep/specfile", "internal/address internal/text sweep sweep/cost sweep/space"},
	{"sweep/specfile/specfiletest", "sweep sweep/specfile"},
	{"sweep/repeats", "sweep sweep/analysis sweep/space"},
	{"sweep/sampler", "internal/text sweep sweep/analysis sweep/gp sweep/repeats sweep/sequence sweep/space sweep/stream"},
	{"sweep/sampler/samplertest", "sweep sweep/sampler sweep/space"},
	{"sweep/conduct", "internal/address internal/block internal/text sweep sweep/analysis sweep/cost sweep/space sweep/stopping"},
	{"sweep/lifecycle", "internal/block sweep sweep/conduct sweep/stopping"},
	{"sweep/asktell", "internal/text sweep sweep/analysis sweep/sampler sweep/space"},
	{"sweep/simulate", "sweep sweep/analysis sweep/conduct sweep/lifecycle sweep/sampler sweep/space sweep/stream"},

	// The trainer: a child process without Temporal, metrics or credentials.
	{"trainer/distance trainer/dataset/format trainer/dataset/npy", ""},
	{"trainer/dataset/imagefile", "trainer/dataset/format"},
	{"trainer/checkpoint", "internal/file internal/text sweep"},
	{"trainer/job", "internal/file sweep"},
	{"trainer/job/jobtest", "sweep trainer/checkpoint trainer/job"},
	{"trainer/trainertest", "trainer/checkpoint"},
	{"trainer/dataset", helpers + "sweep trainer/dataset/format trainer/dataset/imagefile trainer/dataset/npy"},
	{"trainer/backend", gomlx + " " + helpers + "internal/wheel"},
	{"trainer/nets", gomlx + " sweep"},
	{"trainer/diffusion", gomlx + " sweep trainer/nets"},
	{"trainer/features", gomlx + " " + helpers + "internal/wheel sweep trainer/backend trainer/checkpoint trainer/dataset"}, // no code of what is evaluated
	{"trainer/precheck", "sweep trainer/dataset trainer/features"},
	{"trainer", gomlx + " " + helpers + "sweep trainer/backend trainer/checkpoint trainer/dataset trainer/diffusion trainer/job trainer/nets trainer/precheck"},
	{"trainer/samples", "internal/file internal/text sweep trainer/checkpoint trainer/dataset trainer/dataset/imagefile trainer/dataset/npy"},
	{"trainer/evaluate", gomlx + " sweep trainer trainer/backend trainer/checkpoint trainer/dataset trainer/diffusion trainer/distance trainer/features trainer/job trainer/precheck trainer/samples"},
	{"trainer/generate", helpers + "sweep trainer trainer/backend trainer/checkpoint trainer/dataset trainer/dataset/imagefile trainer/diffusion trainer/distance trainer/evaluate trainer/features trainer/precheck"},

	// Activities declare what they need of the services (ports.go). Workflows are
	// deterministic: they search, train and store in activities.
	{"activities", temporal + " " + helpers + "sweep sweep/conduct sweep/lifecycle sweep/sampler"},
	{"activities/activitiestest", temporal + " activities sweep sweep/conduct"},
	{"workflows", temporal + " activities internal/block internal/text sweep sweep/conduct sweep/lifecycle"},
	{"internal/child", helpers + "sweep trainer/job"},
	{"trainer/program", helpers + "internal/child sweep trainer/checkpoint trainer/job"},
	{"trainer/program/conformance", helpers + "sweep trainer/checkpoint trainer/job trainer/program"},
	{"worker", temporal + " " + helpers + "activities internal/child sweep sweep/conduct trainer/job workflows"},

	// The services. The store has bytes under keys; the stack starts processes.
	{"internal/store", minio + " " + helpers},
	{"internal/store/storetest", "internal/address internal/store"},
	{"internal/archive", helpers + "activities internal/store sweep sweep/conduct sweep/specfile trainer/checkpoint"},
	{"internal/datasets", helpers + "internal/download internal/store sweep trainer/dataset trainer/dataset/imagefile"},
	{"internal/metrics", temporal + " " + prometheus + " activities internal/block internal/text sweep"},
	{"internal/stack", helpers},
	{"internal/connect", temporal + " " + helpers + "internal/stack internal/store"},

	{"report", "internal/text sweep sweep/analysis sweep/conduct"},

	{"cmd/tailsweep/internal/console", "internal/address internal/text"},
	{"cmd/tailsweep/internal/trialview", "cmd/tailsweep/internal/console internal/text sweep sweep/analysis sweep/cost trainer/job"},
	{"cmd/tailsweep/internal/...", temporal + " cmd/tailsweep/internal/... " + everything},
	{"cmd/tailsweep", temporal + " cmd/tailsweep/... " + everything},
	{"cmd/tailsweep/...", temporal + " cmd/tailsweep/internal/... " + everything}, // a group of verbs imports no other one
	{"bench/...", temporal + " " + gomlx + " bench/... " + everything},
}

// within reports whether a list of packages and x/... has path.
func within(list, path string) bool {
	return slices.ContainsFunc(strings.Fields(list), func(entry string) bool {
		below, tree := strings.CutSuffix(entry, "/...")
		return path == below || tree && strings.HasPrefix(path, below+"/")
	})
}

// roomName is how rooms names what is imported; ok is false for what every package may
// import.
func roomName(path string) (name string, ok bool) {
	if name, ok := strings.CutPrefix(path, module+"/"); ok {
		return name, true
	}
	for _, library := range []string{temporal, gomlx, minio, prometheus} {
		if within(library+"/...", path) {
			return library, true
		}
	}
	return "", false
}

func TestRooms(t *testing.T) {
	imported := map[string]bool{}
	for _, p := range modulePackages(t) {
		name, _ := roomName(p.ImportPath)
		row := slices.IndexFunc(rooms, func(r struct{ packages, imports string }) bool { return within(r.packages, name) })
		if row < 0 {
			t.Errorf("%s is in no row of rooms: add it with the packages that it may import", name)
			continue
		}
		for _, path := range p.Imports {
			if other, ok := roomName(path); ok && !within(rooms[row].imports, other) {
				t.Errorf("%s imports %s, which rooms does not allow (valid: %s)", name, path, rooms[row].imports)
			}
			imported[path] = true
		}
	}
	require.Subset(t, imported, map[string]bool{temporal + "/sdk/client": true, minio + "/minio-go/v7": true, module + "/trainer": true}, "go list no longer lists what it did")
}

// TestServersAreNotLinked checks that the servers of the stack, which is a module of its
// own, are linked by nothing, also not through a library.
func TestServersAreNotLinked(t *testing.T) {
	for _, p := range modulePackages(t) {
		for _, path := range p.Deps {
			for _, server := range []string{temporal + "/server", minio + "/minio", "github.com/prometheus/prometheus", "github.com/versity"} {
				require.Falsef(t, within(server+"/...", path), "%s links %s", p.ImportPath, path)
			}
		}
	}
}

type modulePackage struct {
	ImportPath    string
	Imports, Deps []string
}

func modulePackages(t *testing.T) []modulePackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	require.NoError(t, err)
	var all []modulePackage
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p modulePackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			require.NoError(t, err)
		}
		all = append(all, p)
	}
}
