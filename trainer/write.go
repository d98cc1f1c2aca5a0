package trainer

import (
	"encoding/json"
	"errors"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// write makes the checkpoint folder of a snapshot and returns its path. It reads
// nothing that training changes.
func (r *run) write(s snapshot) (dir string, err error) {
	averages, rest := s.tensors()
	metadata, err := r.metadata()
	if err != nil {
		return "", err
	}
	index, err := json.Marshal(s.state)
	if err != nil {
		return "", err
	}
	curve, err := encodeLines(s.curve)
	if err != nil {
		return "", err
	}
	p := r.provenance
	p.CreatedAt = time.Now().UTC().Format(time.RFC3339)
	w, err := checkpoint.Create(r.job.Staging, checkpoint.Manifest{
		Sweep: r.job.Spec.Name, Trial: r.job.Assignment.Number, Attempt: r.job.Attempt, Step: s.state.Step, Provenance: p,
	})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, w.Abort()) }()
	if err := w.File(checkpoint.ModelName, writeTensors(averages, metadata)); err != nil {
		return "", err
	}
	if err := w.File(stateTensors, writeTensors(rest, nil)); err != nil {
		return "", err
	}
	if err := w.Bytes(stateIndex, append(index, '\n')); err != nil {
		return "", err
	}
	if err := w.Bytes(checkpoint.CurveName, curve); err != nil {
		return "", err
	}
	return w.Commit()
}

// metadata goes into model.safetensors, which is thereby enough to sample from.
func (r *run) metadata() (map[string]string, error) {
	spec, err := json.Marshal(r.job.Spec)
	if err != nil {
		return nil, err
	}
	assignment, err := json.Marshal(r.job.Assignment)
	if err != nil {
		return nil, err
	}
	classes, err := json.Marshal(classes{Names: r.data.Classes, Counts: r.data.Counts})
	if err != nil {
		return nil, err
	}
	return map[string]string{checkpoint.MetaSpec: string(spec), checkpoint.MetaAssignment: string(assignment), checkpoint.MetaClasses: string(classes)}, nil
}

// provenance is what a manifest says of where it came from, but for the time.
func provenance(j job.Train, b *backend.Backend, data *dataset.Set, version string) (checkpoint.Provenance, error) {
	p := checkpoint.Provenance{
		Version: version, Go: runtime.Version(), Build: buildSettings(), Backend: b.Choice, Device: b.Device,
		SpecDigest: j.Spec.Digest(), DatasetDigest: data.Digest(), Parent: j.Parent,
	}
	if p.Version == "" {
		p.Version = buildVersion()
	}
	if b.Plugin == "" {
		return p, nil
	}
	var err error
	p.PluginSHA256, err = backend.PluginDigest(b.Plugin)
	return p, err
}

// buildSettings are those of the build that may show in speed or in rounding.
func buildSettings() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	var settings []string
	for _, s := range info.Settings {
		if slices.Contains([]string{"CGO_ENABLED", "GOEXPERIMENT", "GOAMD64", "GOARM64"}, s.Key) {
			settings = append(settings, s.Key+"="+s.Value)
		}
	}
	return strings.Join(settings, " ")
}

// buildVersion is the module's version and VCS revision, as far as the binary
// knows them.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			version += " " + s.Value
		}
	}
	return version
}
