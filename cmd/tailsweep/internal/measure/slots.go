package measure

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize/english"

	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/worker"
)

// On a CPU a training uses all cores, and gains little from more than a few: more slots use
// the others.
const (
	coresPerSlot = 2
	stackMemory  = 1 << 30 // left for Temporal, the store, Prometheus and the worker
)

// machine is what trainings share.
type machine struct {
	cores, gpus int
	memory      int64 // free bytes; 0 where this is not known
}

// thisMachine describes the machine that this process runs on.
func thisMachine() machine {
	return machine{cores: runtime.GOMAXPROCS(0), gpus: len(worker.Devices()), memory: freeMemory("/")}
}

// Slots returns how many trials of a sweep train at a time on this machine, and why.
func Slots(spec *sweep.Spec, choice string) (n int, why string, err error) {
	var each int64
	if choice != backend.XLACUDA {
		if each, err = trainer.MemoryEstimate(*spec, choice); err != nil {
			return 0, "", err
		}
	}
	n, why = slots(spec.MaxConcurrentTrials, choice, each, thisMachine())
	return n, why, nil
}

// slots is Slots for trainings that need each bytes of memory.
func slots(most int, choice string, each int64, m machine) (n int, why string) {
	limits := []struct {
		n   int
		why string
	}{{most, fmt.Sprintf("max_concurrent_trials is %d", most)}}
	add := func(n int, format string, args ...any) {
		limits = append(limits, struct {
			n   int
			why string
		}{max(1, n), fmt.Sprintf(format, args...)})
	}
	if choice == backend.XLACUDA {
		add(m.gpus, "one for each GPU, of which this machine has %d", m.gpus)
	} else {
		add(m.cores/coresPerSlot, "one for %d cores, of which this machine has %d", coresPerSlot, m.cores)
		if m.memory > 0 && each > 0 {
			add(int(min((m.memory-stackMemory)/each, math.MaxInt32)), "%s of memory is free, and a training needs about %s", text.Bytes(m.memory), text.Bytes(each))
		}
	}
	least := limits[0]
	for _, l := range limits[1:] {
		if l.n < least.n {
			least = l
		}
	}
	why = fmt.Sprintf("%s: %s", english.Plural(least.n, "training slot", ""), least.why)
	if least.n < most {
		why += "; " + limits[0].why
	}
	return least.n, why
}

// freeMemory returns the bytes that new processes may use: what the machine has left, or the
// limit of this process's cgroup where that is less; 0 where neither is known. proc and sys
// are below root.
func freeMemory(root string) int64 {
	free := int64(0)
	text, err := os.ReadFile(filepath.Join(root, "proc/meminfo"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, "MemAvailable:"); found {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
			if err != nil {
				return 0
			}
			free = kib << 10
		}
	}
	own, err := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	if err != nil {
		return free
	}
	for line := range strings.Lines(string(own)) {
		path, unified := strings.CutPrefix(strings.TrimSpace(line), "0::")
		if !unified {
			continue
		}
		// "max", where there is no limit, is no number.
		limit, err := os.ReadFile(filepath.Join(root, "sys/fs/cgroup", path, "memory.max"))
		if err != nil {
			continue
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(string(limit)), 10, 64); err == nil {
			free = min(free, n)
		}
	}
	return free
}
