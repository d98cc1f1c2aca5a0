package sweep

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Value is a parameter's value: a finite number or a word. The zero Value is the
// number 0. Values compare with ==.
type Value struct {
	number float64
	word   string
}

// Number returns a numeric value. It panics if f is not finite: no parameter can be, and
// JSON cannot express it.
func Number(f float64) Value {
	if !IsFinite(f) {
		panic(fmt.Sprintf("sweep: value %v is not finite", f))
	}
	return Value{number: f}
}

// Word returns a categorical value that is not a number. w must not be empty.
func Word(w string) Value { return Value{word: w} }

// IsWord reports whether v is a word.
func (v Value) IsWord() bool { return v.word != "" }

// Float returns the number, 0 for a word.
func (v Value) Float() float64 { return v.number }

// String returns the shortest text that reads back as v.
func (v Value) String() string {
	if v.word != "" {
		return v.word
	}
	return strconv.FormatFloat(v.number, 'g', -1, 64)
}

// Short returns v for people: a number has at most four significant digits.
func (v Value) Short() string {
	if v.word != "" {
		return v.word
	}
	return strconv.FormatFloat(v.number, 'g', 4, 64)
}

// MarshalJSON writes a number or a string.
func (v Value) MarshalJSON() ([]byte, error) { return v.AppendJSON(nil), nil }

// AppendJSON appends what encoding/json writes for v. A suggestion makes thousands of
// keys of parameters, for which reflection takes ten times as long.
func (v Value) AppendJSON(to []byte) []byte {
	if v.word != "" {
		return appendQuoted(to, v.word)
	}
	if size := math.Abs(v.number); size != 0 && (size < 1e-6 || size >= 1e21) {
		data, err := json.Marshal(v.number)
		if err != nil {
			panic("sweep: " + err.Error()) // Number has refused what is not finite
		}
		return append(to, data...)
	}
	return strconv.AppendFloat(to, v.number, 'f', -1, 64)
}

// appendQuoted appends text as a JSON string, as encoding/json does.
func appendQuoted(to []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || strings.IndexByte(`"\<>&`, c) >= 0 {
			data, err := json.Marshal(text)
			if err != nil {
				panic("sweep: " + err.Error()) // json writes every string
			}
			return append(to, data...)
		}
	}
	return append(append(append(to, '"'), text...), '"')
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (v *Value) UnmarshalJSON(data []byte) error {
	data = bytes.TrimSpace(data)
	if len(data) > 0 && data[0] == '"' {
		var w string
		if err := json.Unmarshal(data, &w); err != nil {
			return err
		}
		if w == "" {
			return fmt.Errorf("sweep: a value cannot be an empty word")
		}
		*v = Word(w)
		return nil
	}
	var f float64
	if err := json.Unmarshal(data, &f); err != nil {
		return fmt.Errorf("sweep: a value is a number or a word, not %s", data)
	}
	*v = Number(f)
	return nil
}

// Duration is a time.Duration written "12h30m" in YAML and JSON.
type Duration time.Duration

// String writes d as "12h" or "1h30m": without zero minutes and seconds at the end.
func (d Duration) String() string {
	text := time.Duration(d).String()
	if minutes, ok := strings.CutSuffix(text, "m0s"); ok {
		text = minutes + "m"
	}
	if hours, ok := strings.CutSuffix(text, "h0m"); ok {
		text = hours + "h"
	}
	return text
}

// MarshalText writes the text of String.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("sweep: duration: %w", err)
	}
	*d = Duration(v)
	return nil
}
