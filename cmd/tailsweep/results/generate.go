package results

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/evaluate"
	"github.com/tailsweep/tailsweep/trainer/generate"
)

// generateSeed is the default of --seed: not that of evaluations, whose samples decided
// which trial is the best.
const generateSeed = 2

// shownClasses is how many classes an error lists.
const shownClasses = 20

// amounts are the flags for the number of images.
type amounts struct {
	classes                 *[]string
	total, perClass, fillTo *int
}

// of returns the number of images that are wanted of each class.
func (w amounts) of(about dataset.About) ([]int, error) {
	var chosen []int
	for class := range about.Classes {
		chosen = append(chosen, class)
	}
	if len(*w.classes) > 0 {
		chosen = nil
	}
	for _, name := range *w.classes {
		class, ok := sweep.FindClass(about.Classes, name)
		if !ok {
			return nil, cli.Usagef("generate: --class %s is not a class of the model (valid: its name or number from 0: %s)", name, text.List(about.Classes, shownClasses))
		}
		if !slices.Contains(chosen, class) {
			chosen = append(chosen, class)
		}
	}
	slices.Sort(chosen)
	wanted := make([]int, len(about.Classes))
	for i, class := range chosen {
		switch {
		case *w.total > 0:
			wanted[class] = *w.total / len(chosen)
			if i < *w.total%len(chosen) {
				wanted[class]++
			}
		case *w.perClass > 0:
			wanted[class] = *w.perClass
		default:
			wanted[class] = max(0, *w.fillTo-about.Counts[class])
		}
	}
	return wanted, nil
}

