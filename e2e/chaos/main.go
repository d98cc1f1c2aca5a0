package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	lost, err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
	}
	if err != nil || lost > 0 {
		os.Exit(1)
	}
}

// chaos is the injection of faults into one stack.
type chaos struct {
	site  *site
	want  map[string]*facts // of the undisturbed sweeps, by kind
	rand  *rand.Rand
	deck  deck
	began time.Time
	name  string // of the stack, before each line; "" where there is one
	*keeper

	faults  int // to inject
	skipped int // in a row
	done    []*record
	lost    int
}

// record is an injected fault.
type record struct {
	Number   int     `json:"number"`
	Fault    string  `json:"fault"`
	Step     string  `json:"step"`
	Seconds  float64 `json:"seconds"` // from the end of the last fault until each sweep had made a step since this one
	Limit    float64 `json:"limit"`   // of Seconds
	Lost     string  `json:"lost,omitempty"`
	ended    time.Time
	limit    time.Duration
	mark     mark
	resolved bool
}

func run(ctx context.Context, args []string) (lost int, err error) {
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	program := flags.String("tailsweep", "bin/tailsweep", "binary of tailsweep")
	hasher := flags.String("hasher", "bin/hasher", "binary of the children")
	older := flags.String("older", "", "binary of a tailsweep that does not know a field of the specs; none: no older worker is injected")
	faults := flags.Int("faults", 40, "faults to inject")
	stacks := flags.Int("stacks", 1, "stacks that run at the same time, each with its share of the faults")
	seed := flags.Uint64("seed", 1, "of the choice of faults and steps")
	only := flags.String("only", "", "inject only faults whose name contains this")
	keep := flags.String("results", "", "file to append a line of JSON a fault to")
	from := flags.String("table", "", "print the table of the faults in this file of results, and inject none")
	if err := flags.Parse(args); err != nil {
		return 0, err
	}
	if *from != "" {
		return printFile(*from)
	}
	if *stacks < 1 || *stacks > *faults {
		return 0, fmt.Errorf("-stacks %d: must be 1 to -faults, %d", *stacks, *faults)
	}
	k := &keeper{}
	if *keep != "" {
		if k.file, err = os.OpenFile(*keep, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644); err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, k.file.Close()) }()
	}
	binaries := programs{tailsweep: *program, older: *older, hasher: *hasher}
	runs := make([]*chaos, *stacks)
	errs := make([]error, *stacks) // of all of them
	var group sync.WaitGroup
	for i := range runs {
		c := &chaos{
			want: map[string]*facts{}, rand: rand.New(rand.NewPCG(*seed, uint64(i))),
			faults: (*faults + i) / *stacks, began: time.Now(), keeper: k,
		}
		c.deck = deck{rand: c.rand, only: *only}
		if *stacks > 1 {
			c.name = fmt.Sprintf("stack %d: ", i+1)
		}
		runs[i] = c
		group.Go(func() { errs[i] = c.all(ctx, binaries) })
	}
	group.Wait()
	err = errors.Join(errs...)
	var done []*record
	for _, c := range runs {
		done, lost = append(done, c.done...), lost+c.lost
	}
	fmt.Printf("\n%s\n%d faults, %d lost\n", table(done), len(done), lost)
	return lost, err
}

// all injects the faults of one stack, which it starts and ends.
func (c *chaos) all(ctx context.Context, from programs) (err error) {
	c.log("%d faults", c.faults)
	c.site, err = open(ctx, from, c.log)
	if err == nil {
		err = c.play(ctx)
	}
	if c.site != nil {
		keep := err != nil || c.lost > 0
		if keep {
			c.log("state and logs are left in %s", c.site.dir)
		}
		err = errors.Join(err, c.site.close(keep))
	}
	if err != nil {
		return fmt.Errorf("%s%w", c.name, err)
	}
	return nil
}

func (c *chaos) log(format string, args ...any) {
	fmt.Printf("%6.1fs  %s%s\n", time.Since(c.began).Seconds(), c.name, fmt.Sprintf(format, args...))
}

// keeper writes records to a file, for all stacks.
type keeper struct {
	mu   sync.Mutex
	file *os.File // nil: they are not kept
}

