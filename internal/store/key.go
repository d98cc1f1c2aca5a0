package store

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxKey is the longest key in bytes, a Config's prefix included; S3's own limit.
const MaxKey = 1024

// CheckKey returns an error unless every service stores key unchanged: it must have
// segments of at most 255 bytes (services that keep files use them as file names),
// separated by single slashes, none of them "." or "..", in UTF-8 without control
// characters or backslashes.
func CheckKey(key string) error {
	switch {
	case key == "":
		return fmt.Errorf("object store: a key cannot be empty")
	case len(key) > MaxKey:
		return fmt.Errorf("object store: a key of %d bytes is longer than %d", len(key), MaxKey)
	case !utf8.ValidString(key):
		return fmt.Errorf("object store: key %q is not UTF-8", key)
	}
	for segment := range strings.SplitSeq(key, "/") {
		switch {
		case segment == "" || segment == "." || segment == "..":
			return fmt.Errorf("object store: key %q has a segment %q", key, segment)
		case len(segment) > 255:
			return fmt.Errorf("object store: key %q has a segment of more than 255 bytes", key)
		}
	}
	if i := strings.IndexFunc(key, func(r rune) bool { return r == '\\' || unicode.IsControl(r) }); i >= 0 {
		return fmt.Errorf("object store: key %q has a character that not every service keeps, at byte %d", key, i)
	}
	return nil
}

// CheckFolder returns an error unless prefix may be passed to Folders.
func CheckFolder(prefix string) error {
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		return fmt.Errorf("object store: folder prefix %q must be empty or end with a slash", prefix)
	}
	return nil
}

// CheckConditional returns an error unless key and body may be put conditionally.
func CheckConditional(op, key string, body []byte) error {
	if len(body) > MaxConditional {
		return fmt.Errorf("object store: %s %s: %d bytes are more than the %d that a conditional write takes", op, key, len(body), MaxConditional)
	}
	return CheckKey(key)
}
