package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

// Choice is a flag with a closed list of values. It implements pflag.Value.
type Choice struct {
	Value string
	Valid []string
}

// String implements pflag.Value.
func (c *Choice) String() string { return c.Value }

// longestType is the longest argument of a flag in help.
const longestType = 28

// Type implements pflag.Value: help shows it as the flag's argument.
func (c *Choice) Type() string {
	if words := strings.Join(c.Valid, "|"); len(words) <= longestType {
		return words
	}
	return "NAME"
}

// Usage adds the valid words to the usage of a flag where Type does not show them.
func (c *Choice) Usage(text string) string {
	if c.Type() == "NAME" {
		text += ": " + strings.Join(c.Valid, ", ")
	}
	return text
}

// Set implements pflag.Value.
func (c *Choice) Set(s string) error {
	if !slices.Contains(c.Valid, s) {
		return fmt.Errorf("valid: %s", strings.Join(c.Valid, ", "))
	}
	c.Value = s
	return nil
}

// The output formats.
const (
	FormatTable = "table" // for people
	FormatJSON  = "json"
	FormatCSV   = "csv" // of export
)

// OutputFlag adds -o table|json.
func OutputFlag(cmd *cobra.Command) *Choice {
	c := &Choice{Value: FormatTable, Valid: []string{FormatTable, FormatJSON}}
	cmd.Flags().VarP(c, "output", "o", "output format")
	return c
}

// HasCheckpoints reports whether a folder, or a folder in it, is one of a checkpoint.
func HasCheckpoints(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, checkpoint.ManifestName))
	return err == nil || len(checkpointsIn(dir)) > 0
}

// checkpointsIn lists the manifests of the folders in a folder.
func checkpointsIn(dir string) []string {
	found, _ := filepath.Glob(filepath.Join(dir, "*", checkpoint.ManifestName))
	return found
}

// CheckCheckpoint checks that a folder of a verb's arguments has a checkpoint. Where folders in
// it have one, the error names the first.
func CheckCheckpoint(verb, dir string) error {
	if _, err := os.Stat(filepath.Join(dir, checkpoint.ManifestName)); !errors.Is(err, fs.ErrNotExist) {
		return CheckModel(verb, dir)
	}
	if _, err := os.Stat(dir); err != nil {
		return Usagef("%s: there is no folder %s", verb, dir)
	}
	valid := "the folder of one trial, such as `tailsweep pull` makes"
	if found := checkpointsIn(dir); len(found) > 0 {
		valid = "the folder of one trial: " + filepath.Dir(found[0])
	}
	return Usagef("%s: %s has no %s (valid: %s)", verb, dir, checkpoint.ManifestName, valid)
}

// CheckModel returns an error if dir has the checkpoint of a program of the user, which only the
// program can sample. The verb reports what else may be wrong with it.
func CheckModel(verb, dir string) error {
	m, err := checkpoint.ReadManifest(dir)
	if err != nil || len(m.Provenance.Command) == 0 {
		return nil //nolint:nilerr // see above
	}
	return Usagef("%s: %s is the checkpoint of a program (%s), and tailsweep cannot sample it (valid: `tailsweep evaluate --samples %[2]s`, if the program has written samples, or a checkpoint of the built-in trainer)",
		verb, dir, text.Clip(text.Printable(strings.Join(m.Provenance.Command, " ")), shownCommand))
}

// shownCommand bounds the command of a program in an error, in bytes.
const shownCommand = 100

// Verb returns the name of a command without that of the program.
func Verb(cmd *cobra.Command) string {
	return strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
}

// Args checks the number of arguments. names describes them for the error.
func Args(least, most int, names string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		if n := len(given); n < least || n > most {
			return Usagef("%s takes %s, not %s; see `%s --help`", Verb(cmd), names, english.Plural(n, "argument", ""), cmd.CommandPath())
		}
		return nil
	}
}

// TrialNumber reads the number of a trial from an argument.
func TrialNumber(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, Usagef("%q is not a trial number (valid: 0 or more; `tailsweep trials SWEEP` lists the finished trials)", text)
	}
	return n, nil
}

