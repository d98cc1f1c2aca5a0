package specfile

import (
	"bytes"
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

	"github.com/tailsweep/tailsweep/sweep"
)

// Limits of a spec file. A real one has some 60 lines; the parser's time grows
// with the square of the depth of brackets, and aliases multiply.
const (
	maxFileBytes = 64 << 10
	maxDepth     = 16
	maxNodes     = 10_000
)

type nodeKind int

const (
	kindBroken nodeKind = iota // its fault is told already
	kindNull
	kindBool
	kindNumber
	kindText
	kindList
	kindMapping
)

// node is a value of a YAML document, by the core schema of YAML 1.2, with its
// position. The nodes of a document are a tree, but for aliases: these share.
type node struct {
	kind    nodeKind
	at      position
	text    string      // a scalar as written, without quotes
	number  sweep.Value // of kindNumber
	items   []*node
	entries []entry
	size    int // nodes in it, shared ones counted each time
}

type entry struct {
	key   string
	at    position
	value *node
}

type position struct{ line, column int }

// documentReader turns goccy/go-yaml's syntax tree into nodes. It reads scalars
// itself: the library decodes by YAML 1.1 in places (1_000, 0b11) and takes 1e-3
// for text.
type documentReader struct {
	file    string
	anchors map[string]*node
	faults  Faults
}

// readDocument reads the one mapping of a YAML file. The mapping may lack what
// had faults.
func readDocument(file string, data []byte) (*node, Faults) {
	r := &documentReader{file: file, anchors: map[string]*node{}}
	whole := func(message, valid string) (*node, Faults) {
		r.fault(position{1, 1}, "", "", message, valid)
		return nil, r.faults
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // a byte order mark
	if len(data) > maxFileBytes {
		return whole(fmt.Sprintf("the file has %d bytes", len(data)), fmt.Sprintf("at most %d", maxFileBytes))
	}
	if !utf8.Valid(data) {
		return whole("the file is not UTF-8 text", "")
	}
	if line, column, deep := tooDeep(string(data)); deep {
		r.fault(position{line, column}, "", "", "brackets are nested too deep", fmt.Sprintf("at most %d", maxDepth))
		return nil, r.faults
	}
	parsed, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var syntax *yaml.SyntaxError
		if !errors.As(err, &syntax) || syntax.Token == nil || syntax.Token.Position == nil {
			return whole("this is not YAML: "+oneLine(err.Error()), "")
		}
		message := oneLine(syntax.Message)
		if strings.Contains(syntax.Token.Origin, "\t") || strings.Contains(syntax.Message, "'\t'") {
			message = "YAML is indented with spaces, and this is a tab"
		}
		r.fault(at(syntax.Token), "", "", message, "")
		return nil, r.faults
	}
	var root *node
	for _, doc := range parsed.Docs {
		if doc.Body == nil || isDirective(doc.Body) {
			continue
		}
		if root != nil {
			r.fault(at(doc.Body.GetToken()), "", "", "a second document begins here", "one a file")
			break
		}
		root = r.read("", doc.Body, 0)
	}
	switch {
	case root == nil && len(r.faults) == 0:
		return whole("the file has no spec in it", "a mapping that begins with apiVersion: "+sweep.APIVersion)
	case root != nil && root.kind == kindBroken:
		return nil, r.faults
	case root != nil && root.kind != kindMapping:
		r.fault(root.at, "", root.text, "not a spec", "a mapping that begins with apiVersion: "+sweep.APIVersion)
		return nil, r.faults
	}
	return root, r.faults
}

// tooDeep finds the first bracket that is nested deeper than maxDepth.
func tooDeep(text string) (line, column int, deep bool) {
	depth := 0
	for _, t := range lexer.Tokenize(text) {
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			if depth++; depth > maxDepth {
				return t.Position.Line, t.Position.Column, true
			}
		case token.SequenceEndType, token.MappingEndType:
			depth--
		}
	}
	return 0, 0, false
}

func isDirective(n ast.Node) bool {
	_, is := n.(*ast.DirectiveNode)
	return is
}

func at(t *token.Token) position { return position{t.Position.Line, t.Position.Column} }

