#!/usr/bin/env bash
# Run a command with ROS 2, this workspace and the shared-memory transport in force: run.sh s2r doctor
# Entry point of the containers and of the systemd unit; lies in <prefix>/bin.
set -eo pipefail

prefix="$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)"
[ $# -gt 0 ] || { echo "usage: run.sh COMMAND [ARGUMENT]..." >&2; exit 2; }

# shellcheck disable=SC1090
source "/opt/ros/${ROS_DISTRO:-jazzy}/setup.bash"
# shellcheck disable=SC1091
source "$prefix/local_setup.bash"
export PYTHONPATH="$prefix/python:${PYTHONPATH:-}"
export PATH="$prefix/lib/sim2real_ad:$PATH"
# The libraries that a GPU's ONNX Runtime loads, where pip has brought them.
for libraries in "$prefix"/python/nvidia/*/lib "$prefix"/python/tensorrt_libs; do
  [ -d "$libraries" ] && export LD_LIBRARY_PATH="$libraries:${LD_LIBRARY_PATH:-}"
done
# What is started here by hand, as a camera driver, gets the transport that launch files and s2r give their own.
FASTRTPS_DEFAULT_PROFILES_FILE="$(python3 -c 'from sim2real_ad.ros.transport import PROFILE; print(PROFILE)')"
export FASTRTPS_DEFAULT_PROFILES_FILE RMW_IMPLEMENTATION=rmw_fastrtps_cpp
exec "$@"
