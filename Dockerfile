# The worker, in two targets:
#
#   docker build --target cpu  -t tailsweep:cpu .     XLA on the CPU (amd64), else the Go backend
#   docker build --target cuda -t tailsweep:cuda .    XLA on an NVIDIA GPU (amd64)
#
# Both run as user 65532 and write to /var/lib/tailsweep (checkpoints before their
# upload, the cache of datasets) and /tmp only.

FROM golang:1.26.8-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG VERSION=unknown
# With cgo, for XLA; simd makes the Go backend ten times as fast.
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    GOEXPERIMENT=simd CGO_ENABLED=1 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/tailsweep ./cmd/tailsweep

# The XLA plugins are pinned by version and SHA-256 in trainer/backend/pins.go.
FROM build AS plugin-cpu
RUN TAILSWEEP_CACHE_DIR=/out/cache /out/tailsweep backend install --if-possible \
    && mkdir -p /out/cache/pjrt /out/plugins && find /out/cache/pjrt -type f -exec mv {} /out/plugins/ ';'

FROM build AS plugin-cuda
RUN TAILSWEEP_CACHE_DIR=/out/cache /out/tailsweep backend install --cuda \
    && mkdir /out/plugins && find /out/cache/pjrt -type f -exec mv {} /out/plugins/ ';'

FROM debian:bookworm-20251229-slim AS cpu
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 65532 --home-dir /var/lib/tailsweep --no-create-home tailsweep \
    && install -d -o tailsweep -g tailsweep -m 0750 /var/lib/tailsweep
COPY --from=build /out/tailsweep /usr/local/bin/tailsweep
COPY LICENSE NOTICE LICENSES /usr/share/doc/tailsweep/
COPY --from=plugin-cpu /out/plugins /opt/tailsweep/plugins
ENV PJRT_PLUGIN_LIBRARY_PATH=/opt/tailsweep/plugins TAILSWEEP_CACHE_DIR=/var/lib/tailsweep/cache HOME=/var/lib/tailsweep
WORKDIR /var/lib/tailsweep
USER 65532
ENTRYPOINT ["tailsweep"]
CMD ["worker", "--staging", "/var/lib/tailsweep/staging"]

# XLA compiles kernels at run time: it needs ptxas and libdevice (nvcc's package)
# and CUPTI in addition to the CUDA and cuDNN libraries of the base.
FROM nvidia/cuda:12.9.1-cudnn-runtime-ubuntu24.04 AS cuda
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates cuda-nvcc-12-9 cuda-cupti-12-9 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 65532 --home-dir /var/lib/tailsweep --no-create-home tailsweep \
    && install -d -o tailsweep -g tailsweep -m 0750 /var/lib/tailsweep
COPY --from=build /out/tailsweep /usr/local/bin/tailsweep
COPY LICENSE NOTICE LICENSES /usr/share/doc/tailsweep/
COPY --from=plugin-cuda /out/plugins /opt/tailsweep/plugins
ENV PJRT_PLUGIN_LIBRARY_PATH=/opt/tailsweep/plugins TAILSWEEP_CACHE_DIR=/var/lib/tailsweep/cache HOME=/var/lib/tailsweep TAILSWEEP_BACKEND=xla:cuda \
    XLA_FLAGS=--xla_gpu_cuda_data_dir=/usr/local/cuda \
    LD_LIBRARY_PATH=/usr/local/cuda/extras/CUPTI/lib64:/usr/local/cuda/lib64:/usr/local/nvidia/lib64
WORKDIR /var/lib/tailsweep
USER 65532
ENTRYPOINT ["tailsweep"]
CMD ["worker", "--only", "training", "--staging", "/var/lib/tailsweep/staging"]
