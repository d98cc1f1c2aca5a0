package stack

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"time"

	"github.com/tailsweep/tailsweep/internal/retry"
)

// ports of a stack, all on loopback.
type ports struct {
	Temporal      int `json:"temporal"`
	UI            int `json:"ui"`
	S3            int `json:"s3"`
	S3Console     int `json:"s3_console"`
	Prometheus    int `json:"prometheus"`
	WorkerMetrics int `json:"worker_metrics"`
}

// Ports are looked for below the kernel's ephemeral range (32768 to 60999 on
// Linux), so that no outgoing connection takes one while the stack is down.
const (
	firstPort = 20000
	lastPort  = 29999
)

func (p *ports) all() []*int {
	return []*int{&p.Temporal, &p.UI, &p.S3, &p.S3Console, &p.Prometheus, &p.WorkerMetrics}
}

// choose keeps the ports that are free and replaces the others. It waits for patience
// for a port to become free, as that of a process that was just killed.
func (p *ports) choose(ctx context.Context, patience time.Duration) error {
	deadline := time.Now().Add(patience)
	taken := map[int]bool{}
	for _, port := range p.all() {
		err := retry.Until(ctx, 50*time.Millisecond, func() (bool, error) {
			if *port != 0 && !free(*port) && time.Now().After(deadline) {
				*port = 0
			}
			return *port == 0 || free(*port), nil
		})
		if err != nil {
			return err
		}
		taken[*port] = true
	}
	for _, port := range p.all() {
		if *port != 0 {
			continue
		}
		found, err := findFree(taken)
		if err != nil {
			return err
		}
		*port, taken[found] = found, true
	}
	return nil
}

func findFree(taken map[int]bool) (int, error) {
	const span = lastPort - firstPort + 1
	start := rand.IntN(span)
	for i := range span {
		if port := firstPort + (start+i)%span; !taken[port] && free(port) {
			return port, nil
		}
	}
	return 0, errors.New("no free port from " + strconv.Itoa(firstPort) + " to " + strconv.Itoa(lastPort))
}

// free reports whether the port can be listened on at loopback.
func free(port int) bool {
	l, err := net.Listen("tcp", loopback(port))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
