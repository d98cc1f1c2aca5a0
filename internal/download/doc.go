// Package download downloads files over HTTP. A file is complete or absent: its bytes
// are written to NAME.part, verified against a digest if one is known, and renamed. A
// download that was interrupted, by the network or by the end of the process, resumes if
// the server confirms that the file is the same.
package download
