// Package archive is where a sweep's things lie in object storage: the spec that
// reserves its name, ledger segments, results, checkpoints, pointers. Keys are
// made here and nowhere else.
//
//	v1/sweeps/<sweep>/spec.json                      resolved, its digest, the YAML; created once: it reserves the name
//	v1/sweeps/<sweep>/spec.yaml                      as submitted, a copy for people; written after spec.json
//	v1/sweeps/<sweep>/ledger/<%06d>.jsonl            a segment, one sweep.Trial a line; immutable
//	v1/sweeps/<sweep>/trials/<%06d>/result.json      a sweep.Trial
//	v1/sweeps/<sweep>/trials/<%06d>/grid.png         the sample grid
//	v1/sweeps/<sweep>/trials/<%06d>/attempts/<k>/log.txt
//	v1/sweeps/<sweep>/trials/<%06d>/attempts/<k>/curve.jsonl    copied from a checkpoint when the trial is published; outlives retention
//	v1/sweeps/<sweep>/trials/<%06d>/attempts/<k>/checkpoints/step-<%010d>/...  manifest last
//	v1/sweeps/<sweep>/pointers/best.json             moved with If-Match
//
// Invariants: a sweep exists when its spec.json does, a checkpoint when its
// manifest does, and both are put with If-None-Match. What is read back is
// judged as if a stranger had written it: sizes are bounded, keys and paths
// checked, hashes compared. A file is written where the caller asked or nowhere.
//
// It must not import Temporal or GoMLX.
package archive
