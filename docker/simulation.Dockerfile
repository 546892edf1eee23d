# Graph and embedded world, on the CPU, with ROS 2 from wheels. From the root of the tree:
#   docker build -f docker/simulation.Dockerfile -t sim2real-ad/simulation .
#   docker run --rm --shm-size=1g sim2real-ad/simulation
FROM python:3.11-slim-bookworm
WORKDIR /home/s2r/sim2real_ad
COPY tools/check_system.py tools/check_system.py
RUN python3 tools/check_system.py --install && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 1001 s2r && chown -R s2r:s2r /home/s2r
USER s2r
COPY --chown=s2r:s2r Makefile package.xml setup.py setup.cfg ./
COPY --chown=s2r:s2r src src
COPY --chown=s2r:s2r config config
COPY --chown=s2r:s2r launch launch
RUN make setup PYTHON=python3 && mkdir out
# One domain for the graph and for who asks about its health.
ENV PATH="/home/s2r/sim2real_ad/.venv/bin:${PATH}" ROS_DOMAIN_ID=42
VOLUME /home/s2r/sim2real_ad/out
ENTRYPOINT ["s2r"]
# Healthy: the safety gate speaks, and is in no fault.
HEALTHCHECK --interval=30s --timeout=30s --start-period=60s --retries=3 CMD ["s2r", "doctor", "--only", "gate"]
CMD ["drive", "--scenario", "all"]
