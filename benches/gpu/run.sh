#!/usr/bin/env bash
# Whether this machine's GPU computes right, and how fast: what to run where one is to be had for ten minutes.
#
# usage: benches/gpu/run.sh [PROGRAM] [FOLDER] [SECONDS]
#   PROGRAM  the program (default target/release/azulejo): carried alone, it needs glibc of Debian 12 or newer, the Vulkan
#            loader (libvulkan.so.1) and the GPU's driver, and no network; for CUDA nothing else if it was built with
#            AZULEJO_CUBINS (README; `azulejo devices` says whether), else NVRTC (libnvrtc.so.12 or .13 with its builtins
#            beside it, or AZULEJO_NVRTC=FILE), of no newer a major version than the driver's CUDA
#   FOLDER   where devices.txt, and in wgpu/ and cuda/ report.md and report.json go (default gpu-report)
#   SECONDS  for all of it, 200 by default; what is checked comes first, and what there was no time for is in the report.
#            If the time is over in mid-work, or the driver hangs, the report has what was found by then. Where there is CUDA
#            it has the first half
#
# Exit 1 if something is computed wrongly.
set -euo pipefail

program=${1:-target/release/azulejo}
folder=${2:-gpu-report}
seconds=${3:-200}
mkdir -p "$folder"

if ! ldconfig -p | grep -q 'libvulkan\.so\.1'; then
  echo "libvulkan.so.1 is missing: install libvulkan1, or unpack its package (dpkg -x libvulkan1_*.deb /; ldconfig)" >&2
  exit 2
fi
# Containers mount NVIDIA's driver where the loader doesn't look.
mounted=/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json
if [ -z "${VK_DRIVER_FILES:-}" ] && [ -e "$mounted" ]; then
  export VK_DRIVER_FILES=$mounted
fi
"$program" devices | tee "$folder/devices.txt"
status=0
# A hanging driver must not eat the time of whoever lent the machine.
check() {
  mkdir -p "$folder/$1"
  timeout --kill-after=5 "$2" "$program" validate --device "$1" -o "$folder/$1" --seconds $(($2 - $2 / 10))
}
if ldconfig -p | grep -q 'libcuda\.so\.1'; then
  half=$((seconds / 2))
  check cuda "$half" || status=$?
  seconds=$half
else
  echo "not run: CUDA (libcuda.so.1 is not there)"
fi
check wgpu "$seconds" || status=$?
exit "$status"
