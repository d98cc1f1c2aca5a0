package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// tick is the unit of processor time in /proc, in seconds. It is fixed on Linux.
const tick = 0.01

// cpu is processor time at one moment, in seconds.
type cpu struct {
	own      float64 // of the process
	children float64 // of those that have ended
	all      float64 // of the machine: time that a process or the kernel had
	idle     float64
}

// readCPU reads the times of a process and of the machine.
func readCPU(pid int) (cpu, error) {
	var c cpu
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return c, err
	}
	_, rest, _ := strings.Cut(string(data), ") ") // after the program's name
	fields := strings.Fields(rest)
	at := func(i int) float64 { // of man proc_pid_stat, whose third field is the first here
		n, fault := strconv.ParseFloat(fields[i-3], 64)
		err = errors.Join(err, fault)
		return n * tick
	}
	if len(fields) < 15 {
		return c, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	c.own, c.children = at(14)+at(15), at(16)+at(17)
	data, fault := os.ReadFile("/proc/stat")
	if err = errors.Join(err, fault); err != nil {
		return c, err
	}
	line, _, _ := strings.Cut(string(data), "\n")
	for i, word := range strings.Fields(line)[1:] {
		n, fault := strconv.ParseFloat(word, 64)
		err = errors.Join(err, fault)
		switch i {
		case 3, 4:
			c.idle += n * tick
		case 0, 1, 2, 5, 6: // guests are part of user time; what a hypervisor stole is not ours
			c.all += n * tick
		}
	}
	return c, err
}

// treeCPU is the processor time of a process and its children, in seconds, with those of
// them that have ended.
func treeCPU(pid int) (float64, error) {
	root, err := readCPU(pid)
	if err != nil {
		return 0, err
	}
	total := root.own + root.children
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // a list for each thread
	if err != nil {
		return 0, err
	}
	for _, list := range lists {
		pids, err := os.ReadFile(list)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return 0, err
		}
		for _, word := range strings.Fields(string(pids)) {
			child, err := strconv.Atoi(word)
			if err != nil {
				return 0, err
			}
			c, err := readCPU(child)
			if errors.Is(err, os.ErrNotExist) { // it has ended
				continue
			}
			if err != nil {
				return 0, err
			}
			total += c.own + c.children
		}
	}
	return total, nil
}

// others is the share of the machine's processor time since c that processes other than
// this one and the measured ones had; own is the time of the latter, in seconds. A measured
// process that has ended would count twice.
func (c cpu) others(own float64) (float64, error) {
	now, err := readCPU(os.Getpid())
	if err != nil {
		return 0, err
	}
	busy, idle := now.all-c.all, now.idle-c.idle
	own += now.own - c.own + now.children - c.children
	return max(0, busy-own) / (busy + idle), nil
}

// peak is the most resident memory that a process had so far, in bytes.
func peak(pid int) (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/%d/status has no VmHWM", pid)
}
