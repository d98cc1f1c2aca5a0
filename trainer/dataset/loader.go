package dataset

import (
	"sync"
	"time"
)

// followEvery is how often a Loader's Progress hears something.
const followEvery = 2 * time.Second

// Loader loads, and says how far it is: decoding a large image folder takes minutes.
// The zero Loader is silent.
type Loader struct {
	// Progress, if not nil, hears every two seconds how many of all images are read.
	// Its error ends the loading and is what that returns.
	Progress func(done, all int) error
	Log      func(format string, a ...any) // text for people; may be nil
}

func (l Loader) log(format string, a ...any) {
	if l.Log != nil {
		l.Log(format, a...)
	}
}

// follow waits for wg and tells Progress how far it is, calling stop once that
// returns an error, which follow returns.
func (l Loader) follow(wg *sync.WaitGroup, done func() int, all int, stop func()) (err error) {
	ended := make(chan struct{})
	go func() {
		wg.Wait()
		close(ended)
	}()
	ticker := time.NewTicker(followEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ended:
			return err
		case <-ticker.C:
			if l.Progress == nil || err != nil {
				continue
			}
			if err = l.Progress(done(), all); err != nil {
				stop()
			}
		}
	}
}
