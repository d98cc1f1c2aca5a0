package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"strconv"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/diffusion"
	"github.com/tailsweep/tailsweep/trainer/evaluate"
)

const ddimSteps = 20

// guidance are the scales that images are sampled at, by their names in the files.
var guidance = []string{"0", "1", "3"}

// writeReference writes what tailsweep computes with a checkpoint, as safetensors:
//
//	x, t, class            noisy images `[N,S,S,K]`, their steps and their classes `[N]`
//	eps.cond, eps.uncond   the noise predicted with the class and without, `[N,S,S,K]`
//	noise, noise.class     where sampling begins, `[M,S,S,K]`, and the classes `[M]`
//	ddim.wW                images after 20 DDIM steps at guidance scale W, `[M,S,S,K]`
//
// with the metadata ddim.steps and guidance, the scales.
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
	scales := ""
	for i, w := range guidance {
		all = append(all, images("ddim.w"+w, d, sampled[i]))
		scales += w + " "
	}
	return writeTensors(file, all, map[string]string{"ddim.steps": strconv.Itoa(ddimSteps), "guidance": scales})
}

// sample returns the images of ids at each scale of guidance.
func sample(ctx context.Context, m *trainer.Model, ids []diffusion.SampleID) (all [][]float32, err error) {
	s, err := m.Sampler(len(ids))
	if err != nil {
		return nil, err
	}
	defer s.Close()
	for _, text := range guidance {
		w, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, err
		}
		out, err := s.Sample(ctx, ids, w, ddimSteps, nil)
		if err != nil {
			return nil, err
		}
		all = append(all, out)
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
