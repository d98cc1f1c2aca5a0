// Package download downloads files over HTTP. A file is whole or absent: its bytes
// come into NAME.part, are compared with a digest where one is known, and get their
// name by rename. A download that was interrupted, by the network or by the end of the
// process, goes on where it was if the server says that the file is the same.
package download
