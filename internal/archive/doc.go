// Package archive keeps sweeps in object storage: the spec that reserves the name,
// ledger segments, results, checkpoints and pointers. It is the only place that makes
// keys.
//
//	v1/sweeps/<sweep>/spec.json                      the spec with its defaults, its digest, the YAML; it reserves the name, see Begin
//	v1/sweeps/<sweep>/spec.yaml                      as submitted, a copy for people; written after spec.json
//	v1/sweeps/<sweep>/files/<sha256>                 a file of the spec's trainer, by its content; written before the sweep starts
//	v1/sweeps/<sweep>/ledger/<%06d>.jsonl            a segment: a header, then one sweep.Trial per line; immutable, see docs/store.md
//	v1/sweeps/<sweep>/packs/<%06d>-<%06d>.jsonl      16, 256 or 4,096 segments in one object, a copy
//	v1/sweeps/<sweep>/trials/<%06d>/result.json      a sweep.Trial
//	v1/sweeps/<sweep>/trials/<%06d>/grid.png         the sample grid
//	v1/sweeps/<sweep>/trials/<%06d>/attempts/<k>/log.txt
//	v1/sweeps/<sweep>/trials/<%06d>/attempts/<k>/curve.jsonl    copied from a checkpoint when the trial is published; never removed by the sweep
//	v1/sweeps/<sweep>/trials/<%06d>/attempts/<k>/checkpoints/step-<%010d>/...  the manifest last
//	v1/sweeps/<sweep>/pointers/best.json             moved with If-Match
//	v1/sweeps/<sweep>/commands/<time>-<%06d>.json    an entry of the command log: a conduct.CommandEntry; immutable
//	v1/sweeps/<sweep>/state.json                     a conduct.State, written after the entries
//	v1/sweeps/<sweep>/damaged/<time>/...             what a repair has replaced
//
// Results, curves, states and entries of the command log are sealed, see sealed.go.
//
// Invariants: a sweep exists when its spec.json does, a checkpoint when its manifest
// does, and both are put with If-None-Match. Objects are read as untrusted input:
// sizes are bounded, keys and paths checked, hashes compared. Files are written only
// below the folder that the caller names.
//
// It must not import Temporal or GoMLX.
package archive
