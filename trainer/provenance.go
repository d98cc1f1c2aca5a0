package trainer

import (
	"runtime"

	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// provenance returns what a manifest records about the origin of a checkpoint, except
// the time.
func provenance(j job.Train, b *backend.Backend, data *dataset.Set, version string) (checkpoint.Provenance, error) {
	digest, err := data.Digest()
	if err != nil {
		return checkpoint.Provenance{}, err
	}
	p := checkpoint.Provenance{
		Version: version, Go: runtime.Version(), Build: checkpoint.BuildSettings(), Backend: b.Choice, Device: b.Device,
		SpecDigest: j.Spec.Digest(), DatasetDigest: digest, Parent: j.Parent,
	}
	if b.Plugin != "" {
		p.PluginSHA256, err = backend.PluginDigest(b.Plugin)
	}
	return p, err
}
