# syntax=docker/dockerfile:1

# One image for the service (8000), the web chat (8501) and the document workers.

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
COPY requirements.lock ./
RUN python -m venv /venv \
    && /venv/bin/pip install --require-hashes -r requirements.lock \
    && /venv/bin/python -m compileall -q /venv/lib


FROM python:3.11-slim-bookworm
RUN groupadd --gid 1000 tanya \
    && useradd --uid 1000 --gid 1000 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin tanya \
    && install -d -o tanya -g tanya -m 0700 /data
COPY --from=build /venv /venv
WORKDIR /app
COPY . .
# The root file system may be read-only: byte code is compiled here, once.
RUN python -m compileall -q /app

ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    DATA_DIR=/data \
    HOST=0.0.0.0 \
    PORT=8000 \
    UI_PORT=8501
USER 1000:1000
VOLUME ["/data"]
EXPOSE 8000 8501
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health', timeout=2)"]
CMD ["gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
