#!/bin/bash
# All training stages on one machine: train_all.sh DATA OUT GPUS AUTOENCODER_SECONDS UNET_SECONDS
# OUT/until (a Unix time), if it exists, overrides the U-Net's end. OUT/tokenizer must be there (tokenizer.py).
# While the autoencoder trains, the U-Net is compiled once on noise, so that its own stage finds the compiled kernels.
set -u
data=$1 out=$2 gpus=$3 first=$4 second=$5
cd "$(dirname "$0")" || exit 1
export PYTHONUNBUFFERED=1 OMP_NUM_THREADS=4
run() { port=$1; shift; python3 -m torch.distributed.run --nproc_per_node="$gpus" --master_port="$port" "$@"; }
( sleep 45; run 29511 train_unet.py --data "$data" --out "$out" --tokenizer "$out/tokenizer" --warm ) > "$out/warm.log" 2>&1 &
run 29512 train_autoencoder.py --data "$data" --out "$out" --seconds "$first" > "$out/autoencoder.log" 2>&1 \
  || run 29513 train_autoencoder.py --data "$data" --out "$out" --seconds "$first" --no-compile >> "$out/autoencoder.log" 2>&1
wait
run 29514 train_unet.py --data "$data" --out "$out" --tokenizer "$out/tokenizer" --seconds "$second" --until "$out/until" > "$out/unet.log" 2>&1 \
  || run 29515 train_unet.py --data "$data" --out "$out" --tokenizer "$out/tokenizer" --seconds "$second" --until "$out/until" --no-compile >> "$out/unet.log" 2>&1
date +%s > "$out/finished"
