#!/bin/bash
# A sweep as a Slurm array: one task for each line of a file, each training a run of its own.
#
#   sbatch --array=1-"$(wc -l <sweep.txt)" scripts/examples/slurm-array.sh RECIPE sweep.txt
#
# sweep.txt holds one set of overrides on each line:
#   optimizer.lr=0.1 train.seed=0
#   optimizer.lr=0.1 train.seed=1
#
# or, planned and checked beforehand by `mlrun sweep plan RECIPE optimizer.lr=0.1,0.01 train.seed=0..1 -o DIR`:
#
#   sbatch --array=0-3 scripts/examples/slurm-array.sh DIR
#
# Preemption and the time limit lose no work. Slurm sends SIGUSR1 60 seconds before the end of the time (and SIGTERM
# when it preempts); mlrun finishes the step, saves and exits with 75; the task puts itself back into the queue and goes
# on with the same line. A task that is killed without warning goes on from its last checkpoint. One that is finished
# ends at once, so the whole array may be submitted again.
#
#SBATCH --job-name=mlrun-sweep
#SBATCH --requeue
#SBATCH --signal=B:USR1@60
#SBATCH --open-mode=append
#SBATCH --output=%x-%A_%a.out
#SBATCH --cpus-per-task=2
#SBATCH --time=04:00:00
set -u

recipe=${1:?usage: sbatch --array=1-N slurm-array.sh RECIPE SWEEP, or --array=0-N slurm-array.sh DIR}
task=${SLURM_ARRAY_TASK_ID:?this script runs as a Slurm array}
if [ -e "$recipe/sweep.json" ]; then
  mlrun sweep run "$recipe" --index "$task" --quiet &
else
  sweep=${2:?usage: sbatch --array=1-N slurm-array.sh RECIPE SWEEP}
  read -r -a overrides < <(sed -n "${task}p" "$sweep")
  mlrun train "$recipe" "${overrides[@]}" --out "${MLRUN_SWEEP_OUT:-runs/sweep}/$task" --resume auto --quiet &
fi
training=$!

# B: sends the signal to this shell alone; `wait` returns when one comes, so it is asked again for the exit code.
trap 'kill -USR1 "$training" 2>/dev/null' USR1
trap 'kill -TERM "$training" 2>/dev/null' TERM
wait "$training"
code=$?
while [ "$code" -gt 128 ] && kill -0 "$training" 2>/dev/null; do
  wait "$training"
  code=$?
done
if [ "$code" -gt 128 ]; then # a signal may have come just as the training ended
  wait "$training"
  code=$?
fi

if [ "$code" -eq 75 ]; then
  echo "task $task: stopped with its state saved; back into the queue" >&2
  scontrol requeue "${SLURM_ARRAY_JOB_ID}_$task"
fi
exit "$code"
