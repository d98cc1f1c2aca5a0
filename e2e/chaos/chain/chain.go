package chain

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/tailsweep/tailsweep/sweep"
)

// Link is the state of a training: the chain after a number of steps.
type Link [sha256.Size]byte

// Begin returns the link before the first step.
func Begin(params sweep.Params, seed int64) Link {
	return sha256.Sum256(fmt.Appendf(nil, "%s %d", params.Key(), seed))
}

// Next returns the link after the given step.
func (l Link) Next(step int) Link {
	return sha256.Sum256(fmt.Appendf(l[:], " %d", step))
}

// Number is a function of the link and of a name, in [1, 2).
func (l Link) Number(name string) float64 {
	sum := sha256.Sum256(append(l[:], name...))
	return 1 + float64(binary.BigEndian.Uint32(sum[:]))/(1<<32)
}

// Metric is the value of a metric of the weights.
func (l Link) Metric(name string) float64 { return 100 * l.Number(name) }
