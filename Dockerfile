# One image for the worker and every other command.
#
#   docker build -t sentinel .
#   docker run --rm --read-only --tmpfs /tmp -v sentinel-cache:/var/cache/sentinel sentinel replay --help
#
# Torch: what pip finds by itself may bring CUDA along. To keep the image small, give pip an index that has builds for
# the CPU alone: --build-arg PIP_EXTRA_INDEX_URL=…
ARG PYTHON=3.12

FROM python:${PYTHON}-slim-bookworm AS build
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 NUMBA_CACHE_DIR=/var/cache/sentinel
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY sentinel sentinel
COPY detectors detectors
COPY embeddings embeddings
COPY alerts alerts
COPY config config
RUN python -m venv /opt/sentinel && /opt/sentinel/bin/pip install -c constraints.txt .
# Compiles what numba compiles, so that a worker need not at its start, and shows that the image works.
WORKDIR /tmp
RUN /opt/sentinel/bin/sentinel simulate --days 2 --tickets-per-day 300 --out /tmp/hotline \
    && /opt/sentinel/bin/sentinel replay /tmp/hotline/tickets.jsonl --out /tmp/out --quiet

FROM python:${PYTHON}-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/cache/sentinel sentinel
COPY --from=build /opt/sentinel /opt/sentinel
COPY --from=build --chown=sentinel:sentinel /var/cache/sentinel /var/cache/sentinel
# What is compiled for another processor than the building machine's goes to the cache too: mount a volume there where
# the root is read-only.
ENV PATH=/opt/sentinel/bin:$PATH PYTHONUNBUFFERED=1 NUMBA_CACHE_DIR=/var/cache/sentinel SENTINEL_METRICS_PORT=9464
USER 10001
VOLUME /var/cache/sentinel
EXPOSE 9464
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:9464/healthz', timeout=4)"]
ENTRYPOINT ["sentinel"]
CMD ["worker"]
