package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"path/filepath"
	"strings"

	"github.com/tailsweep/tailsweep/internal/folder"
	"github.com/tailsweep/tailsweep/sweep"
)

// Local returns d with paths on this machine. A URL becomes the folder of the cache
// that it is downloaded to (see LocalPath), and a published set without a path gets the
// folder that `tailsweep data pull` fills. The folder may not exist yet.
func Local(d sweep.Dataset) (sweep.Dataset, error) {
	info, _ := sweep.LookupDataset(d.Name)
	if d.Path == "" && (info.BuiltIn || d.Name == sweep.ImageFolder) {
		return d, nil
	}
	for _, p := range []*string{&d.Path, &d.Reference} {
		if *p == "" && p == &d.Path {
			*p = d.Name
		} else if !sweep.Remote(*p) {
			continue
		}
		var err error
		if *p, err = LocalPath(*p); err != nil {
			return d, err
		}
	}
	return d, nil
}

// LocalPath is the folder of the cache that the files of a published set, by its
// name, or of a URL are downloaded to.
func LocalPath(nameOrURL string) (string, error) {
	dir, err := folder.Cache()
	if err != nil {
		return "", badData(err)
	}
	dir = filepath.Join(dir, "datasets")
	if !sweep.Remote(nameOrURL) {
		return filepath.Join(dir, nameOrURL), nil
	}
	sum := sha256.Sum256([]byte(nameOrURL))
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.' {
			return r
		}
		return '_'
	}, path.Base(strings.TrimRight(nameOrURL, "/")))
	return filepath.Join(dir, "url", name[:min(len(name), 64)]+"-"+hex.EncodeToString(sum[:8])), nil
}
