# ser serve in a container: see docs/deploy.md.
FROM python:3.13-slim

# For M4A, WebM and others. Debian keeps one version, which its security updates replace.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --no-install-recommends --yes ffmpeg \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /build
COPY . .
# The pinned versions, without their hashes: pip would ask for one of the project as well.
RUN sed -e '/--hash/d' -e 's/ *\\$//' requirements.txt > constraints.txt \
    && pip install --no-cache-dir --constraint constraints.txt '.[serve]' \
    && rm -rf /build/*

WORKDIR /tmp
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["ser", "serve", "--host", "0.0.0.0"]
