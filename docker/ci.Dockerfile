# Everything that must pass before a change lands, on a bare Debian. From the root of the tree:
#   docker build -f docker/ci.Dockerfile -t sim2real-ad/ci .
#   docker run --rm --shm-size=1g sim2real-ad/ci
FROM python:3.11-slim-bookworm
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends git iproute2 \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /home/ci/sim2real_ad
COPY tools/check_system.py tools/check_system.py
RUN python3 tools/check_system.py --install && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 1001 ci && chown -R ci:ci /home/ci
USER ci
COPY --chown=ci:ci . .
RUN make setup-test PYTHON=python3
# It runs once and ends with a status: there is no health to ask for.
HEALTHCHECK NONE
CMD ["make", "test"]
