# syntax=docker/dockerfile:1
# The command line with reports. Two stages: what compiles stays behind.
FROM python:3.11-slim AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY pyproject.toml setup.py constraints.txt README.md LICENSE ./
COPY build_support build_support
COPY src src
RUN python -m venv /opt/codman \
 && /opt/codman/bin/python -m pip install --no-cache-dir -c constraints.txt '.[report]'

FROM python:3.11-slim
LABEL org.opencontainers.image.title="Codman" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --create-home --uid 10001 codman && install -d -o codman -g codman /work
COPY --from=build /opt/codman /opt/codman
ENV PATH=/opt/codman/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001
WORKDIR /work
ENTRYPOINT ["codman"]
CMD ["--help"]
