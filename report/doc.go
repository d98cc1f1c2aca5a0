// Package report writes a sweep as one HTML page that contains its figures and
// sample grids (Write), and as tables for other programs (ExportCSV).
//
// Invariants: output is a function of the arguments, byte for byte; there is no
// clock, file or network here. Everything that comes from a sweep (names,
// descriptions, error messages, sample grids) is untrusted: html/template escapes
// text, and sample grids are embedded only when they are PNGs. The page has no
// script and loads nothing, and its Content-Security-Policy makes a browser enforce
// that.
//
// It must not import Temporal, GoMLX, an object store or workflows.
package report
