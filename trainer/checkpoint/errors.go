package checkpoint

import (
	"errors"
	"fmt"
)

// ErrCorrupt marks content that is not what was written: a manifest or tensor
// file that breaks its format, a file that is missing, extra, or has another size
// or hash. Test with errors.Is. A failure to read is not one.
var ErrCorrupt = errors.New("corrupt checkpoint")

func corruptf(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}
