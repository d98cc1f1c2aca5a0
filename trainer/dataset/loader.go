package dataset

import (
	"sync"
	"time"
)

// followEvery is how often a Loader calls Progress.
const followEvery = 2 * time.Second

// Loader loads datasets and reports its progress: decoding a large image folder takes
// minutes. The zero Loader reports nothing.
type Loader struct {
	// Progress, if not nil, is called every two seconds with the number of images that
	// are read. An error that it returns ends the loading, which returns that error.
	Progress func(done, all int) error
	Log      func(format string, a ...any) // text for people; may be nil
}

func (l Loader) log(format string, a ...any) {
	if l.Log != nil {
		l.Log(format, a...)
	}
}

// follow waits for wg and calls Progress meanwhile, and stop with the error of Progress.
func (l Loader) follow(wg *sync.WaitGroup, done func() int, all int, stop func(error)) {
	progress := l.Progress
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
			return
		case <-ticker.C:
			if progress == nil {
				continue
			}
			if err := progress(done(), all); err != nil {
				stop(err)
				progress = nil
			}
		}
	}
}
