package sweep

import (
	"encoding/json"
	"fmt"
	"time"
)

// String writes d as "12h" or "1h30m": without zero minutes and seconds at the end.
func (d Duration) String() string {
	text := time.Duration(d).String()
	if n := len(text); n > 2 && text[n-2:] == "0s" && text[n-3] == 'm' {
		text = text[:n-2]
	}
	if n := len(text); n > 2 && text[n-2:] == "0m" && text[n-3] == 'h' {
		text = text[:n-2]
	}
	return text
}

// MarshalJSON writes the text of String.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (d *Duration) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("sweep: a duration is text like \"12h30m\", not %s", data)
	}
	v, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("sweep: duration: %w", err)
	}
	*d = Duration(v)
	return nil
}
