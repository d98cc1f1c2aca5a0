package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// A Go program reads the wall clock from the vDSO, a few functions that the kernel maps into
// each process. setClock replaces that function in one process, so that only this process
// has a wrong clock; the monotonic clock stays.

// wrongClock is clock_gettime for amd64 with an error of the wall clock: the system call,
// and for CLOCK_REALTIME, which is 0, seconds added.
func wrongClock(seconds int32) []byte {
	code := []byte{
		0xb8, 228, 0, 0, 0, // mov eax, 228: clock_gettime
		0x0f, 0x05, // syscall
		0x85, 0xff, // test edi, edi
		0x75, 0x07, // jnz to ret
		0x48, 0x81, 0x06, 0, 0, 0, 0, // add qword [rsi], seconds
		0xc3, // ret
	}
	binary.LittleEndian.PutUint32(code[14:], uint32(seconds)) //nolint:gosec // two's complement
	return code
}

// jump is a jump of amd64 from one offset to another.
func jump(from, to uint64) []byte {
	code := []byte{0xe9, 0, 0, 0, 0}
	binary.LittleEndian.PutUint32(code[1:], uint32(to-from-uint64(len(code)))) //nolint:gosec // within the vDSO
	return code
}

var vdsoLine = regexp.MustCompile(`(?m)^([0-9a-f]+)-([0-9a-f]+) .*\[vdso\]$`)

// setClock makes the wall clock of a process wrong. correct makes it right again.
func setClock(pid int, by time.Duration) (correct func() error, err error) {
	if runtime.GOARCH != "amd64" {
		return nil, fmt.Errorf("%w: the clock of a process is set on amd64 only", errSkipped)
	}
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return nil, err
	}
	found := vdsoLine.FindSubmatch(maps)
	if found == nil {
		return nil, fmt.Errorf("%w: the process has no vDSO", errSkipped)
	}
	start, _ := strconv.ParseUint(string(found[1]), 16, 63) // they are hexadecimal
	end, _ := strconv.ParseUint(string(found[2]), 16, 63)
	memory, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_RDWR, 0)
	if errors.Is(err, os.ErrPermission) {
		return nil, fmt.Errorf("%w: %w", errSkipped, err)
	}
	if err != nil {
		return nil, err
	}
	image := make([]byte, end-start)
	_, err = memory.ReadAt(image, int64(start)) //nolint:gosec // 63 bits
	var at uint64
	if err == nil {
		at, err = clockGettime(image)
	}
	code := wrongClock(int32(by.Seconds()))
	room := uint64(len(image) - len(code))
	free := len(bytes.Trim(image[room:], "\x00")) == 0 || bytes.HasPrefix(image[room:], code[:14]) // or set before
	if err == nil && !free {
		err = fmt.Errorf("%w: the vDSO has no room", errSkipped)
	}
	if err != nil {
		return nil, errors.Join(err, memory.Close())
	}
	// write changes the code while no thread of the process runs.
	write := func(offset uint64, code []byte) error {
		err := syscall.Kill(pid, syscall.SIGSTOP)
		if err == nil {
			_, err = memory.WriteAt(code, int64(start+offset)) //nolint:gosec // 63 bits
		}
		return errors.Join(err, syscall.Kill(pid, syscall.SIGCONT))
	}
	was := bytes.Clone(image[at : at+5])
	if err := errors.Join(write(room, code), write(at, jump(at, room))); err != nil {
		return nil, errors.Join(err, memory.Close())
	}
	return func() error { return errors.Join(write(at, was), memory.Close()) }, nil
}

// clockGettime finds the function in the image of a vDSO.
func clockGettime(image []byte) (offset uint64, err error) {
	f, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		return 0, err
	}
	symbols, err := f.DynamicSymbols()
	for _, s := range symbols {
		if s.Name == "__vdso_clock_gettime" {
			return s.Value, nil
		}
	}
	return 0, errors.Join(err, fmt.Errorf("%w: the vDSO has no __vdso_clock_gettime", errSkipped))
}
