#!/usr/bin/env bash
# Build this tree for a vehicle computer with ROS 2 Jazzy, and install it with everything it needs into one folder.
#   deploy/build.sh [--prefix DIR] [--runtime onnxruntime|onnxruntime-gpu|openvino] [--package NAME]...
# --package: more for pip, as tensorrt-cu13. Needs ros-jazzy-ros-base, python3-pip, python3-colcon-common-extensions,
# g++, cmake and make. The build takes place in a copy: nothing is left in the tree.
set -eo pipefail

tree="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
prefix=/opt/sim2real_ad
runtime=onnxruntime
packages=()
while [ $# -gt 0 ]; do
  case "$1" in
    --prefix) prefix="$2" ;;
    --runtime) runtime="$2" ;;
    --package) packages+=("$2") ;;
    *) echo "error: unknown argument $1; see the head of deploy/build.sh" >&2; exit 2 ;;
  esac
  shift 2 || { echo "error: an argument lacks its value" >&2; exit 2; }
done

distribution="/opt/ros/${ROS_DISTRO:-jazzy}/setup.bash"
[ -f "$distribution" ] || { echo "error: no $distribution; install ros-jazzy-ros-base" >&2; exit 2; }
source "$distribution"
set -u

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

echo "installing Python packages into $prefix/python ..."
python3 "$tree/deploy/runtime.py" requirements --runtime "$runtime" --extra can > "$work/requirements.txt"
python3 -m pip install --quiet --disable-pip-version-check --upgrade --target "$prefix/python" \
  --constraint "$tree/deploy/constraints.txt" --requirement "$work/requirements.txt" "${packages[@]}"

echo "building with colcon into $prefix ..."
export PYTHONPATH="$prefix/python:${PYTHONPATH:-}"
cp -r "$tree/package.xml" "$tree/setup.py" "$tree/setup.cfg" "$tree/src" "$tree/config" "$tree/launch" "$work/"
cd "$work"
colcon build --base-paths . src/interfaces --merge-install --install-base "$prefix" --event-handlers console_direct-

python3 "$tree/deploy/runtime.py" providers --runtime "$runtime" \
  --file "$prefix/share/sim2real_ad/config/graph/nodes.yaml"
install -D -m 755 "$tree/deploy/run.sh" "$prefix/bin/run.sh"
echo "built: $prefix/bin/run.sh s2r doctor"
