package sweep

import (
	"fmt"
	"strconv"
	"strings"
)

// Condition is `when: "NAME OP VALUE"`; OP is one of == != < <= > >=. A condition on an
// absent parameter is false. YAML and JSON have its text.
type Condition struct {
	Param string
	Op    string
	Value Value
}

// ParseCondition reads "NAME OP VALUE"; OP is one of == != < <= > >=, VALUE a
// number or a word. Words compare with == and != only.
func ParseCondition(text string) (Condition, error) {
	const want = `want "NAME OP VALUE" with one of == != < <= > >=`
	at := strings.IndexAny(text, "=!<>")
	if at < 0 {
		return Condition{}, fmt.Errorf("no operator: %s", want)
	}
	rest := text[at:]
	o, known := find(operators, func(o operator) bool { return strings.HasPrefix(rest, o.text) })
	op := o.text
	name, operand := strings.TrimSpace(text[:at]), strings.TrimSpace(rest[len(op):])
	switch {
	case !known:
		return Condition{}, fmt.Errorf("unknown operator: %s", want)
	case name == "" || strings.ContainsAny(name, "\t\n"):
		return Condition{}, fmt.Errorf("no parameter name before %s: %s", op, want)
	case operand == "" || strings.ContainsAny(operand, "=!<> \t\n\"'"):
		return Condition{}, fmt.Errorf("no value after %s: %s", op, want)
	}
	c := Condition{Param: name, Op: op}
	if v, ok := ParseNumber(operand); ok {
		c.Value = v
		return c, nil
	}
	if !ValidWord(operand) {
		return Condition{}, fmt.Errorf("%q is neither a finite number nor a word: %s", operand, want)
	}
	c.Value = Word(operand)
	if !o.words {
		return Condition{}, fmt.Errorf("%s compares numbers, and %q is a word", op, operand)
	}
	return c, nil
}

// IsTrue reports whether the condition is true of params. It is false when the
// parameter is absent.
func (c Condition) IsTrue(params Params) bool {
	v, ok := params[c.Param]
	o, known := find(operators, func(o operator) bool { return o.text == c.Op })
	return ok && known && o.isTrue(v, c.Value)
}

// operator is one of a condition.
type operator struct {
	text   string
	words  bool // it compares words, too
	isTrue func(a, b Value) bool
}

// operators lists them; one that begins like another comes before it.
var operators = []operator{
	{"==", true, func(a, b Value) bool { return a == b }},
	{"!=", true, func(a, b Value) bool { return a != b }},
	{"<=", false, func(a, b Value) bool { return numbers(a, b) && a.Float() <= b.Float() }},
	{">=", false, func(a, b Value) bool { return numbers(a, b) && a.Float() >= b.Float() }},
	{"<", false, func(a, b Value) bool { return numbers(a, b) && a.Float() < b.Float() }},
	{">", false, func(a, b Value) bool { return numbers(a, b) && a.Float() > b.Float() }},
}

func numbers(a, b Value) bool { return !a.IsWord() && !b.IsWord() }

// String writes c so that ParseCondition reads it back.
func (c Condition) String() string { return c.Param + " " + c.Op + " " + c.Value.String() }

// MarshalText writes the text of String.
func (c Condition) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (c *Condition) UnmarshalText(text []byte) error {
	parsed, err := ParseCondition(string(text))
	if err != nil {
		return fmt.Errorf("sweep: condition %q: %w", text, err)
	}
	*c = parsed
	return nil
}

// ValidWord reports whether w can be a categorical value: a letter, then letters,
// digits, _ and -.
func ValidWord(w string) bool {
	for i, r := range w {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || (r < '0' || r > '9') && r != '_' && r != '-') {
			return false
		}
	}
	return w != "" && len(w) <= 64
}

// ParseNumber reads a finite number of YAML 1.2's core schema: decimal with an
// optional fraction and exponent, 0o and 0x integers. 1_000 and 1:30 are text.
func ParseNumber(text string) (Value, bool) {
	if len(text) > 2 && text[0] == '0' && (text[1] == 'o' || text[1] == 'x') {
		base := 8
		if text[1] == 'x' {
			base = 16
		}
		n, err := strconv.ParseUint(text[2:], base, 53)
		return Value{number: float64(n)}, err == nil
	}
	digits := strings.TrimLeft(text, "+-")
	if len(text)-len(digits) > 1 || digits == "" || strings.Trim(digits, "0123456789.eE+-") != "" || digits[0] == 'e' || digits[0] == 'E' {
		return Value{}, false
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return Value{}, false
	}
	if f == 0 {
		f = 0 // no negative zero: it prints and hashes unlike 0
	}
	return Value{number: f}, true
}
