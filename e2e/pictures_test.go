package e2e

import (
	"encoding/csv"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// icons is a folder of an icon theme that has a folder for each class: the environment
// variable TAILSWEEP_TEST_ICONS, or where Debian's oxygen-icon-theme puts it. These are
// colour images of 32x32 with transparent parts and symbolic links, 629 of the largest
// class and 2 of the smallest.
func icons(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("TAILSWEEP_TEST_ICONS")
	if dir == "" {
		dir = "/usr/share/icons/oxygen/base/32x32"
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no icons: install Debian's oxygen-icon-theme, or set TAILSWEEP_TEST_ICONS: %v", err)
	}
	return dir
}

// splitIcons copies the icons of a theme into two folders of classes: four of five are for
// training, the rest is held out. Symbolic links stay links.
func splitIcons(t *testing.T, theme, training, heldOut string) {
	t.Helper()
	n := map[string]int{}
	err := filepath.WalkDir(theme, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		class := filepath.Base(filepath.Dir(path))
		to := training
		if e.Type()&fs.ModeSymlink == 0 {
			if n[class]++; n[class]%5 == 0 {
				to = heldOut
			}
		}
		to = filepath.Join(to, class, e.Name())
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if e.Type()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(target, to)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(to, content, 0o600)
	})
	require.NoError(t, err)
}