// checked is a flag whose value is checked when it is set. It implements pflag.Value.
type checked struct {
	pflag.Value
	check func() error
	valid string // of a number; "" for another flag
}

// Set implements pflag.Value.
func (c checked) Set(s string) error {
	switch err := c.Value.Set(s); {
	case c.valid == "" && err != nil:
		return err
	case err != nil && c.Type() == "int":
		return fmt.Errorf("not a whole number (valid: %s)", c.valid)
	case err != nil:
		return fmt.Errorf("not a number (valid: %s)", c.valid)
	case c.valid != "" && strings.HasPrefix(s, "+"): // of extend it adds
		return fmt.Errorf("the number itself, without + (valid: %s)", c.valid)
	}
	return c.check()
}

func addCheck(f *pflag.FlagSet, name string, check func() error) *checked {
	flag := f.Lookup(name)
	c := &checked{Value: flag.Value, check: check}
	flag.Value = c
	return c
}

// AboveZero is the lower end of Within for a number that must be above 0.
const AboveZero = math.SmallestNonzeroFloat64

// Within makes a flag refuse numbers that are not from low to high, and returns value,
// where the flag puts the number. The default may be outside. math.MaxInt and
// math.MaxFloat64 stand for no upper end.
func Within[T int | float64](f *pflag.FlagSet, name string, value *T, low, high T) *T {
	valid := fmt.Sprintf("%v or more", low)
	switch endless := float64(high) >= math.MaxInt; {
	case float64(low) == AboveZero && endless:
		valid = "above 0"
	case float64(low) == AboveZero:
		valid = fmt.Sprintf("above 0, at most %v", high)
	case !endless:
		valid = fmt.Sprintf("%v to %v", low, high)
	}
	addCheck(f, name, func() error {
		if *value >= low && *value <= high { // false for NaN
			return nil
		}
		return fmt.Errorf("valid: %s", valid)
	}).valid = valid
	return value
}

// MetricFlag adds --metric. CheckMetric checks its value, which depends on the sweep.
func MetricFlag(f *pflag.FlagSet, usage string) *string {
	return f.String("metric", "", usage)
}

// CheckMetric returns an error if trials of a spec cannot be ranked by a metric: it is unknown,
// or one of a program that nothing says the better direction of. "" is valid.
func CheckMetric(spec *sweep.Spec, name string) error {
	info, known := spec.Metric(name)
	if name == "" || known && info.Goal != "" {
		return nil
	}
	valid := sweep.MetricWords()
	if spec.Trainer != nil {
		valid = strings.Join(spec.NamedMetrics(), ", ")
		if spec.HasDataset() {
			valid += ", " + sweep.MetricWords()
		}
	}
	return Usagef("--metric %s: unknown metric (valid: %s)", name, valid)
}

// PNGFlag adds a flag for the name of a PNG file.
func PNGFlag(f *pflag.FlagSet, name, otherwise, usage string) *string {
	path := f.String(name, otherwise, usage)
	addCheck(f, name, func() error {
		if !strings.EqualFold(filepath.Ext(*path), ".png") {
			return errors.New("valid: a name that ends in .png")
		}
		return nil
	})
	return path
}

// SlotsFlag adds --slots; 0 stands for the default.
func SlotsFlag(f *pflag.FlagSet) *int {
	return Within(f, "slots", f.Int("slots", 0, "trainings at a time (default: one for each GPU, or one)"), 1, math.MaxInt)
}

// Group makes a verb that only groups others.
func Group(use, short string, verbs ...*cobra.Command) *cobra.Command {
	var names []string
	for _, v := range verbs {
		names = append(names, v.Name())
	}
	cmd := &cobra.Command{
		Use: use, Short: short, Args: Args(0, 0, "a verb: "+english.WordSeries(names, "or")),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(verbs...)
	return cmd
}

// Words are the valid values of a Choice.
func Words[T ~string](list []T) []string {
	words := make([]string, len(list))
	for i, w := range list {
		words[i] = string(w)
	}
	return words
}
