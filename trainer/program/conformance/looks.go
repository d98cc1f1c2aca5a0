package conformance

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// messageTypes are the types of the messages of docs/trainer-protocol.md.
var messageTypes = []job.Type{
	job.Started, job.Progress, job.Checkpoint, job.Metrics, job.Done, job.Diverged, job.Preempted, job.Error,
}

// maxShown bounds how much of a line a finding quotes, in bytes.
const maxShown = 120

// typeKey matches the start of a message that is not JSON: {'type': ...}, {type: ...}.
var typeKey = regexp.MustCompile(`^\{\s*(?:'type'|type)\s*:`)

// oddity says why a line of output looks like a message and is none; "" if it does not look
// like one, or is one. stderr is whether it is a line of standard error.
func oddity(line string, stderr bool) string {
	line = strings.TrimSpace(line)
	if !strings.HasPrefix(line, "{") {
		return ""
	}
	if typeKey.MatchString(line) {
		return "is not JSON: names and words need double quotes (in Python: print(json.dumps(message)))"
	}
	var m struct {
		Type *string
	}
	if err := json.Unmarshal([]byte(line), &m); err != nil {
		if strings.Contains(line, `"type"`) {
			return "is not valid JSON (" + text.Clip(err.Error(), maxShown) + ")"
		}
		return ""
	}
	switch {
	case m.Type == nil && looksLikeFields(line):
		return `has no field "type"`
	case m.Type == nil:
		return ""
	case !slices.Contains(messageTypes, job.Type(*m.Type)):
		return `has the type "` + text.Clip(*m.Type, maxShown) + `", which is none of ` + typeWords()
	case stderr:
		return "is on standard error: messages go to standard output"
	}
	return ""
}

// looksLikeFields reports whether a JSON object has a field that messages have.
func looksLikeFields(line string) bool {
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(line), &fields) != nil {
		return false
	}
	for _, name := range []string{"step", "losses", "metrics"} {
		if _, has := fields[name]; has {
			return true
		}
	}
	return false
}

// typeWords lists the types of messages.
func typeWords() string {
	var words []string
	for _, t := range messageTypes {
		words = append(words, string(t))
	}
	return strings.Join(words, ", ")
}

// plainNumbers matches a name and a number with a blank between, as in "loss 0.5": the
// protocol plain reads "loss=0.5" and "loss: 0.5".
var plainNumbers = regexp.MustCompile(`(?i)\b(step|loss)\s+[-+]?[0-9.]`)

// plainOddity is oddity of a line of a plain program.
func plainOddity(line string) string {
	if plainNumbers.MatchString(line) {
		return "has numbers without = or : between name and number"
	}
	return ""
}
