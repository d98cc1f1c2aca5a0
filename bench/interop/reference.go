package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/diffusion"
	"github.com/tailsweep/tailsweep/trainer/evaluate"
)

// samplings are the numbers of DDIM steps and the guidance scales that images are sampled
// with. 1000 is no multiple of 7.
var samplings = []struct {
	steps    int
	guidance float64
}{{20, 0}, {20, 1}, {20, 3}, {7, 1}}

// writeReference writes what tailsweep computes with a checkpoint, as safetensors:
//
//	x, t, class            noisy images `[N,S,S,K]`, their steps and their classes `[N]`
//	eps.cond, eps.uncond   the noise predicted with the class and without, `[N,S,S,K]`
//	given.x0, given.noise, given.kept  clean images and noise `[N,S,S,K]`, and which labels are kept `[N]`,
//	                       of a training batch with the steps t and the classes class
//	loss.ddpm, loss.infonce, loss.alignment  values of its loss `[1]`; of U-Nets only
//	noise, noise.class     where sampling begins, `[M,S,S,K]`, and the classes `[M]`
//	ddim.STEPS.W           images after so many DDIM steps at guidance scale W, `[M,S,S,K]`
func writeReference(ctx context.Context, b *backend.Backend, folder, file string) error {
	m, err := evaluate.Open(b, folder)
	if err != nil {
		return err
	}
	defer m.Close()
	m.Spec.Evaluate.Sampler = sweep.SamplerDDIM
	schedule, err := diffusion.NewSchedule(m.Spec.Train.Schedule)
	if err != nil {
		return err
	}
	d := m.Spec.Dataset
	pixels := d.Size * d.Size * d.Channels()
	r := rand.New(rand.NewPCG(1, 2))

	t := []int32{0, 1, 150, 400, 700, 998, 999}
	var x []float32
	class, null := make([]int32, len(t)), make([]int32, len(t))
	for i, step := range t {
		class[i], null[i] = int32(i%d.Classes()), int32(d.Classes())
		for range pixels {
			x = append(x, float32(schedule.Signal(int(step))*(2*r.Float64()-1)+schedule.Noise(int(step))*r.NormFloat64()))
		}
	}
	all := []checkpoint.Tensor{images("x", d, x), integers("t", t), integers("class", class)}
	for name, label := range map[string][]int32{"eps.cond": class, "eps.uncond": null} {
		out, err := m.Predict(x, t, label)
		if err != nil {
			return err
		}
		if m.Spec.Train.Prediction == sweep.PredictV { // as in trainer/diffusion/prediction.go
			for i := range out {
				step := int(t[i/pixels])
				out[i] = float32(schedule.Noise(step)*float64(x[i]) + schedule.Signal(step)*float64(out[i]))
			}
		}
		all = append(all, images(name, d, out))
	}

	if m.Spec.Model.Arch == sweep.ArchUNet {
		values, err := losses(m, r, t, class)
		if err != nil {
			return err
		}
		all = append(all, values...)
	}

	var noise []float32
	var ids []diffusion.SampleID
	var labels []int32
	for i := range 4 {
		id := diffusion.SampleID{Class: i % d.Classes(), Index: i}
		ids, labels = append(ids, id), append(labels, int32(id.Class))
		noise = append(noise, diffusion.SamplingNoise(m.Spec.Evaluate.Seed, id.Class, id.Index, pixels)...)
	}
	all = append(all, images("noise", d, noise), integers("noise.class", labels))
	sampled, err := sample(ctx, m, ids)
	if err != nil {
		return err
	}
	return writeTensors(file, append(all, sampled...), nil)
}

// losses returns a training batch and the values of its loss. The images are noise, too:
// no two latents are equal.
func losses(m *trainer.Model, r *rand.Rand, t, class []int32) ([]checkpoint.Tensor, error) {
	settings, err := m.Spec.Settings(sweep.Assignment{Params: sweep.Params{
		sweep.ParamInfonceWeight: sweep.Number(1), sweep.ParamAlignmentWeight: sweep.Number(1),
	}, Seed: 1})
	if err != nil {
		return nil, err
	}
	d := m.Spec.Dataset
	x0, eps, kept := make([]float32, len(t)*d.Size*d.Size*d.Channels()), []float32(nil), make([]float32, len(t))
	for i := range x0 {
		x0[i] = float32(2*r.Float64() - 1)
		eps = append(eps, float32(r.NormFloat64()))
	}
	for i := range kept {
		kept[i] = float32(min(1, i%3))
	}
	values, err := m.Losses(settings, x0, eps, t, class, kept)
	if err != nil {
		return nil, err
	}
	all := []checkpoint.Tensor{images("given.x0", d, x0), images("given.noise", d, eps), checkpoint.FromFloat32("given.kept", []int{len(kept)}, kept)}
	for name, value := range values {
		all = append(all, checkpoint.FromFloat32("loss."+name, []int{1}, []float32{value}))
	}
	return all, nil
}

// sample returns the images of ids for each of samplings.
func sample(ctx context.Context, m *trainer.Model, ids []diffusion.SampleID) (all []checkpoint.Tensor, err error) {
	s, err := m.Sampler(len(ids))
	if err != nil {
		return nil, err
	}
	defer s.Close()
	for _, how := range samplings {
		out, err := s.Sample(ctx, ids, how.guidance, how.steps, nil)
		if err != nil {
			return nil, err
		}
		all = append(all, images(fmt.Sprintf("ddim.%d.%g", how.steps, how.guidance), m.Spec.Dataset, out))
	}
	return all, nil
}

func images(name string, d sweep.Dataset, values []float32) checkpoint.Tensor {
	each := []int{d.Size, d.Size, d.Channels()}
	return checkpoint.FromFloat32(name, append([]int{len(values) / product(each)}, each...), values)
}

func integers(name string, values []int32) checkpoint.Tensor {
	t := checkpoint.Tensor{Name: name, DType: "I32", Shape: []int{len(values)}}
	for _, v := range values {
		t.Data = binary.LittleEndian.AppendUint32(t.Data, uint32(v))
	}
	return t
}

func product(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

func writeTensors(path string, tensors []checkpoint.Tensor, metadata map[string]string) error {
	data, err := encode(tensors, metadata)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}

func encode(tensors []checkpoint.Tensor, metadata map[string]string) ([]byte, error) {
	var file bytes.Buffer
	err := checkpoint.EncodeTensors(&file, tensors, metadata)
	return file.Bytes(), err
}
