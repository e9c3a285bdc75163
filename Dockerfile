# A static binary, built on Alpine (musl), alone in an empty image: no shell, no root.

FROM rust:1.95-alpine AS build
# SQLite, zstd, ring and mimalloc are C, and are compiled here.
RUN apk add --no-cache gcc make musl-dev
WORKDIR /build
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked --bin tidegate \
    && install -D target/release/tidegate /image/tidegate \
    && mkdir /image/data

FROM scratch
COPY --from=build --chown=65532:65532 /image/ /
USER 65532:65532
# Where a SQLite file given by a relative path is looked for.
WORKDIR /data
ENV HOST=0.0.0.0 PORT=8055
EXPOSE 8055
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s CMD ["/tidegate", "ping"]
ENTRYPOINT ["/tidegate"]
CMD ["serve"]
