package worker

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// slots are the free slots, each of which runs one child at a time. The value of a slot
// is the CUDA_VISIBLE_DEVICES of its children; "" keeps the worker's.
type slots chan string

// newSlots makes n slots over the devices, in turn.
func newSlots(n int, devices []string) slots {
	free := make(slots, n)
	for i := range n {
		device := ""
		if len(devices) > 0 {
			device = devices[i%len(devices)]
		}
		free <- device
	}
	return free
}

func (s slots) take(ctx context.Context) (device string, err error) {
	select {
	case device = <-s:
		return device, nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// gpuRoot is where NVIDIA's kernel driver lists its GPUs.
const gpuRoot = "/proc/driver/nvidia/gpus"

// Devices lists the CUDA devices that this process may use, by the names that
// CUDA_VISIBLE_DEVICES takes: those of the variable when it is set, else one for each
// GPU that the driver lists. It is empty without a GPU.
func Devices() []string { return devices(os.LookupEnv, gpuRoot) }

func devices(lookup func(string) (string, bool), root string) []string {
	if visible, ok := lookup("CUDA_VISIBLE_DEVICES"); ok {
		var ids []string
		for id := range strings.SplitSeq(visible, ",") {
			// CUDA stops at the first invalid entry; -1 is the usual way to hide all.
			id = strings.TrimSpace(id)
			if id == "" || strings.HasPrefix(id, "-") {
				break
			}
			ids = append(ids, id)
		}
		return ids
	}
	gpus, err := filepath.Glob(filepath.Join(root, "*"))
	if err != nil {
		return nil
	}
	ids := make([]string, len(gpus))
	for i := range gpus {
		ids[i] = strconv.Itoa(i)
	}
	return ids
}
