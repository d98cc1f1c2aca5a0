// Package report turns a sweep into what people keep of it: one HTML page with
// its figures and pictures inside (Write), and tables for other programs
// (Export).
//
// Invariants: output is a function of the arguments, byte for byte; there is no
// clock, file or network here. Everything that comes from a sweep (names,
// descriptions, error messages, pictures) is untrusted: text passes through
// html/template's escaping, pictures are embedded only when they are PNGs. The
// page runs no script and loads nothing, and its Content-Security-Policy holds a
// browser to that.
//
// It must not import Temporal, GoMLX, an object store or workflows.
package report
