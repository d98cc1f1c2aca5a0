package main

import (
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/bench/measure"
	"github.com/tailsweep/tailsweep/trainer/backend"
)

// text is docs/benchmarks/train.md.
func (r *results) text() string {
	var b strings.Builder
	printf := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format, args...) } // a strings.Builder takes everything
	printf(`# How fast training and sampling are

Written by %[1]smake bench-train%[1]s; do not edit. %[2]s, Go %[3]s, JAX %[4]s, %[5]d cores, %[6]s.

The same models are trained by tailsweep and by a JAX program written for this comparison (bench/train/peers/jax_peer.py: the same layers, losses, clipped Adam and EMA; one jitted step
with donated state, its noise drawn inside). Ours is the real training loop of %[1]stailsweep train%[1]s: it gathers the batch, draws noise on the host, and adds to the loss curve. 28x28 grey
images, batch %[7]d, float32; the transformer has width 128, depth 4, patch 4, 4 heads, the U-Net width 32, one block a level. *Both losses* are InfoNCE and alignment: one more forward
pass, differentiated. Every process takes one step in its turn, so that other load on the machine affects all of them equally; the step that compiles is left out.

**s** is wall clock on this machine, including other load; **CPU** is processor time, summed over cores: on a busy machine it varies less. **Ratio** is JAX over ours (above 1: ours is
faster), of the least and, in brackets, of the median. Ratios carry over to other machines, seconds do not.

## Steps

| case | parameters, ours and JAX | GFLOP | | least s | median s | ratio | least CPU s | median CPU s | ratio | peak MB |
|---|---|---:|---|---:|---:|---:|---:|---:|---:|---:|
`, "`", time.Now().UTC().Format("2006-01-02"), strings.TrimPrefix(runtime.Version(), "go"), r.version, runtime.NumCPU(), measure.Processor(), batch)
	for _, c := range r.cases {
		row := func(name string, m measured) {
			ratio := func(of func(cost) float64) string {
				if name == "JAX" {
					return "1"
				}
				return fmt.Sprintf("%.2f (%.2f)", c.jax.steps.least(of)/m.steps.least(of), c.jax.steps.median(of)/m.steps.median(of))
			}
			printf("| %s | %d = %d | %.1f | %s | %.3f | %.3f | %s | %.3f | %.3f | %s | %.0f |\n", caseName(c.arch, c.both), m.parameters, c.jax.parameters, c.jax.flops/1e9, name,
				m.steps.least(wall), m.steps.median(wall), ratio(wall), m.steps.least(processor), m.steps.median(processor), ratio(processor), float64(m.memory)/1e6)
		}
		row("JAX", c.jax)
		for i, name := range r.plan.backends {
			row(name, c.own[i])
		}
	}
	printf("\nGFLOP is XLA's own count of the JAX step. %d steps of each were timed, %d of backend go.\n", r.plan.rounds, min(r.plan.rounds, r.plan.goRounds))
	r.sampling(printf)
	r.parts(printf)
	r.checkpointing(printf)
	r.goals(printf)
	return b.String()
}

type printer func(format string, args ...any)

func (r *results) sampling(printf printer) {
	printf(`
## Sampling, and a complete evaluation

DDIM-%d with guidance, %d images at a time, the conditional and the unconditional half in one pass; JAX runs all steps in one compiled loop. %d steps were timed and taken times %.4g. The evaluation of %d
samples at one guidance scale is **an estimate from parts that were measured**: drawing %d images at this rate, and the rest (features of the real and of all drawn images, and every metric),
which was run completely.

| model | | images/s | ratio | images/CPU s | ratio | the rest, s | evaluation, s |
|---|---|---:|---:|---:|---:|---:|---:|
`, ddimSteps, sampleBatch, r.plan.ddim, ddimSteps/float64(r.plan.ddim), samples, samples)
	for _, c := range r.cases {
		if c.both {
			continue
		}
		rate := func(m measured, of func(cost) float64) float64 {
			return sampleBatch / (m.sampling.least(of) * ddimSteps / float64(r.plan.ddim))
		}
		printf("| %s | JAX | %.2f | 1 | %.2f | 1 | | |\n", c.arch, rate(c.jax, wall), rate(c.jax, processor))
		for i, name := range r.plan.backends {
			m := c.own[i]
			printf("| %s | %s | %.2f | %.2f | %.2f | %.2f | %.1f | %.0f |\n", c.arch, name, rate(m, wall), rate(m, wall)/rate(c.jax, wall),
				rate(m, processor), rate(m, processor)/rate(c.jax, processor), m.evaluate, m.evaluate+samples/rate(m, wall))
		}
	}
}

