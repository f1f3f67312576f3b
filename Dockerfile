# codec tuner with the encoders of Debian.
# CPU:  docker build -t tuner .
# CUDA: docker build -t tuner --build-arg TORCH=torch --build-arg TORCH_INDEX_URL=URL .
#       where URL is what PyTorch's page names for your CUDA; then docker run --gpus all …
# Run:  docker run --rm -v "$PWD:/work" tuner run --encoder lame --clips music --bitrates 96
FROM python:3.12-slim-bookworm

# The build of torch: this version comes without CUDA where the index has a CPU build.
ARG TORCH=torch==2.13.0
# Where pip finds it, if not where it finds the rest.
ARG TORCH_INDEX_URL=

RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        lame libmp3lame0 musepack-tools opus-tools twolame vorbis-tools \
    && rm -rf /var/lib/apt/lists/*

RUN pip install --no-cache-dir "$TORCH" ${TORCH_INDEX_URL:+--index-url "$TORCH_INDEX_URL"}

COPY . /src
RUN pip install --no-cache-dir /src && rm -rf /src

# Runs are written as this user; give another with --user.
RUN useradd --create-home tuner
USER tuner
WORKDIR /work
ENTRYPOINT ["tuner"]
CMD ["--help"]
