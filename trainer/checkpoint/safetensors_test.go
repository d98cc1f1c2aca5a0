package checkpoint

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func encode(t *testing.T, tensors []Tensor, metadata map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, EncodeTensors(&out, tensors, metadata))
	return out.Bytes()
}

// tensorFile puts a length before a header and a body after it.
func tensorFile(header, body string) []byte {
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header+body...)
}

func TestTensorsRoundTrip(t *testing.T) {
	tensors := []Tensor{
		{Name: "/conv/b", DType: "U8", Shape: []int{3}, Data: []byte{1, 2, 3}},
		{Name: "/conv/w", DType: F32, Shape: []int{1, 2}, Data: FromFloat32("", []int{1, 2}, []float32{-1.5, 3e-20}).Data},
		{Name: "/empty", DType: "F64", Shape: []int{0, 4}, Data: []byte{}},
		{Name: "/step", DType: "I64", Shape: []int{}, Data: []byte{1, 0, 0, 0, 0, 0, 0, 128}},
	}
	meta := map[string]string{"k": "v\n"}
	data := encode(t, tensors, meta)
	got, gotMeta, err := DecodeTensors(data)
	require.NoError(t, err)
	require.Equal(t, tensors, got)
	require.Equal(t, meta, gotMeta)
	values, err := got[1].Float32()
	require.NoError(t, err)
	require.Equal(t, []float32{-1.5, 3e-20}, values)
	_, err = got[0].Float32()
	require.ErrorContains(t, err, "U8, want F32")

	tensors[0], tensors[3] = tensors[3], tensors[0]
	require.Equal(t, data, encode(t, tensors, meta), "the order of the arguments does not matter")
	require.Zero(t, binary.LittleEndian.Uint64(data)%8, "the data begin aligned")
}

// testdata/python.safetensors was written by the format's own library:
// testdata/python.py.
func TestReadTensorsOfThePythonLibrary(t *testing.T) {
	got, meta, err := ReadTensors("testdata/python.safetensors")
	require.NoError(t, err)
	require.Equal(t, map[string]string{"who": "safetensors"}, meta)
	require.Equal(t, []Tensor{
		FromFloat32("a.weight", []int{2, 3}, []float32{0, 0.5, 1, 1.5, 2, 2.5}),
		{Name: "b.count", DType: "I64", Shape: []int{2}, Data: []byte{7, 0, 0, 0, 0, 0, 0, 0, 0xf8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
		{Name: "c.mask", DType: "U8", Shape: []int{3}, Data: []byte{0, 1, 255}},
	}, got)
}

func TestDecodeTensorsRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		data []byte
		want string
	}{
		"short":         {[]byte{1, 2}, "file of 2 bytes"},
		"long header":   {append([]byte{255, 255, 255, 255, 255, 255, 255, 255}, "{}"...), "header of"},
		"not an object": {tensorFile(`[]`, ""), "not a JSON object"},
		"cut header":    {tensorFile(`{"a":`, ""), "header"},
		"junk":          {tensorFile(`{} {}`, ""), "something follows"},
		"trailing data": {tensorFile(`{}`, "x"), "1 bytes follow"},
		"gap":           {tensorFile(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, "xx"), "at bytes 1 to 2"},
		"overlap":       {tensorFile(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, "xxx"), `"b"`},
		"past the end":  {tensorFile(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, "x"), "at bytes 0 to 2 of 1"},
		"size":          {tensorFile(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,2]}}`, "xx"), "F32[1]"},
		"overflow":      {tensorFile(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, ""), "too large"},
		"zero overflow": {tensorFile(`{"a":{"dtype":"F32","shape":[4294967296,4294967296,0],"data_offsets":[0,0]}}`, ""), "too large"},
		"negative":      {tensorFile(`{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,-4]}}`, ""), "negative dimension"},
		"rank":          {tensorFile(`{"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}}`, "x"), "rank 9"},
		"dtype":         {tensorFile(`{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}`, "x"), "unsupported dtype"},
		"name twice":    {tensorFile(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`, ""), "twice"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := DecodeTensors(test.data)
			require.ErrorIs(t, err, ErrCorrupt)
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestEncodeTensorsRefuses(t *testing.T) {
	one := Tensor{Name: "a", DType: "U8", Shape: []int{1}, Data: []byte{1}}
	for name, tensors := range map[string][]Tensor{
		"twice":         {one, one},
		"reserved name": {{Name: "__metadata__", DType: "U8", Shape: []int{1}, Data: []byte{1}}},
		"length":        {{Name: "a", DType: F32, Shape: []int{1}, Data: []byte{1}}},
		"dtype":         {{Name: "a", DType: "BF16", Shape: []int{1}, Data: []byte{1, 2}}},
	} {
		require.Error(t, EncodeTensors(&bytes.Buffer{}, tensors, nil), name)
	}
}

func FuzzTensors(f *testing.F) {
	python, err := os.ReadFile("testdata/python.safetensors")
	require.NoError(f, err)
	f.Add(python)
	f.Add(tensorFile(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"__metadata__":{"k":"v"}}`, "xx"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tensors, meta, err := DecodeTensors(data)
		if err != nil {
			require.ErrorIs(t, err, ErrCorrupt)
			return
		}
		again, againMeta, err := DecodeTensors(encode(t, tensors, meta))
		require.NoError(t, err)
		require.Equal(t, len(tensors), len(again))
		for i := range tensors {
			require.Equal(t, tensors[i].Name, again[i].Name)
			require.True(t, bytes.Equal(tensors[i].Data, again[i].Data))
		}
		require.Equal(t, len(meta), len(againMeta))
	})
}
