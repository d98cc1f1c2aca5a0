package job

import "strings"

// outOfMemory are the words, in lower case, of XLA, of CUDA and its libraries, of C++, of the
// Go runtime and of the C library where an allocation failed: they come as text only.
var outOfMemory = []string{
	"resource_exhausted", "resource exhausted",
	"out of memory", "out_of_memory", "out-of-memory",
	"cannot allocate memory", "failed to allocate memory", "unable to allocate",
	"cublas_status_alloc_failed", "cudnn_status_alloc_failed", "cusolver_status_alloc_failed", "cufft_alloc_failed",
	"std::bad_alloc",
}

// SaysOutOfMemory reports whether an error's text, or the last output of a process
// that crashed, says that memory was short.
func SaysOutOfMemory(text string) bool {
	text = strings.ToLower(text)
	for _, words := range outOfMemory {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}
