# docker build --build-arg COMMIT="$(git describe --always --dirty)" -t pmclone .
# docker run --rm -it -e STRIPE_API_KEY -v "$PWD:/state" -u "$(id -u):$(id -g)" pmclone run customers.csv --dry-run
FROM rust:1-slim-bookworm AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /pmclone
COPY . .
ARG COMMIT=unknown
RUN PMCLONE_COMMIT="$COMMIT" cargo build --locked --release \
 && strip target/release/pmclone

FROM debian:bookworm-slim
# The certificates that https to Stripe is checked against.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --home-dir /state --no-create-home pmclone \
 && install -d -o pmclone -g pmclone -m 0700 /state
COPY --from=build /pmclone/target/release/pmclone /usr/local/bin/pmclone
COPY --from=build /pmclone/README.md /pmclone/MIGRATION.md /pmclone/SECURITY.md /pmclone/CHANGELOG.md /pmclone/LICENSE-* /usr/share/doc/pmclone/
COPY --from=build /pmclone/docs/*.md /pmclone/docs/*.svg /pmclone/docs/*.png /usr/share/doc/pmclone/docs/
COPY --from=build /pmclone/samples/ /usr/share/doc/pmclone/samples/
USER pmclone
# The state file is the only record of what was sent: it must outlive the container.
VOLUME /state
WORKDIR /state
ENTRYPOINT ["pmclone"]
CMD ["--help"]
