package trainer

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

// The files of a checkpoint's state folder.
const (
	stateTensors = checkpoint.StateDir + "/state.safetensors"
	stateIndex   = checkpoint.StateDir + "/state.json"
)

const stateVersion = 1

// state is state.json: the state that is not in tensors, and the order of the variables.
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

// tensorName returns the name of a variable's tensor in safetensors files:
// unet.stem.kernel for /unet/stem/kernel.
func tensorName(path string) string {
	return strings.ReplaceAll(strings.TrimPrefix(path, "/"), "/", ".")
}

// snapshot is the content of a checkpoint, independent of the running training.
type snapshot struct {
	state  state
	values []values // of state.Variables
	curve  []sweep.CurvePoint
}

type values struct {
	dims []int
	flat []float32
}

// snapshot copies every variable. It returns errNotFinite where a value is not finite.
func (r *run) snapshot() (snapshot, error) {
	s := snapshot{
		state: state{Version: stateVersion, Step: r.step, Window: r.window.clone()},
		curve: slices.Clip(r.curve), // points are only ever appended
	}
	for v := range r.store.IterVariables() {
		value, err := v.Value()
		if err != nil {
			return s, err
		}
		flat, err := tensors.CopyFlatData[float32](value)
		if err != nil {
			return s, fmt.Errorf("variable %s: %w", v.Path(), err)
		}
		for _, f := range flat {
			if f-f != 0 {
				return s, fmt.Errorf("variable %s: %w", v.Path(), errNotFinite)
			}
		}
		s.state.Variables = append(s.state.Variables, variable{v.Path(), v.Trainable})
		s.values = append(s.values, values{v.Shape().Dimensions, flat})
	}
	return s, nil
}

// tensors returns the variables as they are stored: the EMA under the names of the
// weights that it averages, the rest under their own names.
func (s snapshot) tensors() (averages, rest []checkpoint.Tensor) {
	for i, v := range s.state.Variables {
		dims, flat := s.values[i].dims, s.values[i].flat
		if path, ok := strings.CutPrefix(v.Path, ema+"/"); ok {
			averages = append(averages, checkpoint.FromFloat32(tensorName(path), dims, flat))
		} else {
			rest = append(rest, checkpoint.FromFloat32(tensorName(v.Path), dims, flat))
		}
	}
	return averages, rest
}

// restore creates the variables of a checkpoint folder in an empty store. It also
// returns the metadata of model.safetensors. The caller has verified the folder.
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

// createVariable creates a float32 variable with the tensor's value.
func createVariable(store *model.Store, path string, t checkpoint.Tensor) (*model.Variable, error) {
	flat, err := t.Float32()
	if err != nil {
		return nil, err
	}
	return store.CreateVariable(path, tensors.FromFlatDataAndDimensions(flat, t.Shape...))
}

func writeTensors(tensors []checkpoint.Tensor, metadata map[string]string) func(io.Writer) error {
	return func(w io.Writer) error { return checkpoint.EncodeTensors(w, tensors, metadata) }
}
