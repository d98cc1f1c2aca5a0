package measure

import (
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize/english"
	"github.com/shirou/gopsutil/v4/mem"

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
	memory      int64 // free bytes, or unknown
}

// unknown is the free memory of a machine that does not reveal it.
const unknown = -1

// thisMachine describes the machine that this process runs on.
func thisMachine() machine {
	return machine{cores: runtime.GOMAXPROCS(0), gpus: len(worker.Devices()), memory: freeMemory("/", systemMemory)}
}

// Slots returns how many trials of a sweep train at a time on this machine, and why.
func Slots(spec *sweep.Spec, choice string) (n int, why string, err error) {
	m := thisMachine()
	if spec.Trainer != nil {
		n, why = programSlots(spec.MaxConcurrentTrials, m)
		return n, why, nil
	}
	var each int64
	if choice != backend.XLACUDA {
		if each, err = trainer.MemoryEstimate(*spec, choice); err != nil {
			return 0, "", err
		}
	}
	n, why = slots(spec.MaxConcurrentTrials, choice, each, m)
	return n, why, nil
}

// programSlots is Slots for a program of the user, whose memory is not known: one for each GPU,
// else one for some cores.
func programSlots(most int, m machine) (n int, why string) {
	choice := backend.Go
	if m.gpus > 0 {
		choice = backend.XLACUDA
	}
	m.memory = 0
	return slots(most, choice, 0, m)
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
		switch {
		case m.memory == unknown:
			add(1, "the free memory of this machine is not known, and a training needs about %s (`tailsweep up --slots N` starts more)", text.Bytes(each))
		case each > 0:
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

// systemMemory returns the bytes that new processes may use, as the system reports it where
// there is no /proc.
func systemMemory() (int64, error) {
	m, err := mem.VirtualMemory()
	if err != nil {
		return 0, err
	}
	return int64(min(m.Available, math.MaxInt64)), nil
}

// freeMemory returns the bytes that new processes may use: what the machine has left, or
// what the cgroups of this process leave where that is less; unknown where the machine
// reveals nothing. proc and sys are below root; system is asked where proc is absent.
func freeMemory(root string, system func() (int64, error)) int64 {
	free, ok := readBytes(filepath.Join(root, "proc/meminfo"), "MemAvailable:")
	if !ok {
		left, err := system()
		if err != nil {
			return unknown
		}
		return left
	}
	own, err := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	if err != nil {
		return free
	}
	for line := range strings.Lines(string(own)) {
		at, unified := strings.CutPrefix(strings.TrimSpace(line), "0::")
		if !unified {
			continue
		}
		for at = path.Join("/", at); ; at = path.Dir(at) { // a parent may have the lower limit
			if left, ok := leftIn(filepath.Join(root, "sys/fs/cgroup", at)); ok {
				free = min(free, left)
			}
			if at == "/" {
				break
			}
		}
	}
	return max(0, free)
}

// leftIn returns the bytes that the limit of a cgroup leaves; ok is false where it has none.
// Files in the page cache that were not used lately do not count as used: the kernel drops
// them when a process needs memory.
func leftIn(cgroup string) (left int64, ok bool) {
	limit, ok := readBytes(filepath.Join(cgroup, "memory.max"), "") // "max", where there is no limit, is not a number
	if !ok {
		return 0, false
	}
	used, _ := readBytes(filepath.Join(cgroup, "memory.current"), "")
	cached, _ := readBytes(filepath.Join(cgroup, "memory.stat"), "inactive_file ")
	return limit - max(0, used-cached), true
}

// readBytes reads the number in a line of a file that begins with name; ok is false where there is none.
func readBytes(file, name string) (n int64, ok bool) {
	data, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(data)) {
		value, found := strings.CutPrefix(line, name)
		if !found {
			continue
		}
		value, kib := strings.CutSuffix(strings.TrimSpace(value), " kB")
		n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		if kib {
			n <<= 10
		}
		return n, err == nil
	}
	return 0, false
}
