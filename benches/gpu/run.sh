#!/usr/bin/env bash
# Whether this machine's GPU computes right, and how fast: what to run where one is to be had for ten minutes.
#
# usage: benches/gpu/run.sh [PROGRAM] [FOLDER] [SECONDS] [MODEL...]
#   PROGRAM  the program (default target/release/azulejo): carried alone, it needs glibc of Debian 12 or newer, the Vulkan
#            loader (libvulkan.so.1) and the GPU's driver, and no network; for CUDA nothing else if it was built with
#            AZULEJO_CUBINS (README; `azulejo devices` says whether), else NVRTC (libnvrtc.so.12 or .13 with its builtins
#            beside it, or AZULEJO_NVRTC=FILE), of no newer a major version than the driver's CUDA
#   FOLDER   where report.md goes, which is to be read first, devices.txt, and in cuda/ and wgpu/ report.md and report.json
#            (default gpu-report)
#   SECONDS  for all of it, 200 by default; what is checked comes first, and what there was no time for is in the report.
#            If the time is over in mid-work, or the driver hangs, the report has what was found by then. Where there are CUDA
#            and Vulkan, CUDA has the first half, and the report of Vulkan has both side by side
#   MODEL    files of models whose greedy tokens are to be the CPU's
#
# Exit 1 if something is computed wrongly or wasn't finished, 2 if there is neither CUDA nor Vulkan.
set -euo pipefail

program=${1:-target/release/azulejo}
folder=${2:-gpu-report}
seconds=${3:-200}
models=()
for model in "${@:4}"; do
  models+=(--model "$model")
done
end=$((SECONDS + seconds))
mkdir -p "$folder"
rm -rf "$folder"/{report.md,cuda,wgpu}

has() {
  ldconfig -p | grep -q "$1"
}
backends=()
if has 'libcuda\.so\.1'; then
  backends+=(cuda)
else
  echo "not run: CUDA (libcuda.so.1, NVIDIA's driver, is not there)"
fi
if has 'libvulkan\.so\.1'; then
  backends+=(wgpu)
else
  echo "not run: Vulkan (libvulkan.so.1 is not there: install libvulkan1, or unpack its package: dpkg -x libvulkan1_*.deb /; ldconfig)"
fi
if [ ${#backends[@]} -eq 0 ]; then
  exit 2
fi
# Containers mount NVIDIA's driver where the loader doesn't look.
mounted=/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json
if [ -z "${VK_DRIVER_FILES:-}" ] && [ -e "$mounted" ]; then
  export VK_DRIVER_FILES=$mounted
fi
# A hanging driver must not eat the time of whoever lent the machine: what is left of it is shared among what is to come.
timeout --kill-after=2 20 "$program" devices | tee "$folder/devices.txt" || true
status=0
left=${#backends[@]}
for backend in "${backends[@]}"; do
  part=$(((end - SECONDS) / left))
  left=$((left - 1))
  if [ "$part" -lt 2 ]; then
    echo "not run: $backend (the time is over)"
    status=1
    continue
  fi
  beside=()
  if [ "$backend" = wgpu ] && [ -e "$folder/cuda/report.json" ]; then
    beside=(--beside "$folder/cuda/report.json")
  fi
  # What is measured ends before the time does, so that the last of it isn't cut off.
  measured=$((part - part / 10 - 1))
  mkdir -p "$folder/$backend"
  code=0
  timeout --kill-after=2 "$part" "$program" validate --device "$backend" -o "$folder/$backend" --seconds "$measured" \
    "${beside[@]}" "${models[@]}" || code=$?
  if [ "$code" -ne 0 ]; then
    status=1
    case $code in
      124 | 137) echo "$backend: cut off, the time was over; its report has what was found by then" ;;
      *) echo "$backend: exit code $code" ;;
    esac
  fi
  # The report of the last one that has a report shows those before beside its own.
  if [ -e "$folder/$backend/report.md" ]; then
    cp "$folder/$backend/report.md" "$folder/report.md"
  fi
done
if [ -e "$folder/report.md" ]; then
  echo "read $folder/report.md first"
fi
exit "$status"
