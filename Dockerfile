# A static sessiongate that runs as an ordinary user, in an image without a shell.
#
#   docker build -t sessiongate --build-arg VERSION="$(git describe --tags --always)" .
#   docker run -p 8080:8080 -v ./sessiongate.yaml:/etc/sessiongate.yaml:ro sessiongate -c /etc/sessiongate.yaml

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN make build VERSION="$VERSION" \
 && mkdir -p /out/spool \
 && cp bin/sessiongate /out/

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/sessiongate /usr/local/bin/sessiongate

# Bodies and answers that do not fit into memory. A volume, so that they are on a disk and not in the container's layer.
COPY --from=build --chown=65532:65532 /out/spool /var/spool/sessiongate
ENV SESSIONGATE_SPOOL_DIR=/var/spool/sessiongate
VOLUME /var/spool/sessiongate

# 9180, metrics and health, listens on loopback unless admin.listen and admin.token_file say otherwise.
EXPOSE 8080 9180
USER 65532:65532
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/sessiongate", "serve"]
