package earlier

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// names are the earlier sweeps of --from.
type names []string

// Flag adds the flag --from.
func Flag(f *pflag.FlagSet) *[]string {
	var list names
	f.Var(&list, "from", "earlier sweeps to learn from: OLD[,OLD2]")
	return (*[]string)(&list)
}

// String implements pflag.Value.
func (n *names) String() string { return strings.Join(*n, ",") }

// Type implements pflag.Value.
func (n *names) Type() string { return "strings" }

// Set implements pflag.Value.
func (n *names) Set(text string) error {
	list := strings.Split(text, ",")
	if slices.Contains(list, "") {
		return errors.New("a name is empty (valid: --from OLD[,OLD2], each the name of an earlier sweep)")
	}
	*n = append(*n, list...)
	return nil
}
