package job

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSaysOutOfMemory(t *testing.T) {
	for _, text := range []string{
		"RESOURCE_EXHAUSTED: Out of memory while trying to allocate 17179869184 bytes.",
		"Resource exhausted: Failed to allocate request for 8.00GiB on device ordinal 0",
		"INTERNAL: CUDA error: Failed call to cuMemAlloc: CUDA_ERROR_OUT_OF_MEMORY: out of memory",
		"cudaErrorMemoryAllocation: out of memory",
		"INTERNAL: Failed to create cuBLAS handle: CUBLAS_STATUS_ALLOC_FAILED",
		"CUDNN_STATUS_ALLOC_FAILED in external/xla/stream_executor/cuda/cuda_dnn.cc",
		"fatal error: runtime: out of memory",
		"runtime: out of memory: cannot allocate 4194304-byte block (8585216 in use)\nfatal error: out of memory",
		"runtime: mmap: cannot allocate memory",
		"terminate called after throwing an instance of 'std::bad_alloc'",
		"fork/exec /usr/bin/x: cannot allocate memory",
	} {
		require.True(t, SaysOutOfMemory(text), text)
	}
	for _, text := range []string{
		"", "INTERNAL: something else", "INVALID_ARGUMENT: shapes do not fit", "panic: runtime error: index out of range",
		"CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access was encountered", "no space left on device",
	} {
		require.False(t, SaysOutOfMemory(text), text)
	}
}
