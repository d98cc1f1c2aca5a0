package specfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tailsweep/tailsweep/sweep"
)

// Limits of a spec file. A real one has some 60 lines; the parser's time grows
// with the square of the depth of brackets, and aliases multiply.
const (
	maxFileBytes = 64 << 10
	maxDepth     = 16
	maxValues    = 10_000
)

// document is a YAML file as a tree of JSON values, with the position of each.
type document struct {
	file   string
	root   any               // map[string]any, []any, json.Number, string, bool or nil; nil where a value is broken
	values map[path]written  // every value that the file has, broken ones too
	keys   map[path]position // of every field
	broken map[path]bool     // fields that have a fault
	faults Faults

	anchors map[string]ast.Node // read so far
	count   int                 // values read, with those of an alias counted each time
	beyond  *Fault              // the limit that the file exceeds: nothing more is read
}

// written is a value as the file has it.
type written struct {
	at     position // where a fault points: at a scalar, or at the key of a mapping or list
	text   string   // the text of a scalar without its quotes, else "a mapping", "a list" or "nothing"
	scalar bool
	quoted bool
}

// shown is the text for a fault.
func (w written) shown() string {
	if w.text == "" {
		return `""`
	}
	return w.text
}

type position struct{ line, column int }

// readDocument reads the one mapping of a YAML file. Its root is nil when the file
// has no mapping to check.
func readDocument(file string, data []byte) *document {
	const wanted = "a mapping that begins with apiVersion: " + sweep.APIVersion
	d := readValue(file, data, "spec", wanted)
	if _, mapping := d.root.(map[string]any); !mapping {
		d.root = nil
		d.refuseRoot("a spec", wanted)
	}
	return d
}

// trained reports whether a program of the user trains what the document describes.
func (d *document) trained() bool {
	fields, _ := d.root.(map[string]any)
	return fields["trainer"] != nil
}

// schema is the one that the document follows.
func (d *document) schema() *jsonschema.Schema {
	if d.trained() {
		return compiledProgram()
	}
	return compiled()
}

// refuseRoot reports that the file's value is not what it should be, unless it has a
// fault already.
func (d *document) refuseRoot(what, wanted string) {
	if len(d.faults) > 0 {
		return
	}
	value := ""
	if w := d.values[""]; w.scalar {
		value = w.text
	}
	d.fault("", value, "not "+what, wanted)
}

// readValue reads the one value of a YAML file. Its root is nil when it cannot be read.
// The faults name what the file should have, and wanted says how that begins.
func readValue(file string, data []byte, what, wanted string) *document {
	d := &document{file: file, values: map[path]written{}, keys: map[path]position{}, broken: map[path]bool{}, anchors: map[string]ast.Node{}}
	refuseFile := func(message, valid string) *document {
		d.root = nil
		d.faultAt(position{1, 1}, "", "", message, valid)
		return d
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // a byte order mark
	if len(data) > maxFileBytes {
		return refuseFile(fmt.Sprintf("the file has %d bytes", len(data)), fmt.Sprintf("at most %d", maxFileBytes))
	}
	if !utf8.Valid(data) {
		return refuseFile("the file is not UTF-8 text", "")
	}
	if p, deep := tooDeep(string(data)); deep {
		d.faultAt(p, "", "", "brackets are nested too deep", fmt.Sprintf("at most %d", maxDepth))
		return d
	}
	body, ok := d.parse(data)
	switch {
	case !ok:
		return d
	case body == nil:
		return refuseFile("the file has no "+what+" in it", wanted)
	}
	d.root = d.read("", nil, body, 0)
	if d.beyond != nil {
		d.root, d.faults = nil, Faults{*d.beyond}
	}
	return d
}

// parse returns the syntax tree of the file's one document, nil if it is empty; ok is
// false if the text is not YAML.
func (d *document) parse(data []byte) (body ast.Node, ok bool) {
	parsed, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		p, message := position{1, 1}, "this is not YAML: "+oneLine(err.Error())
		var syntax *yaml.SyntaxError
		if errors.As(err, &syntax) && syntax.Token != nil && syntax.Token.Position != nil {
			p, message = at(syntax.Token), oneLine(syntax.Message)
			// The parser has no typed error for a tab; the case "tab" of TestParseReportsFaults pins the text.
			if strings.Contains(syntax.Token.Origin, "\t") || strings.Contains(syntax.Message, "'\t'") {
				message = "YAML is indented with spaces, and this is a tab"
			}
		}
		d.faultAt(p, "", "", message, "")
		return nil, false
	}
	for _, doc := range parsed.Docs {
		if _, directive := doc.Body.(*ast.DirectiveNode); doc.Body == nil || directive {
			continue
		}
		if body != nil {
			d.faultAt(at(doc.Body.GetToken()), "", "", "a second document begins here", "one document in a file")
			break
		}
		body = doc.Body
	}
	return body, true
}

// tooDeep finds the first bracket that is nested deeper than maxDepth.
func tooDeep(text string) (p position, deep bool) {
	depth := 0
	for _, t := range lexer.Tokenize(text) {
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			if depth++; depth > maxDepth {
				return at(t), true
			}
		case token.SequenceEndType, token.MappingEndType:
			depth--
		}
	}
	return position{}, false
}

func at(t *token.Token) position { return position{t.Position.Line, t.Position.Column} }

