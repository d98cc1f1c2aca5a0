package address

import (
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// URL is an address that may carry a secret. It is printed without the secret.
type URL string

// String returns the address without its secrets.
func (u URL) String() string {
	if s := string(u); !strings.Contains(s, "://") && strings.Contains(s, "@") {
		return hidden + s[strings.LastIndex(s, "@"):]
	}
	return Redact(string(u))
}

// GoString is String, so that %#v prints no secret.
func (u URL) GoString() string { return u.String() }

// MarshalText is String, so that JSON and logs carry no secret.
func (u URL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// hidden replaces a secret.
const hidden = "***"

var (
	// addresses are URLs, and user:password@host without a scheme. (\x60 is a backquote.)
	addresses = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s"'<>\x60]+|[^\s"'<>\x60:@/=(\[,]*:[^\s"'<>\x60:@/][^\s"'<>\x60]*@[A-Za-z0-9\[]`)
	// secrets are the values of query parameters that are credentials: those of
	// presigned S3 URLs and the usual names of tokens.
	secrets = regexp.MustCompile(`(?i)([?&;][^=&;#\s]*(?:token|signature|credential|secret|password|passwd|api_?key|access_?key|\bsig|\bkey)[^=&;#\s]*=)[^&;#\s"'<>]*`)
)

// Redact returns text with the user names, passwords and access tokens of all addresses
// in it replaced by ***. A secret before @ without a scheme is only recognised behind a
// user name and a colon: me@work may be a file.
func Redact(text string) string {
	if !strings.ContainsAny(text, marks) {
		return text
	}
	lines := strings.SplitAfter(text, "\n") // an address is within a line
	for i, line := range lines {
		if strings.ContainsAny(line, marks) {
			lines[i] = redact(line)
		}
	}
	return strings.Join(lines, "")
}

// marks are the characters without which a text has nothing to replace. Most lines have
// none, and the expressions are slow.
const marks = "@?&;"

func redact(text string) string {
	if strings.Contains(text, "@") {
		text = redactUsers(text)
	}
	lower := strings.ToLower(text)
	if !slices.ContainsFunc(secretWords, func(word string) bool { return strings.Contains(lower, word) }) {
		return text
	}
	return secrets.ReplaceAllString(text, "${1}"+hidden)
}

// secretWords: each name of a parameter in secrets has one of them. Most texts have none,
// and secrets is slow.
var secretWords = []string{"token", "sig", "credential", "secret", "passw", "key"}

// redactUsers replaces what is before @ in addresses.
func redactUsers(text string) string {
	return addresses.ReplaceAllStringFunc(text, func(s string) string {
		at := strings.Index(s, "://") + len("://")
		if at < len("://") {
			return hidden + s[strings.LastIndex(s, "@"):]
		}
		authority := s[at:]
		if end := strings.IndexAny(authority, "/?#"); end >= 0 {
			authority = authority[:end]
		}
		last := strings.LastIndex(authority, "@")
		if last < 0 && strings.Contains(s, "@") {
			// A password with a slash: such a URL cannot be parsed.
			if _, err := url.Parse(s); err != nil {
				last = strings.LastIndex(s[at:], "@")
			}
		}
		if last >= 0 {
			s = s[:at] + hidden + s[at+last:]
		}
		return s
	})
}

// NewLogger returns a logger that writes to w without the secrets of URLs.
func NewLogger(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if kind := a.Value.Kind(); kind != slog.KindString && kind != slog.KindAny {
			return a
		}
		switch v := a.Value.Any().(type) {
		case string:
			a.Value = slog.StringValue(Redact(v))
		case error:
			a.Value = slog.StringValue(Redact(v.Error()))
		case fmt.Stringer:
			a.Value = slog.StringValue(Redact(v.String()))
		}
		return a
	}}))
}
