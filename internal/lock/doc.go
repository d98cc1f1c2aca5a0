// Package lock locks files between processes. The kernel releases a lock when its
// process ends, so a crash leaves no lock behind; the lock file itself stays.
//
// The lock is of the open file: it excludes two holders in one process, too.
//
// It must not import any other package of tailsweep.
package lock
