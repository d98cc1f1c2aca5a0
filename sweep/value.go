package sweep

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// Value is a parameter's value: a finite number or a word. The zero Value is the
// number 0. Values compare with ==.
type Value struct {
	number float64
	word   string
}

// Number returns a numeric value. It panics when f is not finite, since no
// parameter can be and JSON has no word for it.
func Number(f float64) Value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		panic(fmt.Sprintf("sweep: value %v is not finite", f))
	}
	return Value{number: f}
}

// Word returns a categorical value that is not a number. w must not be empty.
func Word(w string) Value { return Value{word: w} }

// IsWord reports whether v is a word.
func (v Value) IsWord() bool { return v.word != "" }

// Float returns the number; 0 for a word.
func (v Value) Float() float64 { return v.number }

// String returns the shortest text that reads back as v.
func (v Value) String() string {
	if v.word != "" {
		return v.word
	}
	return strconv.FormatFloat(v.number, 'g', -1, 64)
}

// MarshalJSON writes a number or a string.
func (v Value) MarshalJSON() ([]byte, error) {
	if v.word != "" {
		return json.Marshal(v.word)
	}
	return json.Marshal(v.number)
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