// Generate is the verb generate: it draws images into a folder.
func Generate(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "generate DIR|SWEEP --to DIR",
		Short: "Draw images of chosen classes into a folder, checked by gates",
		Long: `generate draws images from a checkpoint: a pulled folder, or the best trial of a sweep. It
writes a PNG for each image into a folder for each class, index.csv with a row for each
image, and CARD.md. An image that fails a gate (label, near_copy, duplicate) is refused,
listed with the reason, and the next one is drawn. docs/generate.md describes the gates
and the columns.

The same checkpoint, class, seed and index give the same image on one backend. The same
command continues where an earlier one ended; one with a larger number adds images.

Where fewer images than asked for pass the gates, the exit code is 6.`,
		Example: `  tailsweep generate my-sweep --fill-to 1000 --to balanced --with-real
  tailsweep generate best/trial-000007 --class bag,coat -n 500 --seed 3 --to new`,
		Args: cli.Args(1, 1, "one checkpoint folder or sweep"),
	}
	output := cli.OutputFlag(cmd)
	f := cmd.Flags()
	dir := f.String("to", "", "output folder; made as needed")
	var w amounts
	w.classes = f.StringSlice("class", nil, "names or numbers of classes, separated by commas (default: all)")
	w.total = cli.Within(f, "number", f.IntP("number", "n", 0, "images in total, spread evenly over the classes"), 1, math.MaxInt32)
	w.perClass = cli.Within(f, "per-class", f.Int("per-class", 0, "images of each class"), 1, math.MaxInt32)
	w.fillTo = cli.Within(f, "fill-to", f.Int("fill-to", 0, "of each class as many images as its training images lack to reach this number"), 1, math.MaxInt32)
	trial := cli.Within(f, "trial", f.Int("trial", 0, "number of the sweep's trial (default: the best)"), 0, math.MaxInt)
	seed := f.Int64("seed", generateSeed, "seed of the noise; evaluations use evaluate.seed of the spec")
	guidance := cli.Within(f, "guidance", f.Float64("guidance", 0, "guidance scale (default: that of the trial's evaluation, or the spec's one scale, else 1)"), 0, 20)
	steps := cli.Within(f, "steps", f.Int("steps", 0, "denoising steps (default: as in the spec)"), 1, sweep.DiffusionSteps)
	gates := f.StringSlice("gates", nil, "gates, separated by commas: "+strings.Join(sweep.ImageGates(), ", ")+", or "+generate.NoGates+" (default: generate.gates of the spec, else all that can be applied)")
	attempts := cli.Within(f, "attempts", f.Int("attempts", 0, fmt.Sprintf("images drawn of a class at most, as a multiple of those wanted (default: generate.attempts of the spec, else %d)", sweep.DefaultAttempts)), 1, 1000)
	withReal := f.Bool("with-real", false, "also put the training images into the folder, as hard links or copies")
	symlinks := f.Bool("symlinks", false, "with --with-real: as symbolic links")
	name := cli.BackendFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		given := 0
		for _, n := range []int{*w.total, *w.perClass, *w.fillTo} {
			given += min(n, 1)
		}
		switch {
		case *dir == "":
			return cli.Usagef("generate: --to DIR is missing (valid: the folder for the images)")
		case given != 1:
			return cli.Usagef("generate: the number of images is missing, or given twice (valid: one of -n, --per-class and --fill-to)")
		case *symlinks && !*withReal:
			return cli.Usagef("generate: --symlinks is for --with-real")
		}
		chosen, err := chosenGates(*gates)
		if err != nil {
			return err
		}
		if !cmd.Flags().Changed("trial") {
			*trial = -1
		}
		ctx := cmd.Context()
		from, spec, remove, err := checkpointFolder(ctx, a, args[0], *trial)
		defer remove()
		if err != nil {
			return err
		}
		b, err := backend.Open(name.Value)
		if err != nil {
			return err
		}
		defer b.Close()
		m, err := evaluate.Open(b, from)
		if err != nil {
			return cli.AsBadInput(err)
		}
		defer m.Close()
		a.Log("%s on %s", b.Choice, b.Device)
		manifest, err := checkpoint.ReadManifest(from)
		if err != nil {
			return err
		}
		about, err := m.Classes()
		if err != nil {
			return cli.AsBadInput(err)
		}
		o := generate.Options{
			Backend: b, Model: m, Manifest: manifest, Dir: *dir,
			Attempts: *attempts, Seed: *seed, Guidance: *guidance, Steps: cmp.Or(*steps, m.Spec.Evaluate.Steps()), Gates: chosen,
			WithReal: *withReal, Symlinks: *symlinks,
			Real: func() (generate.Real, error) { return realImages(ctx, a, m.Spec.Dataset, dataset.Loader.Balanced) },
			Log:  a.Log, Progress: showDrawing(a),
		}
		if o.Wanted, err = w.of(about); err != nil {
			return err
		}
		if spec == nil {
			spec = &m.Spec
		}
		if g := spec.Generate; g != nil {
			o.Attempts = cmp.Or(o.Attempts, g.Attempts)
			if o.Gates == nil {
				o.Gates = g.Gates
			}
		}
		o.Attempts = cmp.Or(o.Attempts, sweep.DefaultAttempts)
		if !cmd.Flags().Changed("guidance") {
			if o.Guidance, err = evaluatedGuidance(from, m); err != nil {
				return err
			}
		}
		made, err := generate.Run(ctx, o)
		if errors.Is(err, context.Canceled) {
			a.Log("generate: %s has what was drawn so far; the same command continues", *dir)
		}
		if err != nil {
			return cli.AsBadInput(err)
		}
		if err := a.PrintAs(output, made, madeText(made)...); err != nil {
			return err
		}
		if made.Missing > 0 {
			return cli.ExitWith(cli.ExitFewer, fmt.Errorf("generate: %s missing: no draw passed the gates, with %d draws at most for each (valid: more --attempts, other --gates, another --guidance)",
				english.Plural(made.Missing, "image is", "images are"), o.Attempts))
		}
		return nil
	}
	return cmd
}

// chosenGates checks the words of --gates; nil where the flag is not given.
func chosenGates(given []string) ([]string, error) {
	valid := strings.Join(sweep.ImageGates(), ", ") + ", or " + generate.NoGates + " alone"
	if given == nil {
		return nil, nil
	}
	gates := []string{}
	for _, gate := range given {
		switch {
		case slices.Contains(sweep.ImageGates(), gate):
			gates = append(gates, gate)
		case gate != generate.NoGates || len(given) > 1:
			return nil, cli.Usagef("generate: --gates %s (valid: %s)", strings.Join(given, ","), valid)
		}
	}
	return gates, nil
}

