package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

// The largest accepted differences, relative to the largest value. On CPUs they are below
// 1e-6 and 1e-5. A wrong epsilon of a norm is above 1e-5.
const (
	epsLimit  = 1e-5
	ddimLimit = 1e-3
	lossLimit = 1e-4
)

const pytorch = "pytorch"

// example is a folder of examples/ and the Python that runs it.
type example struct{ name, python string }

// differences are the largest relative differences of an example.
type differences struct {
	eps, images float64
	losses      float64 // of examples/python/ddpm_torch.py
	trains      bool    // there are losses
}

// compare computes the values of a reference file with the example, and returns its
// library and how much they differ.
func (e example) compare(ctx context.Context, folder, reference string) (library string, most differences, err error) {
	want, _, err := checkpoint.ReadTensors(reference)
	if err != nil {
		return "", most, err
	}
	file := filepath.Join(filepath.Dir(reference), e.name+".safetensors")
	if out, err := e.answer(ctx, folder, reference, file); err != nil {
		return "", most, fmt.Errorf("%s with %s: %w\n%s", folder, e.python, err, out)
	}
	list, metadata, err := checkpoint.ReadTensors(file)
	if err != nil {
		return "", most, err
	}
	got := map[string]checkpoint.Tensor{}
	for _, t := range list {
		got[t.Name] = t
	}
	for _, w := range want {
		kind, _, _ := strings.Cut(w.Name, ".")
		worst := map[string]*float64{"eps": &most.eps, "ddim": &most.images, "loss": &most.losses}[kind]
		if worst == nil || kind == "loss" && e.name != pytorch {
			continue // what the example was given, or a loss: there is a training in PyTorch alone
		}
		most.trains = most.trains || kind == "loss"
		d, err := difference(got[w.Name], w)
		if err != nil {
			return "", most, fmt.Errorf("%s: %s: %w", file, w.Name, err)
		}
		*worst = math.Max(*worst, d)
	}
	return metadata["library"], most, nil
}

// answer runs the example. Its output is for errors.
func (e example) answer(ctx context.Context, folder, reference, file string) (string, error) {
	out, err := exec.CommandContext(ctx, e.python, "bench/interop/peers/answer.py", filepath.Join("examples", e.name), folder, reference, file).CombinedOutput()
	return string(out), err
}

// difference is the largest difference of two tensors, relative to the largest value of
// want. It is infinite where a value is no number, or where want is zero everywhere.
func difference(got, want checkpoint.Tensor) (float64, error) {
	if fmt.Sprint(got.Shape) != fmt.Sprint(want.Shape) {
		return 0, fmt.Errorf("shape %v, want %v", got.Shape, want.Shape)
	}
	a, err := got.Float32()
	if err != nil {
		return 0, err
	}
	b, err := want.Float32()
	if err != nil {
		return 0, err
	}
	var most, scale float64
	for i := range b {
		d := math.Abs(float64(a[i]) - float64(b[i]))
		if math.IsNaN(d) {
			return math.Inf(1), nil
		}
		most, scale = math.Max(most, d), math.Max(scale, math.Abs(float64(b[i])))
	}
	if scale == 0 {
		return math.Inf(1), nil
	}
	return most / scale, nil
}

// changes are checkpoints that an example must refuse, by what its message must name:
// the text of the spec that is replaced, and with what.
var changes = []struct{ named, old, replacement string }{
	{"model.self_conditioning", `"arch":`, `"self_conditioning":true,"arch":`},
	{"model.arch", `"arch":"unet"`, `"arch":"uvit"`},
	{"train.prediction", `"prediction":"eps"`, `"prediction":"x0"`},
	{"train.schedule", `"schedule":"linear"`, `"schedule":"sqrt"`},
	{"SHA-256", "", ""},
}

// refusals makes changed copies of a checkpoint below parent and returns what the
// example's errors name. It is an error where it accepts one.
func (e example) refusals(ctx context.Context, folder, parent, reference string) (named []string, wrong error) {
	for _, c := range changes {
		changed, err := change(folder, filepath.Join(parent, c.named), c.old, c.replacement)
		if err != nil {
			return nil, err
		}
		out, err := e.answer(ctx, changed, reference, filepath.Join(parent, "answer"))
		if err == nil || !strings.Contains(out, "ValueError") || !strings.Contains(out, c.named) {
			wrong = errors.Join(wrong, fmt.Errorf("%s: the example does not refuse a checkpoint because of its %s\n%s", e.name, c.named, out))
		}
		named = append(named, c.named)
	}
	return named, wrong
}

// change writes the weights of a checkpoint with a changed spec into a checkpoint below
// parent. If the text to replace is "", a byte of a weight changes and the manifest does not.
func change(folder, parent, old, replacement string) (dir string, err error) {
	m, err := checkpoint.ReadManifest(folder)
	if err != nil {
		return "", err
	}
	tensors, metadata, err := checkpoint.ReadTensors(filepath.Join(folder, checkpoint.ModelName))
	if err != nil {
		return "", err
	}
	spec := metadata[checkpoint.MetaSpec]
	if !strings.Contains(spec, old) {
		return "", fmt.Errorf("the spec has no %s: %s", old, spec)
	}
	metadata[checkpoint.MetaSpec] = strings.Replace(spec, old, replacement, 1)
	data, err := encode(tensors, metadata)
	if err != nil {
		return "", err
	}
	w, err := checkpoint.Create(parent, m)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, w.Abort()) }()
	if err := w.Bytes(checkpoint.ModelName, data); err != nil {
		return "", err
	}
	if dir, err = w.Commit(); err != nil || old != "" {
		return dir, err
	}
	data[len(data)-1] ^= 1
	return dir, os.WriteFile(filepath.Join(dir, checkpoint.ModelName), data, 0o600)
}
