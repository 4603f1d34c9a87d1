# The origin as an image: `docker build --tag kairos-origin .` from the top folder. Without the learner's app, which the edge has, or
# which is mounted and named with KAIROS_APP.
FROM rust:1.95-bookworm AS build
WORKDIR /workspace
COPY . .
RUN cargo build --locked --profile shipped --package kairos-origin --bin kairos-origin

# Nothing but the C library and the certificates that the system trusts; no shell; user 65532.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /workspace/target/shipped/kairos-origin /usr/local/bin/kairos-origin
# The embedded store, where no MongoDB is named.
WORKDIR /data
VOLUME /data
ENV KAIROS_LISTEN=0.0.0.0:8080 KAIROS_LOG_FORMAT=json
EXPOSE 8080
USER nonroot
# In seconds: it may take as long as the store does to be reached.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["/usr/local/bin/kairos-origin", "health"]
ENTRYPOINT ["/usr/local/bin/kairos-origin"]
CMD ["serve"]
