package sweep

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ParseCondition reads "NAME OP VALUE"; OP is one of == != < <= > >=, VALUE a
// number or a word. Words compare with == and != only.
func ParseCondition(text string) (Condition, error) {
	const want = `want "NAME OP VALUE" with one of == != < <= > >=`
	at := strings.IndexAny(text, "=!<>")
	if at < 0 {
		return Condition{}, fmt.Errorf("no operator: %s", want)
	}
	rest := text[at:]
	op := ""
	for _, candidate := range []string{"==", "!=", "<=", ">=", "<", ">"} {
		if strings.HasPrefix(rest, candidate) {
			op = candidate
			break
		}
	}
	name, operand := strings.TrimSpace(text[:at]), strings.TrimSpace(rest[len(op):])
	switch {
	case op == "":
		return Condition{}, fmt.Errorf("unknown operator: %s", want)
	case name == "" || strings.ContainsAny(name, "\t\n"):
		return Condition{}, fmt.Errorf("no parameter name before %s: %s", op, want)
	case operand == "" || strings.ContainsAny(operand, "=!<> \t\n\"'"):
		return Condition{}, fmt.Errorf("no value after %s: %s", op, want)
	}
	c := Condition{Param: name, Op: op}
	if v, ok := coreNumber(operand); ok {
		c.Value = v
		return c, nil
	}
	if !isWord(operand) {
		return Condition{}, fmt.Errorf("%q is neither a finite number nor a word: %s", operand, want)
	}
	c.Value = Word(operand)
	if op != "==" && op != "!=" {
		return Condition{}, fmt.Errorf("%s compares numbers, and %q is a word", op, operand)
	}
	return c, nil
}

// String writes c so that ParseCondition reads it back.
func (c Condition) String() string { return c.Param + " " + c.Op + " " + c.Value.String() }

// Holds reports whether the condition is true of params. It is false when the
// parameter is absent, and an ordering of a word is false.
func (c Condition) Holds(params Params) bool {
	v, ok := params[c.Param]
	if !ok {
		return false
	}
	switch c.Op {
	case "==":
		return v == c.Value
	case "!=":
		return v != c.Value
	}
	if v.IsWord() || c.Value.IsWord() {
		return false
	}
	a, b := v.Float(), c.Value.Float()
	switch c.Op {
	case "<":
		return a < b
	case "<=":
		return a <= b
	case ">":
		return a > b
	case ">=":
		return a >= b
	}
	return false
}

// Ordered returns the parameters so that each comes after the one that its
// condition names, otherwise by name. Of parameters that wait for each other in
// a cycle, which Parse lets none through, it returns none.
func (s *Spec) Ordered() []Parameter {
	var ordered []Parameter
	placed := make(map[string]bool, len(s.Parameters))
	rest := slices.Clone(s.Parameters)
	for len(rest) > 0 {
		n := len(rest)
		rest = slices.DeleteFunc(rest, func(p Parameter) bool {
			if p.When != nil && !placed[p.When.Param] {
				return false
			}
			placed[p.Name] = true
			ordered = append(ordered, p)
			return true
		})
		if len(rest) == n {
			break
		}
	}
	return ordered
}

// Active reports whether p takes part in a trial that has these parameters.
func (p Parameter) Active(params Params) bool { return p.When == nil || p.When.Holds(params) }

// isWord reports whether w can be a categorical value: a letter, then letters,
// digits, _ and -.
func isWord(w string) bool {
	for i, r := range w {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || (r < '0' || r > '9') && r != '_' && r != '-') {
			return false
		}
	}
	return w != "" && len(w) <= 64
}

// coreNumber reads a finite number of YAML 1.2's core schema: decimal with an
// optional fraction and exponent, 0o and 0x integers. 1_000 and 1:30 are text.
func coreNumber(text string) (Value, bool) {
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
