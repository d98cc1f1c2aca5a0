package steering

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// amount is a flag for a conduct.Amount: "+20" is added, "40" is the new limit. It
// implements pflag.Value.
type amount struct {
	to    **conduct.Amount
	read  func(text string) (float64, bool)
	valid string
	text  string
}

// String implements pflag.Value.
func (v *amount) String() string { return v.text }

// Type implements pflag.Value: help shows it as the flag's argument.
func (v *amount) Type() string { return "[+]N" }

// Set implements pflag.Value.
func (v *amount) Set(text string) error {
	digits, add := strings.CutPrefix(text, "+")
	x, ok := v.read(digits)
	if !ok || strings.HasPrefix(digits, "+") || !(x > 0) {
		return fmt.Errorf("valid: %s", v.valid)
	}
	*v.to, v.text = &conduct.Amount{Value: x, Add: add}, text
	return nil
}

func wholeNumber(text string) (float64, bool) {
	n, err := strconv.ParseUint(text, 10, 31)
	return float64(n), err == nil
}

func number(text string) (float64, bool) {
	x, err := strconv.ParseFloat(text, 64)
	return x, err == nil && x-x == 0
}

func seconds(text string) (float64, bool) {
	d, err := time.ParseDuration(text)
	return d.Seconds(), err == nil
}
