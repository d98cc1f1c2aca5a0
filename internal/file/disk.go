package file

import (
	"errors"
	"slices"
	"syscall"
)

// DiskFails reports whether err means that the disk of this machine takes no more: it is
// full, over a quota, read-only or broken.
func DiskFails(err error) bool {
	var errno syscall.Errno
	return errors.As(err, &errno) && slices.Contains([]syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EIO}, errno)
}
