# syntax=docker/dockerfile:1
# One file, four images:
#   docker build --target api         -t imageservice-api .
#   docker build --target worker      -t imageservice-worker .        (CPU)
#   docker build --target worker-cuda -t imageservice-worker-cuda .   (NVIDIA GPU)
#   docker build --target standalone  -t imageservice-standalone .    (everything in one process)
# docs/operations.md says how they are run.
ARG DOTNET_VERSION=10.0
# CUDA and cuDNN of the major versions that Microsoft.ML.OnnxRuntime.Gpu is linked against.
ARG CUDA_IMAGE=nvidia/cuda:13.0.1-cudnn-runtime-ubuntu24.04
# nvcc of the same version, for the kernels of src/ImageService.Kernels.
ARG CUDA_BUILD_IMAGE=nvidia/cuda:13.0.1-devel-ubuntu24.04

# --- build -----------------------------------------------------------------------------------------------------------
FROM --platform=$BUILDPLATFORM mcr.microsoft.com/dotnet/sdk:${DOTNET_VERSION} AS restore
# The architecture of the image. Published for it alone: the native libraries of all platforms together are half a gigabyte.
ARG TARGETARCH
ENV DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
WORKDIR /source
# The files that decide the package graph come first: a change of code alone takes the restored packages from the cache.
COPY global.json Directory.Build.props Directory.Packages.props ./
COPY src/ImageService.Core/ImageService.Core.csproj src/ImageService.Core/
COPY src/ImageService.Diffusion/ImageService.Diffusion.csproj src/ImageService.Diffusion/
COPY src/ImageService.Onnx/ImageService.Onnx.csproj src/ImageService.Onnx/
COPY src/ImageService.Storage/ImageService.Storage.csproj src/ImageService.Storage/
COPY src/ImageService.Hosting/ImageService.Hosting.csproj src/ImageService.Hosting/
COPY src/ImageService.Api/ImageService.Api.csproj src/ImageService.Api/
COPY src/ImageService.Worker/ImageService.Worker.csproj src/ImageService.Worker/
COPY src/ImageService.Standalone/ImageService.Standalone.csproj src/ImageService.Standalone/
RUN dotnet restore src/ImageService.Standalone -a $TARGETARCH

FROM restore AS source
COPY .editorconfig BannedSymbols.txt Directory.Build.targets ./
COPY protos protos
COPY src src

FROM source AS publish-api
RUN dotnet publish src/ImageService.Api -c Release -a $TARGETARCH --no-restore -p:UseAppHost=false -o /app

FROM source AS publish-worker
RUN dotnet publish src/ImageService.Worker -c Release -a $TARGETARCH --no-restore -p:UseAppHost=false -o /app

FROM source AS publish-standalone
RUN dotnet publish src/ImageService.Standalone -c Release -a $TARGETARCH --no-restore -p:UseAppHost=false -o /app

# The GPU flavour has another package graph.
FROM restore AS restore-cuda
RUN dotnet restore src/ImageService.Worker -a $TARGETARCH -p:OrtFlavor=Gpu

FROM restore-cuda AS publish-worker-cuda
COPY .editorconfig BannedSymbols.txt Directory.Build.targets ./
COPY protos protos
COPY src src
RUN dotnet publish src/ImageService.Worker -c Release -a $TARGETARCH --no-restore -p:OrtFlavor=Gpu -p:UseAppHost=false -o /app

FROM ${CUDA_BUILD_IMAGE} AS kernels
COPY --from=restore-cuda /root/.nuget/packages/microsoft.ml.onnxruntime.gpu.linux /packages/microsoft.ml.onnxruntime.gpu.linux
COPY src/ImageService.Kernels /source
RUN NUGET_PACKAGES=/packages /source/build /kernels

# --- run -------------------------------------------------------------------------------------------------------------
FROM mcr.microsoft.com/dotnet/aspnet:${DOTNET_VERSION} AS runtime
# The endpoints below say where to listen; the base image's own variable would only add a warning.
ENV ASPNETCORE_HTTP_PORTS="" \
    DOTNET_EnableDiagnostics=0
COPY --chmod=0755 deploy/container/healthcheck /usr/local/bin/healthcheck
WORKDIR /app
USER $APP_UID
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["/usr/local/bin/healthcheck", "127.0.0.1", "8080", "/healthz/live"]

FROM runtime AS api
# Without TLS a port speaks either HTTP/1.1 or HTTP/2, so gRPC has a port of its own. gRPC-Web goes over the first.
ENV Kestrel__Endpoints__Http__Url=http://+:8080 \
    Kestrel__Endpoints__Http__Protocols=Http1 \
    Kestrel__Endpoints__Grpc__Url=http://+:8081 \
    Kestrel__Endpoints__Grpc__Protocols=Http2
EXPOSE 8081
COPY --from=publish-api /app .
ENTRYPOINT ["dotnet", "ImageService.Api.dll"]

FROM runtime AS worker
ENV ASPNETCORE_URLS=http://+:8080 \
    Models__Path=/models
COPY models /models
COPY --from=publish-worker /app .
ENTRYPOINT ["dotnet", "ImageService.Worker.dll"]

FROM mcr.microsoft.com/dotnet/aspnet:${DOTNET_VERSION} AS dotnet

FROM ${CUDA_IMAGE} AS worker-cuda
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libssl3t64 libstdc++6 tzdata zlib1g \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 1654 app \
    && useradd --uid 1654 --gid 1654 --create-home --shell /usr/sbin/nologin app
COPY --from=dotnet /usr/share/dotnet /usr/share/dotnet
COPY --chmod=0755 deploy/container/healthcheck /usr/local/bin/healthcheck
ENV APP_UID=1654 \
    ASPNETCORE_URLS=http://+:8080 \
    DOTNET_EnableDiagnostics=0 \
    DOTNET_RUNNING_IN_CONTAINER=true \
    Execution__Provider=cuda \
    Models__Path=/models \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    NVIDIA_VISIBLE_DEVICES=all \
    PATH=$PATH:/usr/share/dotnet
WORKDIR /app
COPY models /models
COPY --from=publish-worker-cuda /app .
COPY --from=kernels /kernels .
USER $APP_UID
EXPOSE 8080
# A U-Net of some gigabytes takes minutes to load from a cold disk.
HEALTHCHECK --interval=10s --timeout=5s --start-period=300s --retries=3 \
    CMD ["/usr/local/bin/healthcheck", "127.0.0.1", "8080", "/healthz/live"]
ENTRYPOINT ["dotnet", "ImageService.Worker.dll"]

FROM runtime AS standalone
ENV Kestrel__Endpoints__Http__Url=http://+:8080 \
    Kestrel__Endpoints__Http__Protocols=Http1 \
    Kestrel__Endpoints__Grpc__Url=http://+:8081 \
    Kestrel__Endpoints__Grpc__Protocols=Http2 \
    Models__Path=/models \
    Jobs__Store=sqlite \
    Jobs__SqlitePath=/data/jobs.db \
    Blobs__Store=disk \
    Blobs__DiskPath=/data/blobs
USER root
RUN install -d -o $APP_UID -g $APP_UID /data
USER $APP_UID
VOLUME /data
EXPOSE 8081
COPY models /models
COPY --from=publish-standalone /app .
ENTRYPOINT ["dotnet", "ImageService.Standalone.dll"]
