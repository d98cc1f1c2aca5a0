package specfile

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tailsweep/tailsweep/sweep"
)

// conformer checks nodes against the schema, tells every fault with its place,
// and writes what is sound as JSON. Broken values are left out, so that the rest
// of the file can be checked all the same.
type conformer struct {
	file   string
	faults Faults
	nodes  map[string]*node    // given values by path: "train.steps", "metrics[0].name"
	places map[string]position // where to point for a path: a scalar, or the key of a mapping or list
	broken map[string]bool     // paths that have faults
}

// fault reports that the value at path is wrong.
func (c *conformer) fault(path, value, message, valid string) {
	c.faultAt(c.place(path), path, value, message, valid)
}

func (c *conformer) faultAt(p position, path, value, message, valid string) {
	c.broken[path] = true
	c.faults = append(c.faults, Fault{File: c.file, Line: p.line, Column: p.column, Field: path, Value: value, Message: message, Valid: valid})
}

// place is where path is in the file, or the nearest thing around it.
func (c *conformer) place(path string) position {
	for {
		if p, ok := c.places[path]; ok {
			return p
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			return position{1, 1}
		}
		path = path[:cut]
	}
}

// given reports whether the file has a value at path, sound or not.
func (c *conformer) given(path string) bool { return c.nodes[path] != nil }

// sound reports whether none of the paths, nor anything in them, has a fault.
func (c *conformer) sound(paths ...string) bool {
	for broken := range c.broken {
		for _, path := range paths {
			if broken == path || strings.HasPrefix(broken, path+".") || strings.HasPrefix(broken, path+"[") {
				return false
			}
		}
	}
	return true
}

// shown is a node's text for a fault.
func (n *node) shown() string {
	switch n.kind {
	case kindMapping:
		return "a mapping"
	case kindList:
		return "a list"
	case kindNull:
		return "nothing"
	}
	if n.text == "" {
		return `""`
	}
	return n.text
}

// conform returns n as JSON, or nil when it is broken. n has its place already.
func (c *conformer) conform(path string, n *node, s *schema) json.RawMessage {
	c.nodes[path] = n
	if n.kind == kindBroken {
		c.broken[path] = true
		return nil
	}
	wants := map[string]nodeKind{"object": kindMapping, "array": kindList, "number": kindNumber, "integer": kindNumber, "string": kindText, "boolean": kindBool}
	names := map[string]string{"object": "not a mapping", "array": "not a list", "number": "not a number", "integer": "not an integer", "string": "not text", "boolean": "not true or false"}
	switch {
	case len(s.Enum) > 0 && s.Pattern != "" && n.kind == kindText && regexp.MustCompile(s.Pattern).MatchString(n.text):
		return c.text(path, n, s)
	case len(s.Enum) > 0 && n.kind != kindMapping && n.kind != kindList:
		return c.word(path, n, s)
	case n.kind != wants[s.Type]:
		message := names[s.Type]
		_, number := sweep.ParseNumber(n.text)
		if n.kind == kindText && (number || s.Type == "boolean" && isBool(n.text)) {
			message += ": it is in quotes"
		}
		if s.Type == "string" && n.kind != kindMapping && n.kind != kindList && n.kind != kindNull {
			message += ": it wants quotes"
		}
		c.fault(path, n.shown(), message, s.legal())
		return nil
	}
	switch s.Type {
	case "object":
		return c.object(path, n, s)
	case "array":
		return c.array(path, n, s)
	case "string":
		return c.text(path, n, s)
	case "boolean":
		return json.RawMessage(strings.ToLower(n.text))
	}
	return c.number(path, n, s)
}

// word checks n against a closed list.
func (c *conformer) word(path string, n *node, s *schema) json.RawMessage {
	v := sweep.Word(n.text)
	if n.kind == kindNumber {
		v = n.number
	}
	if slices.Contains(s.Enum, v) && n.kind != kindNull && n.text != "" {
		data, _ := v.MarshalJSON() // a word or a finite number: cannot fail
		return data
	}
	message := "unknown value"
	words := make([]string, len(s.Enum))
	for i, e := range s.Enum {
		words[i] = e.String()
	}
	near := nearest(n.text, words)
	if slices.Contains(words, string(sweep.DistLogUniform)) && nearest(n.text, append(words, "log_uniform")) == "log_uniform" {
		near = string(sweep.DistLogUniform) // the word without its ending
	}
	switch {
	case n.text == "log_uniform" && strings.HasSuffix(path, ".distribution"):
		message = "takes exponents in W&B, which is not supported: use log_uniform_values and the bounds themselves"
	case reservedWord(path, n.text):
		message = "not supported by this version"
	case near != "" && n.kind == kindText:
		message = fmt.Sprintf("unknown value, did you mean %q?", near)
	}
	valid := s.legal()
	if strings.HasPrefix(path, "metrics[") && strings.HasSuffix(path, ".name") {
		valid = sweep.MetricWords() // the same list, shorter
	}
	c.fault(path, n.shown(), message, valid)
	return nil
}

