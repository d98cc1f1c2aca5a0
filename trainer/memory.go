package trainer

import (
	"fmt"
	"os"
)

// residentBytes returns the resident memory of this process, 0 where the system does
// not report it. GoMLX's binding of PJRT has no query for the memory of a device
// (go-xla v0.4.2).
func residentBytes() int64 {
	data, _ := os.ReadFile("/proc/self/statm") // other systems have none
	var all, resident int64                    // pages
	if _, err := fmt.Sscan(string(data), &all, &resident); err != nil {
		return 0
	}
	return resident * int64(os.Getpagesize())
}
