// Package download downloads files over HTTP. A file is complete or absent: its bytes
// are written to NAME.part, verified against a digest if one is known, and renamed. A
// download that was interrupted, by the network or by the end of the process, resumes if
// the server confirms that the file is the same.
//
// Invariants: no error and no log shows the secrets of a URL; no more than Request.Limit bytes
// are written.
//
// The only packages of tailsweep that it may import are the small helpers of internal/.
package download
