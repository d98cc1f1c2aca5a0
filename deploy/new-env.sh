#!/bin/sh
# Writes .env for docker-compose.yml: random secrets, the addresses as the host
# sees them, the clone's version, and the profile (gpu where an NVIDIA driver
# answers, else cpu). An existing .env is left alone: its secrets are in the volumes already.
#
#   deploy/new-env.sh && docker compose up -d --build
set -eu
umask 077

target="$(dirname "$0")/../.env"
if [ -e "$target" ]; then
  echo "$target exists: remove it, and the volumes (docker compose down -v), to start again" >&2
  exit 1
fi

version=$(git -C "$(dirname "$0")/.." describe --tags --always --dirty 2>/dev/null || echo unknown)

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

profile=cpu
if command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi -L >/dev/null 2>&1; then
  profile=gpu
fi

# noclobber: two runs at once must not mix their secrets.
set -C
cat >"$target" <<END
# Made by deploy/new-env.sh. Not for the repository.
COMPOSE_PROFILES=$profile
# The version that the images are built as; set it again when you update the clone.
TAILSWEEP_VERSION=$version
# 1: the trainer runs the commands of specs (trainer.command in a spec).
TAILSWEEP_ALLOW_COMMANDS=0

POSTGRES_PASSWORD=$(random)
GRAFANA_ADMIN_PASSWORD=$(random)

# For the services and for the tailsweep command on this machine:
#   set -a; . ./.env; set +a; tailsweep run examples/quickstart.yaml
AWS_ACCESS_KEY_ID=tailsweep
AWS_SECRET_ACCESS_KEY=$(random)
TEMPORAL_ADDRESS=127.0.0.1:7233
TAILSWEEP_S3_ENDPOINT=http://127.0.0.1:9000
TAILSWEEP_S3_BUCKET=tailsweep
END
echo "wrote $target (profile $profile)"
