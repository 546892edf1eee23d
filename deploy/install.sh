#!/usr/bin/env bash
# Install the service, limits, udev rules and CAN settings of a vehicle computer: sudo deploy/install.sh
# Nothing is started. An existing /etc/sim2real-ad/vehicle.env stays as it is. DESTDIR=DIR installs below another root.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="${DESTDIR:-}"

put() { install -D -m 644 "$here/$1" "$root$2"; echo "$2"; }

put systemd/sim2real-ad.service /etc/systemd/system/sim2real-ad.service
put sysusers/sim2real-ad.conf /etc/sysusers.d/sim2real-ad.conf
put limits/sim2real-ad.conf /etc/security/limits.d/sim2real-ad.conf
put udev/60-sim2real-ad.rules /etc/udev/rules.d/60-sim2real-ad.rules
put networkd/80-can0.network /etc/systemd/network/80-can0.network
put modules-load/sim2real-ad.conf /etc/modules-load.d/sim2real-ad.conf
if [ ! -e "$root/etc/sim2real-ad/vehicle.env" ]; then
  put systemd/vehicle.env /etc/sim2real-ad/vehicle.env
fi

[ -z "$root" ] || exit 0
systemd-sysusers
systemctl daemon-reload
udevadm control --reload
systemctl enable --now systemd-networkd.service
systemctl restart systemd-modules-load.service
networkctl reload
echo "next: edit /etc/sim2real-ad/vehicle.env, then systemctl enable --now sim2real-ad"
