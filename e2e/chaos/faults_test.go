package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The next fault that starts a worker of this name would leave the first one running.
func TestTheWorkerOfALostFaultIsEnded(t *testing.T) {
	b := &worker{name: "b", cmd: exec.Command("sleep", "1000"), ended: make(chan struct{})}
	require.NoError(t, b.cmd.Start())
	go func() {
		_ = b.cmd.Wait() // ended by a signal
		close(b.ended)
	}()
	t.Cleanup(b.kill)
	site := &site{workers: map[string]*worker{}, proxy: &proxy{}}
	for _, name := range lasting {
		site.workers[name] = &worker{name: name}
	}
	r := &round{chaos: &chaos{site: site, rand: rand.New(rand.NewPCG(387, 0)), began: time.Now()}} // of a random moment, at once
	fault := fault{name: "takes too long", limit: soon, inject: func(context.Context, *round) error {
		site.workers["b"] = b
		return errors.New("no step")
	}}
	require.NoError(t, r.inject(t.Context(), fault))
	require.Equal(t, 1, r.lost)
	require.NotContains(t, site.workers, "b")
	select {
	case <-b.ended:
	default:
		t.Fatal("it still runs")
	}
}
