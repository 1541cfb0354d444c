#!/bin/bash
# The model's figures through running services: evaluate_service.sh WORK URL...
#
#   DATA=data ./evaluate_service.sh work http://127.0.0.1:5080
#
# Trains the judge (on a GPU if there is one) while the services draw, measures what is there every minute, and leaves in WORK
# results.json, results.md, contact.jpg and nearest.jpg; with SWEEP also sweep.json. Whatever is in WORK already, pictures and
# judge.pt among it, is used again, so a run that was cut short goes on. report.py puts the figures into the model card.
set -u
work=$(mkdir -p "$1" && cd "$1" && pwd); shift
data=$(cd "${DATA:-data}" && pwd) || exit 1
cd "$(dirname "$0")" || exit 1
judge_seconds=${JUDGE_SECONDS:-150}   # of training, if there is no judge.pt
draw_seconds=${DRAW_SECONDS:-3600}    # after which no more pictures are asked for
images=${IMAGES:-4}                   # seeds a prompt
clients=${CLIENTS:-48}                # requests at a time
every=${EVERY:-1}                     # each so manyth prompt, for trying it
sweep=${SWEEP:-}                      # settings "guidance,rescale,steps,scheduler ...", each on every SWEEP_EVERYth prompt once
sweep_every=${SWEEP_EVERY:-4}
sweep_seconds=${SWEEP_SECONDS:-600}
table="seen heldout_background heldout_style seen_pair heldout_pair place size free free_pair count_2 count_3 count_4"
colours="seen_color heldout_color"    # drawn last: nobody asked for a figure of them
export PYTHONUNBUFFERED=1
evaluate() {                          # waited for, not in the foreground, so that a signal ends this script at once
  python3 evaluate.py "$@" --data "$data" --prompts "$work/prompts.json" --references "$work/references.npz" &
  doing=$!
  wait $doing
}
say() { echo "$(date +%T) $*"; }
set -m                                # each part in a process group of its own, so that it can be ended with its children
drawing='' judge='' doing=''
stop() {
  local part
  for part in $drawing $judge $doing; do kill -- -"$part"; done 2> /dev/null
}
trap stop EXIT
trap 'exit 143' TERM INT

[ -f "$work/prompts.json" ] || evaluate prompts > /dev/null || exit 1
# shellcheck disable=SC2086
( from=$SECONDS
  evaluate service --url "$@" --group $table --every "$every" --images "$images" --clients "$clients" --seconds "$draw_seconds" --pictures "$work/pictures"
  left=$(( draw_seconds - (SECONDS - from) ))
  [ "$left" -lt 10 ] || evaluate service --url "$@" --group $colours --every "$every" --images "$images" --clients "$clients" --seconds "$left" --pictures "$work/pictures"
) > "$work/drawing.log" 2>&1 &
drawing=$!
( [ -f "$work/judge.pt" ] || python3 judge.py --data "$data" --to "$work/judge.pt" --seconds "$judge_seconds" ) > "$work/judge.log" 2>&1 &
judge=$!
[ -f "$work/references.npz" ] || evaluate references || exit 1

measure() {                           # of what is there; without the judge as long as there is none
  judged=()
  if [ -f "$work/judge.pt" ]; then
    judged=(--judge "$work/judge.pt")
    [ -f "$work/real.json" ] || evaluate real "${judged[@]}" --to "$work/real.json" > "$work/real.log" 2>&1
  fi
  evaluate measure "${judged[@]}" --real "$work/real.json" --pictures "$work/pictures" --to "$work/results.json" > "$work/results.log" 2>&1 \
    && python3 report.py --work "$work" --to "$work/results.md"
}
last=$SECONDS
while kill -0 $drawing 2> /dev/null; do
  sleep 1
  [ $(( SECONDS - last )) -ge 60 ] || continue
  say "$(tail -n 1 "$work/drawing.log")" "$(tail -n 1 "$work/judge.log")"
  measure || say "nothing measured yet"
  last=$SECONDS
done
say "$(tail -n 1 "$work/drawing.log")"
wait $judge || say "no judge: $(tail -n 1 "$work/judge.log")"
measure || { tail -n 3 "$work/results.log"; exit 1; }
cat "$work/results.md"
for sheet in contact nearest; do
  evaluate $sheet --pictures "$work/pictures" --to "$work/$sheet.jpg" > "$work/$sheet.txt" || say "no $sheet sheet"
done
[ -n "$sweep" ] || exit 0
# shellcheck disable=SC2086
evaluate service --url "$@" --group $table --every "$sweep_every" --images 1 --clients "$clients" --seconds "$sweep_seconds" --settings $sweep \
  --pictures "$work/sweep" > "$work/sweep.log" 2>&1
# shellcheck disable=SC2086
evaluate measure "${judged[@]}" --settings $sweep --pictures "$work/sweep" --to "$work/sweep.json" >> "$work/sweep.log" 2>&1 \
  || { tail -n 3 "$work/sweep.log"; exit 1; }
python3 report.py --work "$work" --to "$work/results.md" && tail -n +3 "$work/results.md"
