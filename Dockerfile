# codec tuner with the encoders of Debian.
# CPU:  docker build -t tuner --build-arg TORCH_INDEX_URL=URL .
# CUDA: docker build -t tuner --build-arg TORCH=torch --build-arg TORCH_INDEX_URL=URL .
#       where URL is what PyTorch's page names for CPU or for your CUDA; with CUDA, add
#       --gpus all to docker run. Without a URL, the build of torch is the one of your index,
#       which may come with CUDA (gigabytes more) and runs on a CPU, too.
# Run:  docker run --rm -v "$PWD:/work" tuner run --encoder lame --clips music --bitrates 96
FROM python:3.12-slim-bookworm

# The version of torch: any from 2.4 works, this one is tested.
ARG TORCH=torch==2.13.0
# Where pip finds it, if not where it finds the rest.
ARG TORCH_INDEX_URL=

RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        lame libmp3lame0 liblc3-tools musepack-tools opus-tools speex twolame vorbis-tools wavpack \
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
