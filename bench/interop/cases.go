package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

const trainSteps = 30

// testCase is a model that is trained on a dataset.
type testCase struct{ name, dataset, model, settings, evaluate string }

// The models have between them: each prediction and schedule; one and several levels,
// blocks, heads and groups of a norm; levels with and without attention; blocks with and
// without a shortcut; dropout; grey and RGB images.
func makeCases(work string) ([]testCase, error) {
	images := filepath.Join(work, "images")
	if err := makeImages(images); err != nil {
		return nil, err
	}
	network := filepath.Join(work, "network.safetensors")
	if err := makeNetwork(network); err != nil {
		return nil, err
	}
	folder := fmt.Sprintf("{name: image-folder, path: %q, classes: 3, size: 16}", images)
	looked := fmt.Sprintf(", features: {path: %q}", network)
	const grey, large = "{name: fashion-mnist-10k, size: 16}", "{name: fashion-mnist-10k, size: 28}"
	return []testCase{
		{"unet-eps-linear-rgb", folder, "{arch: unet, width: 8, depth: 2, mult: [1, 2, 3], attention: [1]}", "schedule: linear, prediction: eps", looked},
		{"unet-v-cosine-grey", grey, "{arch: unet, width: 12, depth: 1, mult: [2, 1], attention: [0, 1], dropout: 0.1}", "schedule: cosine, prediction: v", ""},
		{"unet-one-level-grey", grey, "{arch: unet, width: 9, depth: 1, mult: [1]}", "schedule: linear, prediction: v", ", sampler: ddpm, ddpm_steps: 30"},
		{"dit-eps-cosine-rgb", folder, "{arch: dit, width: 32, depth: 3, patch: 4, heads: 4}", "schedule: cosine, prediction: eps", looked},
		{"dit-v-linear-grey", large, "{arch: dit, width: 24, depth: 1, patch: 7, heads: 1}", "schedule: linear, prediction: v", ""},
	}, nil
}

const specText = `apiVersion: tailsweep/v1
name: interop
method: grid
dataset: %s
model: %s
train: {steps: %d, batch: 4, lr: 0.02, warmup_steps: 3, ema: 0.9, label_dropout: 0.2, %s}
evaluate: {samples_per_class: 8, guidance: [1]%s}
parameters: {lr: {values: [0.02]}}
metrics: [{name: loss}]
`

// train trains the case and returns its last checkpoint.
func (c testCase) train(ctx context.Context, program, work, backend string) (string, error) {
	spec, dir := filepath.Join(work, c.name+".yaml"), filepath.Join(work, c.name)
	text := fmt.Sprintf(specText, c.dataset, c.model, trainSteps, c.settings, c.evaluate)
	if err := os.WriteFile(spec, []byte(text), 0o600); err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, program, "train", spec, "--to", dir, "--backend", backend).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %s train: %w\n%s", c.name, program, err, out)
	}
	return filepath.Join(dir, checkpoint.DirName(trainSteps)), nil
}

// makeImages makes a folder of 12, 6 and 3 coloured images.
func makeImages(dir string) error {
	for class, name := range []string{"disc", "ring", "square"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return err
		}
		for k := range 12 >> class {
			img := image.NewNRGBA(image.Rect(0, 0, 24, 24))
			for i := range 24 * 24 {
				x, y := i%24-12-k%3, i/24-12+k%2
				inside := []bool{x*x+y*y < 81, x*x+y*y < 81 && x*x+y*y > 25, x*x < 49 && y*y < 49}[class]
				pixel := color.NRGBA{240, 240, uint8(200 + 4*k), 255}
				if inside {
					pixel = color.NRGBA{uint8(20 * k), uint8(90 * class), uint8(10 * (i % 24)), 255}
				}
				img.SetNRGBA(i%24, i/24, pixel)
			}
			var b bytes.Buffer
			if err := png.Encode(&b, img); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(dir, name, fmt.Sprintf("%d.png", k)), b.Bytes(), 0o600); err != nil {
				return err
			}
		}
	}
	return nil
}

// makeNetwork writes a feature network of the folder's classes, which a spec of an image
// folder must name and a training never runs.
func makeNetwork(path string) error {
	var all []checkpoint.Tensor
	for name, dims := range map[string][]int{
		"conv0.kernel": {3, 3, 3, 24}, "conv0.bias": {1, 1, 1, 24}, "conv1.kernel": {3, 3, 24, 48}, "conv1.bias": {1, 1, 1, 48},
		"conv2.kernel": {3, 3, 48, 64}, "conv2.bias": {1, 1, 1, 64}, "features.weight": {1024, 64}, "features.bias": {1, 64},
		"logits.weight": {64, 3}, "logits.bias": {1, 3},
	} {
		all = append(all, checkpoint.FromFloat32(name, dims, make([]float32, product(dims))))
	}
	return writeTensors(path, all, nil)
}
