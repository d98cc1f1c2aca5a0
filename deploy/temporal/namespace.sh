#!/bin/sh
# Waits for Temporal at TEMPORAL_ADDRESS, makes the namespace TEMPORAL_NAMESPACE
# and registers tailsweep's search attributes in it. Safe to repeat.
set -eu

# Equal to SearchAttributes in workflows/messages.go; deploy/deploytest compares them.
attributes="
TailsweepState=Keyword
TailsweepSweep=Keyword
TailsweepDone=Int
TailsweepBestHead=Double
TailsweepBestTail=Double
TailsweepGPUHours=Double
"

tries=60
until temporal operator cluster health >/dev/null 2>&1; do
  tries=$((tries - 1))
  if [ "$tries" -le 0 ]; then
    echo "Temporal at $TEMPORAL_ADDRESS is not healthy" >&2
    exit 1
  fi
  sleep 2
done

if ! temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
  temporal operator namespace create --retention 30d --namespace "$TEMPORAL_NAMESPACE"
fi

present() {
  temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE" | grep -qw "$1"
}

for attribute in $attributes; do
  name=${attribute%%=*}
  if ! present "$name"; then
    temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" --name "$name" --type "${attribute#*=}"
  fi
done

# A sweep that starts before the attributes are visible is refused.
for attribute in $attributes; do
  tries=30
  until present "${attribute%%=*}"; do
    tries=$((tries - 1))
    if [ "$tries" -le 0 ]; then
      echo "search attribute ${attribute%%=*} is not visible" >&2
      exit 1
    fi
    sleep 2
  done
done