func (k *keeper) keep(records []*record) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.file == nil {
		return nil
	}
	for _, r := range records {
		if err := json.NewEncoder(k.file).Encode(r); err != nil {
			return err
		}
	}
	return nil
}

// play runs the undisturbed sweeps, and then rounds until all faults are injected.
func (c *chaos) play(ctx context.Context) error {
	r, err := c.begin(ctx, 0)
	if err != nil {
		return err
	}
	if err := r.finish(ctx, 5*time.Minute); err != nil {
		return err
	}
	for _, p := range r.sweeps {
		if c.want[p.name], err = c.site.facts(ctx, p); err != nil {
			return err
		}
	}
	found, err := c.verify(ctx, r.sweeps)
	if err != nil || len(found) > 0 {
		return errors.Join(err, fmt.Errorf("the undisturbed sweeps are not right: %s", strings.Join(found, "\n")))
	}
	for _, p := range r.sweeps {
		c.log("%s has %d trials", p.id, len(c.want[p.name].trials))
	}
	for n := 1; len(c.done) < c.faults; n++ {
		if err := c.round(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// round is the sweeps that run at once.
type round struct {
	*chaos
	name   string
	sweeps []*played
	faults []*record
}

// begin starts the sweeps of a round; number 0 is the undisturbed one.
func (c *chaos) begin(ctx context.Context, number int) (*round, error) {
	r := &round{chaos: c, name: "undisturbed"}
	if number > 0 {
		r.name = fmt.Sprintf("round%d", number)
	}
	for _, k := range kindsOf(number) {
		p, err := c.site.plan(k, r.name)
		if err == nil {
			err = c.site.run(ctx, p)
		}
		if err != nil {
			return nil, err
		}
		r.sweeps = append(r.sweeps, p)
	}
	return r, nil
}

// running lists the sweeps that had not ended when somebody looked last.
func (r *round) running() []*played {
	return slices.DeleteFunc(slices.Clone(r.sweeps), func(p *played) bool { return p.over })
}

// over looks whether all sweeps have ended.
func (r *round) over(ctx context.Context) bool {
	all := true
	for _, p := range r.sweeps {
		if !p.over {
			p.over, _ = r.site.ended(ctx, p.id) // without an answer it has not
		}
		all = all && p.over
	}
	return all
}

// mark is the progress of the sweeps at a moment.
type mark struct {
	r  *round
	at map[*played]int
}

func (r *round) mark() mark {
	m := mark{r, map[*played]int{}}
	for _, p := range r.running() {
		m.at[p] = p.progress()
	}
	return m
}

// all reports whether each sweep has moved since the mark or ended.
func (m mark) all(ctx context.Context) bool {
	for p, at := range m.at {
		if p.progress() > at {
			delete(m.at, p)
			continue
		}
		if p.over, _ = m.r.site.ended(ctx, p.id); p.over {
			delete(m.at, p)
		}
	}
	return len(m.at) == 0
}

// waiting lists the sweeps that have not moved.
func (m mark) waiting() string {
	var names []string
	for p := range m.at {
		names = append(names, p.id)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// pace is how long a fault may delay the next one; one more than atOnce waits until the first
// is over.
const (
	pace   = 4 * time.Second
	atOnce = 3
)

// round plays a round.
func (c *chaos) round(ctx context.Context, n int) error {
	r, err := c.begin(ctx, n)
	if err != nil {
		return err
	}
	for len(c.done)+len(r.faults) < c.faults && !r.over(ctx) {
		if err := r.inject(ctx, c.deck.draw()); err != nil {
			return err
		}
		paced := time.Now().Add(pace)
		err := within(ctx, 10*time.Minute, func() (bool, error) {
			left := r.resolve(ctx)
			return left == 0 || left < atOnce && time.Now().After(paced), nil
		})
		if err != nil {
			return err
		}
	}
	if err := r.finish(ctx, 5*time.Minute); err != nil {
		return err
	}
	found, err := c.verify(ctx, r.sweeps)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		c.log("%s: %d faults; %d sweeps are equal to the undisturbed ones", r.name, len(r.faults), len(r.sweeps))
	}
	for _, text := range found {
		c.log("LOST %s: %s", r.name, text)
		c.lost++
	}
	c.done = append(c.done, r.faults...)
	return c.keep(r.faults)
}

// skipLimit is how many faults in a row may be impossible: those that need another disk, or a
// moment that does not come.
const skipLimit = 60

// injectLimit is how long a fault itself may take; what it waits for has shorter limits.
const injectLimit = 4 * time.Minute

// inject waits for a step and injects a fault there.
func (r *round) inject(ctx context.Context, f fault) error {
	at, release, err := r.await(ctx)
	if err != nil {
		return err
	}
	defer release()
	rec := &record{Number: len(r.done) + len(r.faults) + 1, Fault: f.name, Step: at, Limit: f.limit.Seconds(), limit: f.limit}
	// A fault that kills comes while the request is held; one that lasts lets it continue.
	timer := time.AfterFunc(500*time.Millisecond, release)
	limited, cancel := context.WithTimeout(ctx, injectLimit)
	err = f.inject(limited, r)
	cancel()
	if err != nil {
		err = errors.Join(err, r.site.restore(ctx))
	}
	timer.Stop()
	release()
	switch {
	case errors.Is(err, errSkipped):
		r.log("%s: %v", f.name, err)
		r.deck.putBack(f)
		if r.skipped++; r.skipped > skipLimit {
			return fmt.Errorf("%d faults in a row cannot be injected here", r.skipped)
		}
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		rec.Lost = err.Error()
		r.log("LOST #%d %s, %s: %v", rec.Number, f.name, at, err)
		r.lost++
	}
	r.skipped = 0
	rec.ended, rec.mark = time.Now(), r.mark()
	r.faults = append(r.faults, rec)
	return nil
}

// await waits for a named step, or for a random time.
func (r *round) await(ctx context.Context) (at string, release func(), err error) {
	named, which, wait := r.rand.IntN(3) > 0, steps[r.rand.IntN(len(steps))], time.Duration(r.rand.IntN(3000))*time.Millisecond
	if !named {
		return "at a random moment", func() {}, pause(ctx, wait)
	}
	m := r.site.proxy.wait(which.method, which.path, which.after)
	var left bool
	release = func() {
		r.site.proxy.mu.Lock()
		again := left
		left = true
		r.site.proxy.mu.Unlock()
		if !again {
			r.site.proxy.leave(m)
		}
	}
	select {
	case <-ctx.Done():
		release()
		return "", nil, ctx.Err()
	case <-m.reached:
		return which.name, release, nil
	case <-time.After(stepLimit):
		release()
		return "at a random moment", func() {}, nil
	}
}

// resolve notes which faults the sweeps have got over, and those that took too long. It
// returns how many are left.
func (r *round) resolve(ctx context.Context) (left int) {
	var last time.Time // the limit counts from the last fault
	var limit time.Duration
	for _, f := range r.faults {
		last = f.ended
		if !f.resolved {
			limit = max(limit, f.limit)
		}
	}
	for _, f := range r.faults {
		if f.resolved {
			continue
		}
		f.Seconds = time.Since(last).Seconds()
		switch {
		case f.mark.all(ctx):
			f.resolved = true
			r.log("#%d %s, %s: continued after %.1f s (limit %.0f s)", f.Number, f.Fault, f.Step, f.Seconds, f.Limit)
		case time.Since(last) > limit:
			f.resolved = true
			f.Lost = "no step of " + f.mark.waiting()
			r.log("LOST #%d %s, %s: no step of %s for %.1f s (limit %.0f s)", f.Number, f.Fault, f.Step, f.mark.waiting(), f.Seconds, f.Limit)
			r.lost++
		default:
			left++
		}
	}
	return left
}

// finish waits until all sweeps have ended.
func (r *round) finish(ctx context.Context, limit time.Duration) error {
	err := within(ctx, limit, func() (bool, error) {
		over := r.over(ctx)
		return r.resolve(ctx) == 0 && over, nil
	})
	if err != nil {
		return fmt.Errorf("%s has not ended after %v: %s; the worker's log ends with:\n%s", r.name, limit, r.mark().waiting(),
			lastLines(r.site.path("logs", "worker-a.log"), 20))
	}
	return nil
}
