package trainer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

// The files of a checkpoint's state folder.
const (
	stateTensors = checkpoint.StateDir + "/state.safetensors"
	stateIndex   = checkpoint.StateDir + "/state.json"
)

const stateVersion = 1

// state is state.json: what is not a tensor, and the order of those that are.
type state struct {
	Version   int        `json:"version"`
	Step      int        `json:"step"` // steps done
	Window    window     `json:"window"`
	Variables []variable `json:"variables"` // in order of creation, which the graph depends on
}

type variable struct {
	Path      string `json:"path"`
	Trainable bool   `json:"trainable"`
}

// tensorName is a path in the words of safetensors: /unet/stem/kernel is
// unet.stem.kernel.
func tensorName(path string) string {
	return strings.ReplaceAll(strings.TrimPrefix(path, "/"), "/", ".")
}

// snapshot copies every variable: the EMA under the names of the weights it
// averages, the rest by their own.
func snapshot(store *model.Store) (averages, rest []checkpoint.Tensor, index []variable, err error) {
	for v := range store.IterVariables() {
		value, err := v.Value()
		if err != nil {
			return nil, nil, nil, err
		}
		flat, err := tensors.CopyFlatData[float32](value)
		if err != nil {
			return nil, nil, nil, fmt.Errorf("variable %s: %w", v.Path(), err)
		}
		for _, f := range flat {
			if math.IsNaN(float64(f)) || math.IsInf(float64(f), 0) {
				return nil, nil, nil, fmt.Errorf("variable %s: %w", v.Path(), errNotFinite)
			}
		}
		index = append(index, variable{v.Path(), v.Trainable})
		if path, ok := strings.CutPrefix(v.Path(), ema+"/"); ok {
			averages = append(averages, checkpoint.FromFloat32(tensorName(path), v.Shape().Dimensions, flat))
		} else {
			rest = append(rest, checkpoint.FromFloat32(tensorName(v.Path()), v.Shape().Dimensions, flat))
		}
	}
	return averages, rest, index, nil
}

// restore makes the variables of a checkpoint folder in store, which is empty, and
// returns the metadata of its weights, too.
// The folder was verified against its manifest.
func restore(store *model.Store, dir string) (s state, metadata map[string]string, err error) {
	data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(stateIndex)))
	if err != nil {
		return s, nil, err
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return s, nil, fmt.Errorf("%s: %w: %w", stateIndex, checkpoint.ErrCorrupt, err)
	}
	if s.Version != stateVersion {
		return s, nil, fmt.Errorf("%s: version %d, this program resumes version %d", stateIndex, s.Version, stateVersion)
	}
	averages, metadata, err := checkpoint.ReadTensors(filepath.Join(dir, checkpoint.ModelName))
	if err != nil {
		return s, nil, err
	}
	rest, _, err := checkpoint.ReadTensors(filepath.Join(dir, filepath.FromSlash(stateTensors)))
	if err != nil {
		return s, nil, err
	}
	byName := make(map[string]checkpoint.Tensor, len(averages)+len(rest))
	for _, t := range averages {
		byName[tensorName(ema)+"."+t.Name] = t
	}
	for _, t := range rest {
		byName[t.Name] = t
	}
	if len(byName) != len(s.Variables) {
		return s, nil, fmt.Errorf("%s: %w: names %d variables, the folder has %d tensors", stateIndex, checkpoint.ErrCorrupt, len(s.Variables), len(byName))
	}
	for _, v := range s.Variables {
		t, ok := byName[tensorName(v.Path)]
		if !ok {
			return s, nil, fmt.Errorf("%s: %w: no tensor for %q", stateIndex, checkpoint.ErrCorrupt, v.Path)
		}
		made, err := createVariable(store, v.Path, t)
		if err != nil {
			return s, nil, err
		}
		made.Trainable = v.Trainable
	}
	return s, metadata, nil
}

// createVariable makes a float32 variable with the tensor's value.
func createVariable(store *model.Store, path string, t checkpoint.Tensor) (*model.Variable, error) {
	flat, err := t.Float32()
	if err != nil {
		return nil, err
	}
	return store.CreateVariable(path, tensors.FromFlatDataAndDimensions(flat, t.Shape...))
}

// encodeLines is a JSON-lines file.
func encodeLines[T any](values []T) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	for _, v := range values {
		if err := enc.Encode(v); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

// decodeLines reads a JSON-lines file.
func decodeLines[T any](data []byte) ([]T, error) {
	var values []T
	dec := json.NewDecoder(bytes.NewReader(data))
	for dec.More() {
		var v T
		if err := dec.Decode(&v); err != nil {
			return nil, fmt.Errorf("line %d: %w: %w", len(values)+1, checkpoint.ErrCorrupt, err)
		}
		values = append(values, v)
	}
	return values, nil
}

func writeTensors(tensors []checkpoint.Tensor, metadata map[string]string) func(io.Writer) error {
	return func(w io.Writer) error { return checkpoint.EncodeTensors(w, tensors, metadata) }
}