// checkpointFolder returns the folder of a checkpoint: the argument, or that to which the
// trial of a sweep was pulled, and then the spec of the sweep. The caller calls remove, after
// an error, too.
func checkpointFolder(ctx context.Context, a *cli.App, argument string, trial int) (dir string, spec *sweep.Spec, remove func(), err error) {
	remove = func() {}
	info, err := os.Stat(argument)
	folder, path := err == nil && info.IsDir(), strings.ContainsRune(argument, filepath.Separator)
	if path || folder && cli.HasCheckpoints(argument) {
		if trial >= 0 {
			return "", nil, remove, cli.Usagef("generate: --trial is for a sweep, and %s is a folder", argument)
		}
		return argument, nil, remove, cli.CheckCheckpoint("generate", argument)
	}
	arc, spec, trials, err := a.Trials(ctx, argument)
	if err != nil && folder { // that of the images often has the name of the sweep
		err = fmt.Errorf("%w (the folder %s has no checkpoint)", err, argument)
	}
	if err != nil {
		return "", nil, remove, err
	}
	if spec.Trainer != nil {
		return "", nil, remove, cli.Usagef("generate: the trials of %s were trained by a program (%s), and tailsweep cannot sample their checkpoints: pull one, and use the program itself (valid: a sweep of the built-in trainer)",
			argument, text.Clip(strings.Join(spec.Trainer.Command, " "), 100))
	}
	chosen, err := choose(spec, trials, trial, 1, "")
	if err != nil {
		return "", nil, remove, err
	}
	temporary, err := os.MkdirTemp("", "tailsweep-generate-")
	if err != nil {
		return "", nil, remove, err
	}
	remove = func() { _ = os.RemoveAll(temporary) } // a folder of this call
	p := archive.Pull{Sweep: argument, Trial: chosen[0], Dir: temporary}
	if err := arc.Pull(ctx, p); err != nil {
		return "", nil, remove, pullError(err)
	}
	a.Log("trial %d of %s", chosen[0].Number, argument)
	return p.Folder(), spec, remove, nil
}

// evaluatedGuidance is the scale at which the trial of a pulled folder was evaluated, else
// the one scale of the spec, else 1.
func evaluatedGuidance(dir string, m *trainer.Model) (float64, error) {
	var t sweep.Trial
	err := file.ReadJSON(filepath.Join(dir, archive.TrialName), &t)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	if err == nil && t.Status == sweep.StatusCompleted {
		return t.Guidance, nil
	}
	settings, err := m.Spec.Settings(m.Assignment)
	if err != nil {
		return 0, err
	}
	if len(settings.Guidance) == 1 {
		return settings.Guidance[0], nil
	}
	return 1, nil
}

// realImages reads the training images, and with real the images of which some are held out.
func realImages(ctx context.Context, a *cli.App, d sweep.Dataset, real func(dataset.Loader, sweep.Dataset) (*dataset.Set, error)) (generate.Real, error) {
	if err := a.Download(ctx, d); err != nil {
		return generate.Real{}, err
	}
	training, err := a.Load(ctx, d)
	if err != nil {
		return generate.Real{}, err
	}
	balanced, err := real(a.Loader(ctx), d)
	return generate.Real{Training: training, Balanced: balanced}, err
}

// showDrawing prints how far the drawing is, every few seconds.
func showDrawing(a *cli.App) func(generate.Progress) {
	const every = 5 * time.Second
	var began, last time.Time
	var first generate.Progress // without the time that compiling takes
	return func(p generate.Progress) {
		if began.IsZero() {
			began, last, first = time.Now(), time.Now(), p
		}
		if time.Since(last) < every || p.Missing == 0 {
			return
		}
		last = time.Now()
		left := ""
		if drawn, kept := p.Drawn-first.Drawn, p.Kept-first.Kept; drawn > 0 {
			draws := float64(p.Possible)
			if kept > 0 {
				draws = min(draws, float64(p.Missing)*float64(drawn)/float64(kept))
			}
			left = fmt.Sprintf(", about %s left", text.Duration(time.Duration(float64(time.Since(began))/float64(drawn)*draws)))
		}
		a.Log("drew %d, kept %d, %d to go%s", p.Drawn, p.Kept, p.Missing, left)
	}
}

// madeText formats a summary.
func madeText(s generate.Summary) []string {
	titles := []string{"CLASS", ">TRAINED", ">WANTED", ">KEPT", ">DRAWN"}
	for _, gate := range s.Settings.Gates {
		titles = append(titles, ">"+strings.ToUpper(gate))
	}
	t := console.NewTable(titles...)
	for _, c := range s.Classes {
		cells := []string{c.Name, strconv.Itoa(c.Trained), strconv.Itoa(c.Wanted), strconv.Itoa(c.Kept), strconv.Itoa(c.Drawn)}
		for _, gate := range s.Settings.Gates {
			cells = append(cells, strconv.Itoa(c.Refused[gate]))
		}
		t.Row(cells...)
	}
	where := filepath.Clean(s.Dir)
	if s.Real > 0 {
		where += fmt.Sprintf(", with %d training images", s.Real)
	}
	return append(t.Plain(), fmt.Sprintf("guidance %.4g, seed %d: %s", s.Settings.Guidance, s.Settings.Seed, where))
}