// read returns the value at p and records it. key is the position of its key, nil for
// an item of a list. goccy/go-yaml only gives the syntax tree: it decodes by YAML 1.1
// in places (1_000, 0b11), and reads 1e-3 as text.
func (d *document) read(p path, key *position, n ast.Node, depth int) any {
	own := at(n.GetToken())
	exceeded := func(message string, limit int) any {
		d.beyond = &Fault{File: d.file, Line: own.line, Column: own.column, FieldError: sweep.FieldError{Field: string(p), Message: message, Valid: fmt.Sprintf("at most %d", limit)}}
		return nil
	}
	switch d.count++; {
	case d.beyond != nil:
		return nil
	case d.count > maxValues:
		return exceeded("the file has too many values, aliases counted each time", maxValues)
	case depth > maxDepth:
		return exceeded("values are nested too deep", maxDepth)
	}
	container := func(text string) {
		w := written{at: own, text: text}
		if key != nil {
			w.at = *key
		}
		d.values[p] = w
	}
	refuse := func(value, message, valid string) any {
		d.values[p] = written{at: own, text: value, scalar: true}
		d.fault(p, value, message, valid)
		return nil
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return d.mapping(p, key, own, n.Values, depth)
	case *ast.MappingValueNode:
		return d.mapping(p, key, own, []*ast.MappingValueNode{n}, depth)
	case *ast.SequenceNode:
		container("a list")
		items := make([]any, len(n.Values))
		for i, v := range n.Values {
			items[i] = d.read(p.item(i), nil, v, depth+1)
		}
		return items
	case *ast.AnchorNode:
		value := d.read(p, key, n.Value, depth)
		d.anchors[n.Name.GetToken().Value] = n.Value
		return value
	case *ast.AliasNode:
		name := n.Value.GetToken().Value
		anchored, ok := d.anchors[name]
		if !ok {
			return refuse("*"+name, "no anchor of this name comes before", "")
		}
		return d.read(p, key, anchored, depth+1)
	case *ast.TagNode:
		return refuse(n.Start.Value, "tags are not supported", "the value without its tag")
	case *ast.LiteralNode:
		d.values[p] = written{at: own, text: n.Value.Value, scalar: true, quoted: true}
		return n.Value.Value
	case ast.ScalarNode:
		value, w := scalar(n.GetToken())
		if value == nil {
			container("nothing")
		} else {
			d.values[p] = w
		}
		return value
	}
	return refuse("", "this kind of YAML is not supported", "mappings, lists, numbers and text")
}

func (d *document) mapping(p path, key *position, own position, values []*ast.MappingValueNode, depth int) any {
	fields := make(map[string]any, len(values))
	first := make(map[string]int) // line of a key
	switch {
	case key != nil:
		own = *key
	case len(values) > 0:
		own = at(values[0].Key.GetToken())
	}
	d.values[p] = written{at: own, text: "a mapping"}
	for _, v := range values {
		t := v.Key.GetToken()
		here, field := at(t), p.field(t.Value)
		switch v.Key.(type) {
		case *ast.MergeKeyNode:
			d.faultAt(here, p, t.Value, "merge keys are not part of YAML 1.2", "a plain name")
			continue
		case *ast.MappingKeyNode:
			d.faultAt(here, p, t.Value, "this kind of key is not supported", "a plain name")
			continue
		}
		if line, twice := first[t.Value]; twice {
			d.faultAt(here, field, "", "given twice", fmt.Sprintf("once; the first is in line %d", line))
			continue
		}
		first[t.Value], d.keys[field] = here.line, here
		fields[t.Value] = d.read(field, &here, v.Value, depth+1)
	}
	return fields
}

// scalar resolves a scalar by YAML 1.2's core schema: a quoted one is text, a plain one
// is nothing, true, false, a finite number, or text.
func scalar(t *token.Token) (any, written) {
	w := written{at: at(t), text: t.Value, scalar: true}
	if t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType {
		w.quoted = true
		return t.Value, w
	}
	if slices.Contains([]string{"", "~", "null", "Null", "NULL"}, t.Value) {
		return nil, w
	}
	if isBool(t.Value) {
		return strings.EqualFold(t.Value, "true"), w
	}
	if v, number := sweep.ParseNumber(t.Value); number {
		return json.Number(v.AppendJSON(nil)), w
	}
	return t.Value, w
}

func isBool(text string) bool {
	return slices.Contains([]string{"true", "True", "TRUE", "false", "False", "FALSE"}, text)
}

// fault reports that the value at p is wrong.
func (d *document) fault(p path, value, message, valid string) {
	d.faultAt(d.place(p), p, value, message, valid)
}

func (d *document) faultAt(at position, p path, value, message, valid string) {
	d.broken[p] = true
	d.faults = append(d.faults, Fault{File: d.file, Line: at.line, Column: at.column, FieldError: sweep.FieldError{Field: string(p), Value: value, Message: message, Valid: valid}})
}

// place is where a fault at p points: at the value, or at the nearest value around it.
func (d *document) place(p path) position {
	for {
		if w, ok := d.values[p]; ok {
			return w.at
		}
		if p == "" {
			return position{1, 1}
		}
		p = p[:max(0, strings.LastIndexAny(string(p), ".["))]
	}
}
