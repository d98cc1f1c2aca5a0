package nets

import (
	"hash/fnv"
	"math"
	"math/rand/v2"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"
)

// initial is the initial value of a variable: normal with this standard deviation, or one
// value everywhere.
type initial struct {
	std   float64
	value float64
}

var (
	zeros = initial{}
	ones  = initial{value: 1}
)

// lecun keeps the variance of a sum of fanIn products.
func lecun(fanIn int) initial { return initial{std: 1 / math.Sqrt(float64(fanIn))} }

// variable returns the named float32 variable of scope in the graph of like,
// making it when it is new.
func (cfg Config) variable(scope *model.Scope, like *graph.Node, name string, begin initial, dims ...int) *graph.Node {
	v := scope.GetVariable(name)
	switch {
	case v == nil && cfg.ShapesOnly:
		v = scope.VariableWithShape(name, shapes.Make(dtypes.Float32, dims...))
	case v == nil:
		var err error
		v, err = scope.CreateVariable(name, begin.tensor(cfg.Seed, model.JoinPath(scope.Scope(), name), dims))
		if err != nil {
			panic(err)
		}
	}
	v.Shape().AssertDims(dims...)
	return v.NodeValue(like.Graph())
}

// tensor draws the initial value from a PCG stream keyed by seed and path.
func (i initial) tensor(seed int64, path string, dims []int) *tensors.Tensor {
	size := 1
	for _, d := range dims {
		size *= d
	}
	flat := make([]float32, size)
	key := fnv.New64a()
	if _, err := key.Write([]byte(path)); err != nil {
		exceptions.Panicf("hashing %q: %v", path, err)
	}
	r := rand.New(rand.NewPCG(uint64(seed), key.Sum64()))
	for k := range flat {
		flat[k] = float32(i.value)
		if i.std > 0 {
			flat[k] += float32(i.std * r.NormFloat64())
		}
	}
	return tensors.FromFlatDataAndDimensions(flat, dims...)
}
