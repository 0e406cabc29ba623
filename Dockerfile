# SPDX-FileCopyrightText: The capi-inventory authors
# SPDX-License-Identifier: Apache-2.0
#
# Three images, publisher, consumer and broker: static binaries on nothing, no shell, an unprivileged user. There are two ways to them:
#
#   make image                             builds the binaries outside; pulls nothing, and any builder will do
#   docker buildx build --target consumer  builds them inside, for any --platform

FROM scratch AS publisher-frame
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="capi-inventory publisher" \
      org.opencontainers.image.description="Publishes Cluster API clusters as ClusterProfiles" \
      org.opencontainers.image.source="https://github.com/capi-inventory/capi-inventory" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
USER 65532:65532
ENTRYPOINT ["/publisher"]

# The consumer finds credential plugins by its PATH, and it and they find Mozilla's root certificates where every Go program
# looks for them.
FROM scratch AS consumer-frame
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="capi-inventory consumer" \
      org.opencontainers.image.description="Proves that each ClusterProfile leads to its cluster" \
      org.opencontainers.image.source="https://github.com/capi-inventory/capi-inventory" \
      org.opencontainers.image.licenses="Apache-2.0 AND MPL-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV PATH=/plugins
USER 65532:65532
ENTRYPOINT ["/consumer"]

# The broker finds Mozilla's root certificates for spokes whose kubeconfig names no certificate authority.
FROM scratch AS broker-frame
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="capi-inventory broker" \
      org.opencontainers.image.description="Grants consumers limited, rotating access to spokes" \
      org.opencontainers.image.source="https://github.com/capi-inventory/capi-inventory" \
      org.opencontainers.image.licenses="Apache-2.0 AND MPL-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
USER 65532:65532
ENTRYPOINT ["/broker"]

# From binaries that were built outside. These stages stand before the one with a base image, because a builder other than
# BuildKit works through a file from its top to its target.
FROM publisher-frame AS publisher-outside
ARG TARGETARCH
COPY bin/static/${TARGETARCH}/publisher /

FROM consumer-frame AS consumer-outside
ARG TARGETARCH
COPY bin/static/${TARGETARCH}/consumer /
COPY bin/static/${TARGETARCH}/plugins/ /plugins/
COPY bin/static/ca-certificates.crt /etc/ssl/certs/

FROM broker-frame AS broker-outside
ARG TARGETARCH
COPY bin/static/${TARGETARCH}/broker /
COPY bin/static/ca-certificates.crt /etc/ssl/certs/

# From the sources, compiled on the builder's own platform for the target's.
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETARCH
ARG VERSION=dev
RUN ARCH=${TARGETARCH} VERSION=${VERSION} .ci/static && mv bin/static/${TARGETARCH} /out && mv bin/static/ca-certificates.crt /out/

FROM publisher-frame AS publisher
COPY --from=build /out/publisher /

FROM consumer-frame AS consumer
COPY --from=build /out/consumer /
COPY --from=build /out/plugins/ /plugins/
COPY --from=build /out/ca-certificates.crt /etc/ssl/certs/

FROM broker-frame AS broker
COPY --from=build /out/broker /
COPY --from=build /out/ca-certificates.crt /etc/ssl/certs/
