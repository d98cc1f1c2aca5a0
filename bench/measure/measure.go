package measure

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/klauspost/cpuid/v2"
)

// ProcessorSeconds returns the processor time of this process so far.
func ProcessorSeconds() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // only a wrong argument is an error
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// Processor returns the processor's name, or its architecture if the name is not known.
func Processor() string { return cmp.Or(cpuid.CPU.BrandName, runtime.GOARCH) }

// Met returns the text of a goal that is met or not.
func Met(ok bool) string {
	if ok {
		return "met"
	}
	return "**not met**"
}

// Numbers reads the positive integers of a flag, separated by commas.
func Numbers(flag, text string) ([]int, error) {
	var list []int
	for _, word := range strings.Split(text, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("-%s: %q is not a positive number", flag, word)
		}
		list = append(list, n)
	}
	return list, nil
}

// Publish prints a report and, unless file is "", writes it there.
func Publish(report, file string) error {
	fmt.Print(report)
	if file == "" {
		return nil
	}
	return os.WriteFile(file, []byte(report), 0o644)
}
