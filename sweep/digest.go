package sweep

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Digest returns the SHA-256, in hex, of the spec's JSON. Specs that mean the same have
// the same digest, however their YAML is laid out.
func (s *Spec) Digest() string {
	data, err := json.Marshal(s)
	if err != nil {
		panic("sweep: a spec that cannot be written: " + err.Error()) // only a number that is not finite; Parse lets none through
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
