#!/bin/sh
# A trainer that knows nothing of tailsweep's messages (trainer.protocol: plain): POSIX shell and
# awk. It fits four weights to noisy data by gradient descent with momentum, prints "step: N loss: X",
# and prints the error of the weights at the end.
#
#     sh train.sh --lr=0.1 --momentum=0.8        # by hand: 270 steps, checkpoints in ./run
#
# In a sweep the job is in the environment: TAILSWEEP_SEED, TAILSWEEP_UNTIL, ...
set -eu
export LC_ALL=C # numbers with a point

lr=0.1 momentum=0.8
for argument; do
  case $argument in
    --lr=*) lr=${argument#*=} ;;
    --momentum=*) momentum=${argument#*=} ;;
    *) echo "argument $argument (valid: --lr=NUMBER, --momentum=NUMBER)" >&2; exit 2 ;;
  esac
done
for number in "$lr" "$momentum"; do
  case $number in
    '' | *[!0-9.eE+-]*) echo "argument $number (valid: a number)" >&2; exit 2 ;;
  esac
done
seed=${TAILSWEEP_SEED:-1}
until=${TAILSWEEP_UNTIL:-270}
every=${TAILSWEEP_CHECKPOINT_EVERY:-90}
resume=${TAILSWEEP_RESUME:-}
staging=${TAILSWEEP_STAGING:-run}
mkdir -p "$staging"

# The state: the steps done, the random generator, four weights, four velocities.
if [ -n "$resume" ]; then
  state=$(cat "$resume/state")
else
  state="0 $seed 0 0 0 0 0 0 0 0"
fi
step=${state%% *}

# SIGTERM: the shell completes the steps that run, saves, and ends. The programs that it starts
# ignore the signal, in case it is sent to the whole process group.
stop=
trap 'stop=1' TERM

save() ( # the folder gets its name when it is complete
  trap '' TERM
  rm -rf "$staging/partial" "$staging/step-$step"
  mkdir "$staging/partial"
  echo "$state" > "$staging/partial/state"
  mv "$staging/partial" "$staging/step-$step"
  echo "checkpoint: $step"
)

while [ "$step" -lt "$until" ]; do
  # To the next multiple of 10 or of the checkpoints, or the end.
  next=$((step - step % 10 + 10))
  boundary=$((step - step % every + every))
  [ "$boundary" -lt "$next" ] && next=$boundary
  [ "$until" -lt "$next" ] && next=$until
  echo "$state" > "$staging/before"
  (trap '' TERM; rm -f "$staging/after"; exec awk -v lr="$lr" -v momentum="$momentum" -v until="$next" -v after="$staging/after" '
    function uniform() { r = (16807 * r) % 2147483647; return r / 2147483647 }
    function normal() { return sqrt(-2 * log(uniform())) * cos(6.283185307179586 * uniform()) }
    {
      step = $1; r = $2
      if (step == 0) r = r % 2147483646 + 1
      for (i = 1; i <= 4; i++) { w[i] = $(2 + i); v[i] = $(6 + i) }
    }
    END {
      # The input i has the standard deviation 2^(1-i): the curvatures differ by a factor of 64.
      for (i = 1; i <= 4; i++) { size[i] = 2 ^ (1 - i); truth[i] = (i % 2 ? 1 : -1) * i }
      for (step++; step <= until; step++) {
        loss = 0
        for (i = 1; i <= 4; i++) slope[i] = 0
        for (n = 0; n < 400; n++) {
          miss = 0.5 * normal()
          for (i = 1; i <= 4; i++) { x[i] = size[i] * normal(); miss += (w[i] - truth[i]) * x[i] }
          loss += miss * miss / 400
          for (i = 1; i <= 4; i++) slope[i] += 2 * miss * x[i] / 400
        }
        error = 0
        for (i = 1; i <= 4; i++) {
          v[i] = momentum * v[i] - lr * slope[i]
          w[i] += v[i]
          error += (size[i] * (w[i] - truth[i])) ^ 2
        }
        if (!(loss < 1e9)) { print "step: " step " loss: nan"; exit }
        print "step: " step " loss: " loss
      }
      print "error: " error
      line = until " " sprintf("%.17g", r)
      for (i = 1; i <= 4; i++) line = line " " sprintf("%.17g", w[i])
      for (i = 1; i <= 4; i++) line = line " " sprintf("%.17g", v[i])
      print line > after
    }' "$staging/before")
  [ -e "$staging/after" ] || exit 0 # diverged
  read -r state < "$staging/after"
  step=$next
  if [ $((step % every)) -eq 0 ] || [ "$step" -eq "$until" ] || [ -n "$stop" ]; then save; fi
  if [ -n "$stop" ]; then exit 0; fi
done
