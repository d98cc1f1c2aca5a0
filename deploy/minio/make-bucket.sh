#!/bin/sh
# Makes the bucket TAILSWEEP_S3_BUCKET at TAILSWEEP_S3_ENDPOINT. Safe to repeat.
# The keys reach curl by standard input, not by its command line.
set -eu

status=$(printf 'user = "%s:%s"\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" |
  curl --config - --silent --show-error --retry 30 --retry-delay 1 --retry-connrefused \
    --aws-sigv4 aws:amz:us-east-1:s3 --request PUT --output /dev/null --write-out '%{http_code}' \
    "$TAILSWEEP_S3_ENDPOINT/$TAILSWEEP_S3_BUCKET")

case $status in
  200) echo "made bucket $TAILSWEEP_S3_BUCKET" ;;
  409) echo "bucket $TAILSWEEP_S3_BUCKET is there" ;;
  *)
    echo "bucket $TAILSWEEP_S3_BUCKET: $TAILSWEEP_S3_ENDPOINT answered $status" >&2
    exit 1
    ;;
esac