// TestOwnPictures is docs/guide/own-pictures.md: from a folder of images to a folder that has as
// many of each class, and what those are worth.
func TestOwnPictures(t *testing.T) {
	theme := icons(t)
	h := newHome(t)
	h.must(build, "up")
	dir := t.TempDir()
	training, heldOut, spec := filepath.Join(dir, "icons"), filepath.Join(dir, "held-out"), filepath.Join(dir, "icons.yaml")
	splitIcons(t, theme, training, heldOut)

	// The shortest that init writes; it takes longer on a machine that is busy.
	made := h.must(10*time.Minute, "init", "--from", training, "--to", spec, "--hours", "0.1")
	require.Contains(t, made.stdout+made.stderr, "10 classes")
	refused := h.try(time.Minute, "init", "--from", training, "--to", spec, "--no-measure")
	require.Equal(t, 2, refused.code, refused.stderr)
	text, err := os.ReadFile(spec)
	require.NoError(t, err)
	require.Contains(t, string(text), "animations has 2 images")
	require.Contains(t, string(text), "# follow_links: true")
	if !strings.Contains(made.stderr, "weights of efficientnet-lite0") { // they could not be downloaded
		require.Contains(t, string(text), "network: efficientnet-lite0")
	}
	// On a busy machine the search would end before a configuration was repeated.
	patient := regexp.MustCompile(`wall_clock: \w+`).ReplaceAll(text, []byte("wall_clock: 40m"))
	require.NotEqual(t, string(text), string(patient))
	// Configurations are repeated once four of them have a result.
	patient = regexp.MustCompile(`eta: \d+`).ReplaceAll(patient, []byte("eta: 2"))
	patient = regexp.MustCompile(`run_cap: \d+`).ReplaceAll(patient, []byte("run_cap: 12"))
	require.NoError(t, os.WriteFile(spec, patient, 0o600))
	h.must(time.Minute, "validate", spec)
	h.must(5*time.Minute, "plan", spec)

	h.must(5*time.Minute, "run", spec, "--detach")
	watched := h.must(40*time.Minute, "watch", "icons")
	require.Contains(t, watched.stdout+watched.stderr, "kid.tail")
	require.Equal(t, conduct.PhaseCompleted, h.wait("icons", time.Minute).Phase)
	var trials []sweep.Trial
	h.read(&trials, "trials", "icons")
	rungs, seeds, completed := 0, map[string][]int64{}, map[string]bool{}
	for _, trial := range trials {
		require.Contains(t, []sweep.Status{sweep.StatusCompleted, sweep.StatusStopped}, trial.Status, "trial %d", trial.Number)
		rungs += len(trial.Rungs)
		at := fmt.Sprint(trial.Params)
		seeds[at] = append(seeds[at], trial.Seed)
		if trial.Kind == sweep.KindSearch && trial.Status == sweep.StatusCompleted {
			completed[at] = true
		}
	}
	require.Positive(t, rungs)
	repeated := slices.ContainsFunc(trials, func(t sweep.Trial) bool {
		return t.Kind == sweep.KindSearch && len(seeds[fmt.Sprint(t.Params)]) > 1
	})
	if len(completed) >= 4 { // else nearly all were stopped at the rung: how good they are depends on the speed of the machine
		require.True(t, repeated, "no configuration of the search was repeated: %v", seeds)
	}

	var best sweep.Trial
	h.read(&best, "best", "icons")
	require.Positive(t, best.StandardError["kid.tail"])
	require.Positive(t, best.StandardError["coverage.head"])
	left := slices.IndexFunc(best.LeftOut, func(l sweep.LeftOut) bool { return slices.Contains(l.Classes, "animations") })
	require.GreaterOrEqual(t, left, 0, "%+v", best.LeftOut)

	// After so few steps a classifier recognises hardly any image, so that gate is not among these.
	balanced := filepath.Join(dir, "balanced")
	command := []string{"generate", "icons", "--fill-to", "40", "--gates", "near_copy,duplicate", "--with-real", "--to", balanced}
	h.must(15*time.Minute, command...)
	index, err := os.ReadFile(filepath.Join(balanced, "index.csv"))
	require.NoError(t, err)
	h.must(5*time.Minute, command...)
	again, err := os.ReadFile(filepath.Join(balanced, "index.csv"))
	require.NoError(t, err)
	require.Equal(t, string(index), string(again))
	require.FileExists(t, filepath.Join(balanced, "CARD.md"))
	balancedFolder(t, balanced, 40)

	// What was generated is a dataset, too.
	written := filepath.Join(dir, "balanced.yaml")
	h.must(10*time.Minute, "init", "--from", balanced, "--to", written, "--no-measure")
	h.must(time.Minute, "validate", written)
	inspected := h.must(time.Minute, "data", "inspect", written)
	require.Contains(t, inspected.stdout, "animations")

	var worth struct {
		Training  int `json:"training_images"`
		Generated int `json:"generated_images"`
		HeldOut   int `json:"held_out_images"`
		Groups    []struct {
			Group string `json:"group"`
			Gain  struct {
				Mean      float64  `json:"mean"`
				Low, High *float64 // of 95 %
			} `json:"gain"`
		} `json:"groups"`
	}
	h.must(15*time.Minute, "cas", balanced, "--held-out", heldOut, "--seeds", "2")
	h.read(&worth, "cas", balanced, "--held-out", heldOut, "--seeds", "2")
	require.Positive(t, worth.Generated)
	require.Positive(t, worth.HeldOut)
	for _, g := range worth.Groups {
		require.NotNil(t, g.Gain.Low, g.Group)
		require.LessOrEqual(t, *g.Gain.Low, g.Gain.Mean)
		require.GreaterOrEqual(t, *g.Gain.High, g.Gain.Mean)
	}
}

// balancedFolder checks that each class of a generated folder has at least this many images,
// and that index.csv names them all.
func balancedFolder(t *testing.T, dir string, least int) {
	t.Helper()
	file, err := os.Open(filepath.Join(dir, "index.csv"))
	require.NoError(t, err)
	defer func() { _ = file.Close() }() // only read
	rows, err := csv.NewReader(file).ReadAll()
	require.NoError(t, err)
	column := slices.Index(rows[0], "file")
	require.GreaterOrEqual(t, column, 0)
	classes := map[string]int{}
	for _, row := range rows[1:] {
		if row[column] == "" {
			continue // refused
		}
		require.FileExists(t, filepath.Join(dir, row[column]))
		classes[filepath.Dir(row[column])]++
	}
	require.Len(t, classes, 10)
	for class, n := range classes {
		require.GreaterOrEqual(t, n, least, class)
	}
}