func (r *documentReader) fault(p position, field, value, message, valid string) {
	r.faults = append(r.faults, Fault{File: r.file, Line: p.line, Column: p.column, Field: field, Value: value, Message: message, Valid: valid})
}

// read reads the value at path.
func (r *documentReader) read(path string, n ast.Node, depth int) *node {
	p := at(n.GetToken())
	broken := &node{at: p, size: 1}
	if depth > maxDepth {
		r.fault(p, path, "", "values are nested too deep", fmt.Sprintf("at most %d", maxDepth))
		return broken
	}
	out := broken
	switch n := n.(type) {
	case *ast.MappingNode:
		out = r.mapping(path, n.Values, depth)
		if len(n.Values) == 0 {
			out.at = p
		}
	case *ast.MappingValueNode:
		out = r.mapping(path, []*ast.MappingValueNode{n}, depth)
	case *ast.SequenceNode:
		out = &node{kind: kindList, at: p, size: 1}
		for i, v := range n.Values {
			item := r.read(fmt.Sprintf("%s[%d]", path, i), v, depth+1)
			out.items = append(out.items, item)
			out.size += item.size
		}
	case *ast.AnchorNode:
		out = r.read(path, n.Value, depth)
		r.anchors[n.Name.GetToken().Value] = out
	case *ast.AliasNode:
		name := n.Value.GetToken().Value
		anchored, ok := r.anchors[name]
		if !ok {
			r.fault(p, path, "*"+name, "no anchor of this name comes before", "")
			return broken
		}
		out = anchored
	case *ast.TagNode:
		r.fault(p, path, n.Start.Value, "tags are not supported", "the value without its tag")
	case *ast.LiteralNode:
		out = &node{kind: kindText, at: p, text: n.Value.Value, size: 1}
	case ast.ScalarNode:
		out = scalar(n.GetToken())
	default:
		r.fault(p, path, "", "this kind of YAML is not supported", "mappings, lists, numbers and text")
	}
	if out.size > maxNodes {
		r.fault(p, path, "", "the file has too many values, aliases counted each time", fmt.Sprintf("at most %d", maxNodes))
		return broken
	}
	return out
}

func (r *documentReader) mapping(path string, values []*ast.MappingValueNode, depth int) *node {
	out := &node{kind: kindMapping, size: 1}
	first := make(map[string]int)
	for _, v := range values {
		key := v.Key.GetToken()
		p := at(key)
		if out.at == (position{}) {
			out.at = p
		}
		switch v.Key.(type) {
		case *ast.MergeKeyNode:
			r.fault(p, path, key.Value, "merge keys are not part of YAML 1.2", "a plain name")
			continue
		case *ast.MappingKeyNode:
			r.fault(p, path, key.Value, "this kind of key is not supported", "a plain name")
			continue
		}
		if line, twice := first[key.Value]; twice {
			r.fault(p, joinPath(path, key.Value), "", "given twice", fmt.Sprintf("once; the first is in line %d", line))
			continue
		}
		first[key.Value] = p.line
		value := r.read(joinPath(path, key.Value), v.Value, depth+1)
		out.entries = append(out.entries, entry{key: key.Value, at: p, value: value})
		out.size += value.size
	}
	return out
}

// scalar resolves a scalar by the core schema: quoted ones are text, plain ones
// null, true, false, a finite number, or text.
func scalar(t *token.Token) *node {
	n := &node{kind: kindText, at: at(t), text: t.Value, size: 1}
	if t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType {
		return n
	}
	switch v, number := sweep.ParseNumber(t.Value); {
	case slices.Contains([]string{"", "~", "null", "Null", "NULL"}, t.Value):
		n.kind = kindNull
	case isBool(t.Value):
		n.kind = kindBool
	case number:
		n.kind, n.number = kindNumber, v
	}
	return n
}

func isBool(text string) bool {
	return slices.Contains([]string{"true", "True", "TRUE", "false", "False", "FALSE"}, text)
}

// joinPath is the path of a field of the mapping at path.
func joinPath(path, field string) string {
	if path == "" {
		return field
	}
	return path + "." + field
}

// get returns the value of a key, nil when there is none.
func (n *node) get(key string) *node {
	for _, e := range n.entries {
		if e.key == key {
			return e.value
		}
	}
	return nil
}
