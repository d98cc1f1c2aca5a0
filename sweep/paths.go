package sweep

import (
	"path/filepath"
	"strings"
)

// PathField is a field of a spec with the path of a file or folder on the machine that trains.
type PathField struct {
	Field  string // such as "dataset.path"
	Path   *string
	Within bool // a relative path starts in dataset.path
}

// PathFields returns the fields of the spec that have a path. URLs are left out.
func (s *Spec) PathFields() []PathField {
	all := []PathField{
		{Field: "dataset.path", Path: &s.Dataset.Path},
		{Field: "dataset.split", Path: &s.Dataset.SplitFile, Within: true},
		{Field: "dataset.reference", Path: &s.Dataset.Reference, Within: IsSplitFile(s.Dataset.Reference)},
	}
	if f := s.Evaluate.Features; f != nil {
		all = append(all, PathField{Field: FieldFeatures, Path: &f.Path}, PathField{Field: FieldClassifier, Path: &f.Classifier})
	}
	given := all[:0]
	for _, f := range all {
		if *f.Path != "" && !Remote(*f.Path) {
			given = append(given, f)
		}
	}
	return given
}

// OfHome reports whether a path starts in the home folder of its user.
func OfHome(path string) bool { return path == "~" || strings.HasPrefix(path, "~/") }

// Unresolved reports whether what the path means depends on the machine or the folder where
// the spec is.
func (f PathField) Unresolved() bool {
	return OfHome(*f.Path) || !f.Within && !filepath.IsAbs(*f.Path)
}

// Resolve makes the path absolute: ~ is home, and a relative path starts in base. A path
// in dataset.path stays as it is.
func (f PathField) Resolve(base, home string) {
	switch {
	case OfHome(*f.Path):
		*f.Path = filepath.Join(home, strings.TrimPrefix(*f.Path, "~"))
	case f.Within:
	case !filepath.IsAbs(*f.Path):
		*f.Path = filepath.Join(base, *f.Path)
	default:
		*f.Path = filepath.Clean(*f.Path)
	}
}
