# MinIO from source: upstream is archived and publishes no images. AGPL-3.0, a
# separate server, never linked with tailsweep.
FROM golang:1.26.8-bookworm AS build
ARG MINIO_VERSION=v0.0.0-20260212201848-7aac2a2c5b7c
ENV CGO_ENABLED=0 GOBIN=/out
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    go install -trimpath -ldflags='-s -w' "github.com/minio/minio@${MINIO_VERSION}"

FROM debian:bookworm-20251229-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 65532 --no-create-home minio \
    && install -d -o minio -g minio -m 0750 /data
COPY --from=build /out/minio /usr/local/bin/minio
COPY --chmod=0555 deploy/minio/make-bucket.sh /usr/local/bin/make-bucket
USER 65532
VOLUME /data
ENTRYPOINT ["minio"]
CMD ["server", "/data"]
