package job

import "strings"

// outOfMemory lists, in lower case, the messages of failed allocations of XLA, CUDA and
// its libraries, C++, the Go runtime and the C library. They have no error codes here.
var outOfMemory = []string{
	"resource_exhausted", "resource exhausted",
	"out of memory", "out_of_memory", "out-of-memory",
	"cannot allocate memory", "failed to allocate memory", "unable to allocate",
	"cublas_status_alloc_failed", "cudnn_status_alloc_failed", "cusolver_status_alloc_failed", "cufft_alloc_failed",
	"std::bad_alloc",
}

// SaysOutOfMemory reports whether an error's text, or the last output of a crashed
// process, has the message of a failed allocation.
func SaysOutOfMemory(text string) bool {
	text = strings.ToLower(text)
	for _, words := range outOfMemory {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}