func (c *conformer) number(path string, n *node, s *schema) json.RawMessage {
	f := n.number.Float()
	if s.Type == "integer" && f != float64(int64(f)) {
		c.fault(path, n.text, "not an integer", s.legal())
		return nil
	}
	if !s.within(f) {
		c.fault(path, n.text, "out of range", s.legal())
		return nil
	}
	if s.Type == "integer" {
		return strconv.AppendInt(nil, int64(f), 10)
	}
	data, _ := n.number.MarshalJSON() // finite: cannot fail
	return data
}

func (c *conformer) text(path string, n *node, s *schema) json.RawMessage {
	length := utf8.RuneCountInString(n.text)
	pattern, err := regexp.Compile(s.Pattern)
	if err != nil {
		panic("sweep: schema.json: " + err.Error()) // a build that a test refuses
	}
	switch {
	case length < s.MinLength, s.MaxLength > 0 && length > s.MaxLength:
		c.fault(path, n.shown(), fmt.Sprintf("has %d characters", length), s.legal())
		return nil
	case !pattern.MatchString(n.text):
		c.fault(path, n.shown(), "not well formed", s.legal())
		return nil
	}
	data, _ := json.Marshal(n.text) // a string: cannot fail
	return data
}

func (c *conformer) array(path string, n *node, s *schema) json.RawMessage {
	if len(n.items) < s.MinItems || s.MaxItems > 0 && len(n.items) > s.MaxItems {
		c.fault(path, "", fmt.Sprintf("has %d entries", len(n.items)), fmt.Sprintf("%d to %d", s.MinItems, s.MaxItems))
		return nil
	}
	out, sep := []byte("["), ""
	first := make(map[string]bool)
	for i, item := range n.items {
		itemPath := fmt.Sprintf("%s[%d]", path, i)
		c.places[itemPath] = item.at
		data := c.conform(itemPath, item, s.Items)
		if data == nil {
			continue
		}
		if s.UniqueItems && first[string(data)] {
			c.fault(itemPath, item.shown(), "listed twice", "each value once")
			continue
		}
		first[string(data)] = true
		out = append(append(out, sep...), data...)
		sep = ","
	}
	return append(out, ']')
}

func (c *conformer) object(path string, n *node, s *schema) json.RawMessage {
	out, sep := []byte("{"), ""
	for _, e := range n.entries {
		fieldPath := joinPath(path, e.key)
		c.places[fieldPath] = e.value.at
		if e.value.kind == kindMapping || e.value.kind == kindList || e.value.kind == kindNull {
			c.places[fieldPath] = e.at
		}
		field, known := s.Properties[e.key]
		if !known {
			c.unknown(fieldPath, e, s)
			continue
		}
		if data := c.conform(fieldPath, e.value, field); data != nil {
			out = append(strconv.AppendQuote(append(out, sep...), e.key), ':')
			out = append(out, data...)
			sep = ","
		}
	}
	for _, name := range s.Required {
		if n.get(name) == nil {
			c.faultAt(c.place(path), joinPath(path, name), "", "is missing", s.Properties[name].legal())
		}
	}
	if len(n.entries) < s.MinProperties {
		c.fault(path, "", "has no entries", s.legal())
	}
	return append(out, '}')
}

// unknown reports a field that the schema does not have.
func (c *conformer) unknown(path string, e entry, s *schema) {
	message, valid := "unknown field", strings.Join(s.names(), ", ")
	switch near := nearest(e.key, s.names()); {
	case reservedField(path):
		message, valid = "not supported by this version", ""
	case near != "":
		message = fmt.Sprintf("unknown field, did you mean %q?", near)
	}
	c.faultAt(e.at, path, "", message, valid)
}
