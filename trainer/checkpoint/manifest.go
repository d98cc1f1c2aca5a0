package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The names in a checkpoint folder.
const (
	ManifestName = "MANIFEST.json"
	ModelName    = "model.safetensors"
	CurveName    = "curve.jsonl"
	StateDir     = "state"
)

// The names in the checkpoint of a program of the user, besides its own files.
const (
	MetricsName     = "metrics.json"    // what the program measured at this step, if anything
	EnvironmentName = "environment.txt" // its Python packages, a line name==version each
	SamplesDir      = "samples"         // where the program writes images; stored as SamplesName
	SamplesName     = "samples.tar"
)

// ManifestVersion is the only Manifest.Version that this version reads.
const ManifestVersion = 1

// Limits on checkpoints and manifests from outside.
const (
	MaxManifestBytes = 1 << 20
	MaxProgramFiles  = 1_000               // that a program writes; SamplesDir counts as one
	MaxFiles         = MaxProgramFiles + 3 // with those that Seal adds
	MaxBytes         = 64 << 30            // of the files of a program together, and of SamplesName
	maxPathBytes     = 200
)

// Manifest lists the files of a complete checkpoint and its origin.
type Manifest struct {
	Version    int        `json:"version"` // 1
	Sweep      string     `json:"sweep"`
	Trial      int        `json:"trial"`
	Attempt    int        `json:"attempt"`
	Step       int        `json:"step"`
	Files      []File     `json:"files"` // by path
	Provenance Provenance `json:"provenance"`
}

// File is one file of a checkpoint.
type File struct {
	Path   string `json:"path"` // slash-separated, relative, clean, inside the folder
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
}

// Provenance records what is needed to make the checkpoint again.
type Provenance struct {
	Version       string   `json:"version"` // of tailsweep, with VCS revision
	Go            string   `json:"go"`
	Build         string   `json:"build,omitempty"` // what of the build may show in speed or in rounding: "CGO_ENABLED=1 GOEXPERIMENT=simd GOAMD64=v1"
	Backend       string   `json:"backend"`
	Device        string   `json:"device"`
	PluginSHA256  string   `json:"plugin_sha256,omitempty"`
	SpecDigest    string   `json:"spec_digest"`
	DatasetDigest string   `json:"dataset_digest"`
	Command       []string `json:"command,omitempty"` // of the program that trained; nil: tailsweep itself did
	Python        string   `json:"python,omitempty"`  // its version, if the command is a Python that could be asked
	Parent        string   `json:"parent,omitempty"`  // key of the checkpoint this run resumed from
	CreatedAt     string   `json:"created_at"`        // RFC 3339
}

// DirName is the name of the folder of the checkpoint after a step.
func DirName(step int) string { return fmt.Sprintf("step-%010d", step) }

// ParseManifest reads a manifest and checks its version and numbers, and that its paths
// stay inside the folder, in order and without duplicates. An unknown field is not an
// error, so that a later version can add one.
func ParseManifest(data []byte) (Manifest, error) {
	if len(data) > MaxManifestBytes {
		return Manifest{}, corruptf("%s is larger than %d bytes", ManifestName, MaxManifestBytes)
	}
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return Manifest{}, corruptf("%s: %v", ManifestName, err)
	}
	if err := m.check(); err != nil {
		return Manifest{}, err
	}
	return m, nil
}

// ReadManifest reads and checks the manifest of the checkpoint in dir. A folder without a
// manifest is incomplete: ErrCorrupt.
func ReadManifest(dir string) (Manifest, error) {
	if _, err := os.Stat(dir); err != nil {
		return Manifest{}, fmt.Errorf("checkpoint: %w", err)
	}
	data, err := readFile(filepath.Join(dir, ManifestName), MaxManifestBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return Manifest{}, corruptf("%s has no %s", dir, ManifestName)
	}
	if err != nil {
		return Manifest{}, err
	}
	m, err := ParseManifest(data)
	if err != nil {
		return Manifest{}, fmt.Errorf("%s: %w", dir, err)
	}
	return m, nil
}

// File returns the entry of a path, ok=false when the manifest lists none.
func (m Manifest) File(path string) (file File, ok bool) {
	i := slices.IndexFunc(m.Files, func(f File) bool { return f.Path == path })
	if i < 0 {
		return File{}, false
	}
	return m.Files[i], true
}

// Size returns the size of all files together, in bytes.
func (m Manifest) Size() int64 {
	var size int64
	for _, f := range m.Files {
		size += f.Size
	}
	return size
}

func (m Manifest) check() error {
	switch {
	case m.Version != ManifestVersion:
		return corruptf("%s has version %d, this tailsweep reads %d", ManifestName, m.Version, ManifestVersion)
	case m.Step < 0, m.Trial < 0, m.Attempt < 0:
		return corruptf("%s has a negative step, trial or attempt", ManifestName)
	case len(m.Files) == 0:
		return corruptf("%s lists no files", ManifestName)
	case len(m.Files) > MaxFiles:
		return corruptf("%s lists %d files, at most %d are read", ManifestName, len(m.Files), MaxFiles)
	}
	for i, f := range m.Files {
		if err := CheckPath(f.Path); err != nil {
			return err
		}
		if f.Size < 0 {
			return corruptf("%s: size of %s is negative", ManifestName, f.Path)
		}
		if !isDigest(f.SHA256) {
			return corruptf("%s: sha256 of %s is not 64 lower-case hexadecimal digits", ManifestName, f.Path)
		}
		if i > 0 && m.Files[i-1].Path >= f.Path {
			return corruptf("%s: %s is out of order or listed twice", ManifestName, f.Path)
		}
	}
	return nil
}

// CheckPath returns an error that wraps ErrCorrupt unless path is one that a
// checkpoint may list: relative, clean, of letters, digits and ._-/ only, inside
// the folder, and not the manifest itself.
func CheckPath(path string) error {
	if fault := pathFault(path); fault != "" {
		return corruptf("%s lists %.*q, %s", ManifestName, maxPathBytes, path, fault)
	}
	return nil
}

// pathFault returns why a checkpoint cannot have a file at path, "" if it can.
func pathFault(path string) string {
	switch {
	case len(path) > maxPathBytes:
		return fmt.Sprintf("whose path has more than %d bytes", maxPathBytes)
	case path == "." || !fs.ValidPath(path) || strings.EqualFold(path, ManifestName):
		return "which cannot be a file of a checkpoint"
	case strings.ContainsFunc(path, notInPaths):
		return "but only letters, digits and . _ - / can be in a path"
	}
	return ""
}

func notInPaths(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._-/", r)
}

func isDigest(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}
