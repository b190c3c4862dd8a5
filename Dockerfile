# Tidemark with its local model, for any TiDB: `docker build -t tidemark .`
# Two stages, so that what builds the environment stays behind.

FROM python:3.12-slim-bookworm AS build
COPY --from=ghcr.io/astral-sh/uv:0.13.8 /uv /usr/local/bin/uv
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
WORKDIR /srv/tidemark
# What changes seldom first: the packages, and with them the model's weights, are a layer of their own.
COPY pyproject.toml uv.lock ./
RUN uv sync --locked --no-dev --extra telemetry --no-install-project
COPY LICENSE README.md ./
COPY app app
COPY migrations migrations
COPY templates templates
COPY static static
COPY docs docs
COPY tidb tidb
RUN uv sync --locked --no-dev --extra telemetry
# The local model in the form that it runs in is made here once, not at each container's first start.
ENV TIDEMARK_CACHE_DIR=/srv/cache
RUN .venv/bin/python -c "from app.config import Settings; \
    from app.embedding.making import make_embedder; \
    make_embedder(Settings(), print).embed_query('Tidemark')"

FROM python:3.12-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/tidemark --create-home tidemark
COPY --from=build /srv/tidemark /srv/tidemark
# Its own, for other models that it fetches are put beside the one that is there.
COPY --from=build --chown=10001:10001 /srv/cache /srv/cache
WORKDIR /srv/tidemark
# A container's processes ask for a TiDB by name, log for programs, and give their proxy time.
ENV PATH=/srv/tidemark/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    TIDEMARK_CACHE_DIR=/srv/cache \
    TIDEMARK_DATA_DIR=/var/lib/tidemark \
    TIDEMARK_LOG_FORMAT=json \
    TIDEMARK_DRAIN_SECONDS=10
USER 10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health/ready', timeout=4)"]
ENTRYPOINT ["tidemark"]
CMD ["serve", "--no-worker"]
