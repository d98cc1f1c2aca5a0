// Package file writes files atomically, and computes digests and sizes.
//
// A reader of a file that Write or Create replaces sees the old content or the new
// content, also after a crash, and never a part of either.
//
// What another process may have made is opened with OpenPlain or ReadPlain, which bound the
// size and follow no link.
//
// It must not import any other package of tailsweep.
package file