func (r *results) parts(printf printer) {
	printf(`
## Where a step's time goes

Processor time. *Host* is gathering the batch and drawing its noise, measured alone; *forward* is a pass over a batch of the same model, measured alone; *backward and update* is what is left of the plain step (gradients,
clipping, Adam, EMA, transfers); *second pass* is what both losses add to it.

| model | backend | host | forward | backward and update | second pass |
|---|---|---:|---:|---:|---:|
`)
	for i := range r.cases {
		c := r.cases[i]
		if c.both {
			continue
		}
		for k, name := range r.plan.backends {
			plain := c.own[k].steps.least(processor)
			second := "-"
			if i+1 < len(r.cases) && r.cases[i+1].both {
				second = fmt.Sprintf("%.3f", r.cases[i+1].own[k].steps.least(processor)-plain)
			}
			host, forward := c.own[k].host.Processor, c.own[k].forward.Processor
			printf("| %s | %s | %.4f | %.3f | %.3f | %s |\n", c.arch, name, host, forward, plain-host-forward, second)
		}
	}
	for _, c := range r.cases {
		for k, name := range r.plan.backends {
			if lines := c.own[k].profile; len(lines) > 0 {
				printf("\nBackend %s on %s, plain, by pprof (share of the samples, the function itself):\n\n    %s\n", name, c.arch, strings.Join(lines, "\n    "))
			}
		}
	}
}

func (r *results) checkpointing(printf printer) {
	printf(`
## Checkpoints

The transformer, a checkpoint every 4 steps, written while the training continues. *Lost* is the median step that begins with a copy of the state, less the median of the others: what training waits. *Complete after* is from
the step to the event that names the folder (written, hashed, fsynced), which is sent between steps.

| backend | step, s | with a checkpoint, s | lost, s | share of 2,000 steps | steps at which it is 1 %% | complete after, s |
|---|---:|---:|---:|---:|---:|---:|
`)
	for _, s := range r.saving {
		lost := max(0, s.After-s.Normal)
		printf("| %s | %.3f | %.3f | %.3f | %.4f %% | %.0f | %.2f |\n", s.backend, s.Normal, s.After, lost, 100*lost/(2000*s.Normal), 100*lost/s.Normal, s.Named)
	}
}

func (r *results) goals(printf printer) {
	printf("\n## Goals\n\n| goal | measured | |\n|---|---|---|\n")
	for k, name := range r.plan.backends {
		if name == backend.Go {
			continue // auto takes it only where there is no XLA
		}
		for _, c := range r.cases {
			ratio := c.jax.steps.least(processor) / c.own[k].steps.least(processor)
			printf("| %s: a step of %s takes no more processor time than JAX's | %.2f times as fast | %s |\n", name, caseName(c.arch, c.both), ratio, measure.Met(ratio >= 1))
			memory := float64(c.own[k].memory) / float64(c.jax.memory)
			printf("| %s: its process takes no more memory | %.2f of JAX's | %s |\n", name, memory, measure.Met(memory <= 1))
		}
		for _, s := range r.saving {
			if s.backend == name {
				share := max(0, s.After-s.Normal) / (2000 * s.Normal)
				printf("| %s: checkpoints cost under 1 %% of the training | %.4f %% at every 2,000 steps | %s |\n", name, 100*share, measure.Met(share < 0.01))
			}
		}
	}
}
