# The graph of a vehicle computer, on ROS 2 Jazzy. From the root of the tree:
#   docker build -f docker/vehicle.Dockerfile -t sim2real-ad/vehicle .
#   docker build -f docker/vehicle.Dockerfile --build-arg ONNXRUNTIME=onnxruntime-gpu -t sim2real-ad/vehicle-gpu .
ARG ROS_BUILD=ros:jazzy-ros-base-noble
ARG ROS_RUN=ros:jazzy-ros-core-noble

FROM ${ROS_BUILD} AS build
# onnxruntime, onnxruntime-gpu (TensorRT and CUDA where there, else the CPU) or openvino.
ARG ONNXRUNTIME=onnxruntime
# More arguments of deploy/build.sh, as "--package tensorrt-cu13".
ARG BUILD_ARGUMENTS=""
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        cmake g++ make python3-colcon-common-extensions python3-pip python3-setuptools \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY package.xml setup.py setup.cfg ./
COPY src src
COPY config config
COPY launch launch
COPY deploy deploy
RUN deploy/build.sh --prefix /opt/sim2real_ad --runtime "${ONNXRUNTIME}" ${BUILD_ARGUMENTS}

FROM ${ROS_RUN}
# ip for the doctor's look at the CAN bus; candump and v4l2-ctl for the engineer's.
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends can-utils iproute2 v4l-utils \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/sim2real_ad /opt/sim2real_ad
RUN useradd --create-home --uid 1001 --groups video,dialout s2r && install -d -o s2r -g s2r /home/s2r/out
USER s2r
WORKDIR /home/s2r
ENTRYPOINT ["/opt/sim2real_ad/bin/run.sh"]
# Healthy: the safety gate speaks, and is in no fault. The gate of a graph that waits for its camera speaks too.
HEALTHCHECK --interval=15s --timeout=30s --start-period=60s --retries=2 \
    CMD ["/opt/sim2real_ad/bin/run.sh", "s2r", "doctor", "--only", "gate"]
CMD ["ros2", "launch", "sim2real_ad", "vehicle.launch.py", "vehicle:=e_transit", "shadow:=true"]
