// Package text shortens and formats text for people: clipped at a rune or at a
// display width, sizes and durations in short units.
//
// Invariants: a shortened text is not longer than asked, and no rune is cut. Functions are
// pure: workflow code calls them.
//
// It must not import any other package of tailsweep.
package text
