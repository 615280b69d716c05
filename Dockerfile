# Herald as an image: one binary, fonts for the world's scripts, and a user that is not root.
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked -p herald && cp target/release/herald /herald

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        ca-certificates curl fontconfig fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home --home-dir /var/lib/herald herald
COPY --from=build /herald /usr/local/bin/herald
USER herald
WORKDIR /var/lib/herald
VOLUME /var/lib/herald
EXPOSE 8080 9090
ENV HERALD__LOG__FORMAT=json
# The API. Workers and schedulers serve /healthz where `--monitor` says; compose.yaml asks them there.
HEALTHCHECK --interval=10s --timeout=4s --start-period=20s CMD curl -fsS http://127.0.0.1:8080/healthz || exit 1
STOPSIGNAL SIGTERM
ENTRYPOINT ["tini", "--", "herald"]
CMD ["up", "--listen", "0.0.0.0:8080"]
