# Bash completion for mlrun. Source it, or install it as .../bash-completion/completions/mlrun.
# Needs nothing but bash, awk and find; mlrun itself is run only where its reference page is not on disk.

_mlrun_commands='train eval predict config data list inspect export quantize calibrate bench weights swa-average init sweep runs report checkpoint env help'
_mlrun_common='--help --version --json --quiet --log-level'
_mlrun_recipe_options='--config --set --seed --device --threads --workers'

# The folders of shipped recipes, as mlrun itself looks for them.
_mlrun_folders() {
  local program folder
  [[ -n ${MLRUN_CONFIGS-} ]] && printf '%s\n' "$MLRUN_CONFIGS"
  program=$(type -P "${1/#\~/$HOME}") && program=$(readlink -f "$program") || return 0
  for folder in ../share/mlrun/configs ../../configs ../configs; do
    [[ -d ${program%/*}/$folder ]] && printf '%s\n' "${program%/*}/$folder"
  done
}

_mlrun_recipes() {
  local folder
  while IFS= read -r folder; do
    find "$folder" -maxdepth 5 -name '*.yaml' -printf '%P\n' 2>/dev/null
  done < <(_mlrun_folders "$1") | sed '/^tables\//d; s/\.yaml$//' | sort -u
}

# Shipped tables of published figures.
_mlrun_tables() {
  local folder
  while IFS= read -r folder; do
    find "$folder/tables" -maxdepth 1 -name '*.yaml' -printf '%P\n' 2>/dev/null
  done < <(_mlrun_folders "$1") | sed 's/\.yaml$//' | sort -u
}

# One line for each key of a recipe: `key kind|value|value...`, from the reference page.
_mlrun_keys() {
  if [[ -z ${_mlrun_key_cache-} ]]; then
    local folder page=
    while IFS= read -r folder; do
      [[ -z $page && -r $folder/REFERENCE.md ]] && page=$(<"$folder/REFERENCE.md")
    done < <(_mlrun_folders "$1")
    [[ -n $page ]] || page=$("$1" config reference 2>/dev/null)
    _mlrun_key_cache=$(awk '
      /^## `/ { split($0, part, "`"); section = part[2]; prefix = section "."; next }
      /^### / { split($0, part, "`"); prefix = $2 == "loss" ? section ".loss." : section "."
                if ($2 == "transform" || $2 == "metric") prefix = ""
                names[$2] = names[$2] "|" part[2]; next }
      /^\| `/ && prefix != "" && section != "expect" {
        split($0, cell, " \\| "); split(cell[1], part, "`"); key = prefix part[2]
        if (key in kind) next
        order[++count] = key; kind[key] = cell[2]; sub(/;.*/, "", kind[key]) }
      END { for (i = 1; i <= count; ++i) {
        key = order[i]; type = kind[key]; values = ""
        if (type in names) values = names[type]
        else if (type == "boolean") values = "|true|false"
        else if (type == "path") values = "path"
        else if (type ~ /^`/) { n = split(type, part, "`"); for (j = 2; j <= n; j += 2) values = values "|" part[j] }
        print key, values } }' <<<"$page")
  fi
  printf '%s\n' "$_mlrun_key_cache"
}

# Runs that begin with what is typed, or lie in a folder that does: folders with a run.json.
_mlrun_runs() {
  local file
  for file in "$1"*/run.json "$1"*/*/run.json; do
    [[ -f $file ]] && printf '%s\n' "${file%/run.json}"
  done
}

# Those of the lines $1 that begin as the word does; nothing in them is expanded.
_mlrun_add() {
  local line
  while IFS= read -r line; do
    [[ -n $line && $line == "$cur"* ]] && COMPREPLY+=("$line")
  done <<<"$1"
}

# Files whose names end as given (none: any) and folders.
_mlrun_files() {
  compopt -o filenames 2>/dev/null
  local name
  while IFS= read -r name; do
    [[ -d $name || $# -eq 0 ]] && COMPREPLY+=("$name") && continue
    local ending
    for ending in "$@"; do [[ $name == *"$ending" ]] && COMPREPLY+=("$name"); done
  done < <(compgen -f -- "$cur")
}

# `key=` or, behind the `=`, what its value may be.
_mlrun_override() {
  local key=${cur%%=*} kind values
  if [[ $cur != *=* ]]; then
    compopt -o nospace 2>/dev/null
    _mlrun_add "$(_mlrun_keys "$program" | sed 's/ .*/=/')"
    return
  fi
  cur=${cur#*=}
  while IFS=' ' read -r kind values; do
    [[ $kind == "$key" ]] || continue
    if [[ $values == path ]]; then _mlrun_files
    else _mlrun_add "${values//|/$'\n'}"; fi
  done < <(_mlrun_keys "$program")
  [[ $key == train.device ]] && _mlrun_add $'auto\ncpu\ncuda\ncuda:0'
}

_mlrun_weights() {
  local folder
  _mlrun_add $'best\nlast'
  for folder in "$subject"/checkpoints/step-*/; do
    [[ -d $folder ]] && folder=${folder%/} && _mlrun_add "${folder##*/}"
  done
  [[ ${#COMPREPLY[@]} -eq 0 || -n $cur ]] && _mlrun_files .safetensors .pth .pt
}

# Published weights, from `mlrun weights list`.
_mlrun_published() {
  if [[ -z ${_mlrun_published_cache-} ]]; then
    _mlrun_published_cache=$("$program" weights list 2>/dev/null | awk 'NR > 2 { print $1 }')
  fi
  _mlrun_add "$_mlrun_published_cache"
}

# The value of option $1; fails where it takes none.
_mlrun_value() {
  case $1 in
    -c | --config) _mlrun_add "$(_mlrun_recipes "$program")"; _mlrun_files .yaml .yml ;;
    --set) _mlrun_override ;;
    --resume) _mlrun_add $'auto\nmust\nnever' ;;
    --device) _mlrun_add $'auto\ncpu\ncuda\ncuda:0' ;;
    --log-level) _mlrun_add $'debug\ninfo\nwarning\nerror\noff' ;;
    --with) _mlrun_add $'augment\npreprocess\nnone' ;;
    --split) _mlrun_add $'train\nval\ntest' ;;
    --weights) _mlrun_weights ;;
    --method) _mlrun_add $'ptq\ndynamic\nqat\nptq,qat' ;;
    --mode) _mlrun_add $'infer\ntrain\nload' ;;
    --precision) _mlrun_add $'fp32\nbf16' ;;
    --engine) _mlrun_add $'eager\ntorchscript' ;;
    --memory-format) _mlrun_add $'auto\ncontiguous\nchannels_last' ;;
    --bench) _mlrun_files .json ;;
    --model) _mlrun_add "$(_mlrun_keys "$program" | sed -n 's/^model\.name |//p' | tr '|' '\n')" ;;
    --task) _mlrun_add "$(_mlrun_keys "$program" | sed -n 's/^task\.name |//p' | tr '|' '\n')" ;;
    -o | --output) [[ $command == 'init '* ]] && { _mlrun_files .yaml; return; }
      [[ $command == report ]] && { _mlrun_files; return; }
      [[ $command == 'sweep plan' ]] && { compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return; }
      [[ $command == quantize || $command == calibrate ]] && { _mlrun_files .safetensors; return; }
      [[ $command == export || $command == swa-average ]] && { _mlrun_files .safetensors .pth .torchscript .onnx; return; }
      [[ $command == predict ]] && { _mlrun_files .json .csv; return; }
      _mlrun_files .png ;;
    --results | --results-out) _mlrun_files .json ;;
    --format) [[ $command == predict ]] && { _mlrun_add $'csv\ncoco\nyolo\nyolo_scores'; return; }
      [[ $command == 'init '* ]] && { _mlrun_add "$(_mlrun_keys "$program" | sed -n 's/^data\.format |//p' | tr '|' '\n')"; return; }
      _mlrun_add $'safetensors\npth\ntorchscript\nonnx' ;;
    --opset) _mlrun_add $'13\n14\n15\n16\n17' ;;
    --batch) _mlrun_add dynamic ;;
    --sort) _mlrun_add $'name\nparams\nmacs\nacc1' ;;
    --table) _mlrun_add "$(_mlrun_tables "$program")"; _mlrun_files .yaml .yml ;;
    --html) _mlrun_files .html ;;
    --by | --over) _mlrun_add "$(_mlrun_keys "$program" | sed 's/ .*//')" ;;
    --out) [[ $command == 'data show' ]] && { _mlrun_files .png; return; }
      [[ $command == report ]] && { _mlrun_files; return; }
      compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
    --confusion-csv | --per-class-csv | --predictions-csv) _mlrun_files .csv ;;
    --dump-outputs) _mlrun_files .safetensors ;;
    --reliability) _mlrun_files .svg ;;
    --seed | --threads | --workers | --topk | --distance | --similarity | --samples | --columns | --epoch | --entry | \
      --input-size | --max-params | --min-params | --max-macs | --min-macs | --min-acc1 | --mirror | --keep | --metric | --random | \
      --index | --jobs | --max-drop | --batch | --size | --seconds | --top) ;;
    *) return 1 ;;
  esac
}

_mlrun_options() {
  case $command in
    '') _mlrun_add $'--help\n--version' ;;
    train) _mlrun_add "${_mlrun_recipe_options// /$'\n'}"$'\n--out\n--resume\n--dry-run' ;;
    eval) _mlrun_add "${_mlrun_recipe_options// /$'\n'}"$'\n--weights\n--engine\n--split\n--confusion-csv\n--per-class-csv\n--predictions-csv\n--predictions\n--csv\n--dump-outputs\n--reliability\n--html\n--results\n--results-out\n--ensemble\n--samples\n--scale\n--last\n--best\n--from-epoch\n--minima' ;;
    predict) _mlrun_add "${_mlrun_recipe_options// /$'\n'}"$'\n--weights\n--engine\n--topk\n--csv\n--format\n--output\n--force' ;;
    config) _mlrun_add $'--help\n--version' ;;
    'config show') _mlrun_add "${_mlrun_recipe_options// /$'\n'}"$'\n--plain\n--plot-lr\n--samples' ;;
    'config check') _mlrun_add "${_mlrun_recipe_options// /$'\n'}"$'\n--no-data' ;;
    data) _mlrun_add $'--help\n--version' ;;
    'data info') _mlrun_add "${_mlrun_recipe_options// /$'\n'}" ;;
    'data verify') _mlrun_add "${_mlrun_recipe_options// /$'\n'}"$'\n--distance\n--similarity' ;;
    'data pack') _mlrun_add "${_mlrun_recipe_options// /$'\n'}"$'\n--out\n--shard-size' ;;
    'data convert') _mlrun_add "${_mlrun_recipe_options// /$'\n'}"$'\n--to\n--out\n--split' ;;
    'data show') _mlrun_add "${_mlrun_recipe_options// /$'\n'}"$'\n--out\n--split\n--with\n--samples\n--columns\n--epoch' ;;
    inspect) _mlrun_add $'--model\n--entry\n--input-size' ;;
    list) _mlrun_add $'--max-params\n--min-params\n--max-macs\n--min-macs\n--task\n--min-acc1\n--sort' ;;
    export) _mlrun_add $'--model\n--output\n--format\n--weights\n--seed\n--frozen\n--opset\n--batch\n--size\n--raw-outputs\n--submodel\n--with-preprocess\n--input-size\n--force' ;;
    quantize) _mlrun_add "${_mlrun_recipe_options// /$'\n'}"$'\n--method\n--weights\n--max-drop\n--output\n--force' ;;
    calibrate) _mlrun_add "${_mlrun_recipe_options// /$'\n'}"$'\n--weights\n--split\n--output\n--force' ;;
    bench) _mlrun_add $'--model\n--mode\n--batch\n--threads\n--workers\n--precision\n--engine\n--memory-format\n--device\n--size\n--submodel\n--layers\n--top\n--seconds\n--csv\n--markdown' ;;
    weights) _mlrun_add $'--help\n--version' ;;
    swa-average) _mlrun_add $'--config\n--set\n--last\n--best\n--from-epoch\n--minima\n--use\n--weights\n--kind\n--decay\n--no-update-bn\n--bn-samples\n--eval\n--output' ;;
    report) _mlrun_add $'--by\n--over\n--metric\n--table\n--bench\n--csv\n--markdown\n--out\n--html\n--no-eval' ;;
    checkpoint) _mlrun_add $'--help\n--version' ;;
    'weights get') _mlrun_add '--mirror' ;;
    'checkpoint prune') _mlrun_add $'--keep\n--drop-optimizer\n--dry-run' ;;
    runs) _mlrun_add '--size' ;;
    init | sweep) _mlrun_add $'--help\n--version' ;;
    'init classification' | 'init detection' | 'init segmentation') _mlrun_add $'--model\n--format\n--output' ;;
    'sweep plan') _mlrun_add $'--config\n--set\n--random\n--seed\n--output' ;;
    'sweep run') _mlrun_add $'--index\n--jobs' ;;
    'sweep status') _mlrun_add '--rank' ;;
  esac
  [[ -z $command || $command == config || $command == data || $command == weights || $command == checkpoint || $command == init || $command == sweep ]] || _mlrun_add "${_mlrun_common// /$'\n'}"
}

_mlrun_operand() {
  case $command in
    '') _mlrun_add "${_mlrun_commands// /$'\n'}" ;;
    help) [[ -n $subject ]] || _mlrun_add "${_mlrun_commands// /$'\n'}" ;;
    data) _mlrun_add $'info\nverify\nshow\npack\nconvert' ;;
    'data info' | 'data verify' | 'data show' | 'data pack' | 'data convert')
      if [[ -z $subject && $cur != *=* ]]; then _mlrun_add "$(_mlrun_recipes "$program")"; _mlrun_files; fi
      [[ ${#COMPREPLY[@]} -gt 0 ]] || _mlrun_override ;;
    config) _mlrun_add $'show\ncheck\nschema\nreference\ncopy' ;;
    train | 'config show' | 'config check' | 'sweep plan')
      if [[ -z $subject && $cur != *=* ]]; then
        _mlrun_add "$(_mlrun_recipes "$program")"
        _mlrun_files .yaml .yml
      fi
      [[ ${#COMPREPLY[@]} -gt 0 ]] || _mlrun_override ;;
    'config copy') if [[ -z $subject ]]; then _mlrun_add "$(_mlrun_recipes "$program")"; else _mlrun_files .yaml; fi ;;
    eval | quantize | calibrate)
      if [[ -z $subject && $cur != *=* ]]; then _mlrun_add "$(_mlrun_runs "$cur")"; _mlrun_files .yaml .yml; fi
      [[ ${#COMPREPLY[@]} -gt 0 ]] || _mlrun_override ;;
    predict)
      if [[ $cur == *=* ]]; then _mlrun_override
      elif [[ -z $subject ]]; then _mlrun_add "$(_mlrun_runs "$cur")"; _mlrun_files .yaml .yml
      else _mlrun_files; fi
      [[ ${#COMPREPLY[@]} -gt 0 ]] || _mlrun_override ;;
    list) [[ -n $subject ]] || _mlrun_add $'models\nrecipes\nsources\ntransforms\noptimizers\nschedules\naveragings\nsamplers\nbatchings\nlosses\nmetrics\ntasks' ;;
    inspect | export)
      if [[ $cur == *=* ]]; then _mlrun_override
      else _mlrun_add "$(_mlrun_runs "$cur")"; _mlrun_files .safetensors .pth .pt; fi ;;
    bench)
      if [[ $cur == *=* ]]; then _mlrun_override
      else _mlrun_add "$(_mlrun_runs "$cur")"; _mlrun_add "$(_mlrun_recipes "$program")"; _mlrun_files .safetensors .yaml .yml; fi ;;
    weights) _mlrun_add $'list\npath\nget' ;;
    init) _mlrun_add $'classification\ndetection\nsegmentation' ;;
    'init classification' | 'init detection' | 'init segmentation') _mlrun_files ;;
    sweep) _mlrun_add $'plan\nrun\nstatus' ;;
    'sweep run' | 'sweep status') compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
    checkpoint) _mlrun_add $'verify\nprune' ;;
    'checkpoint verify' | 'checkpoint prune') _mlrun_add "$(_mlrun_runs "$cur")" ;;
    swa-average) _mlrun_add "$(_mlrun_runs "$cur")"; _mlrun_files .safetensors .pth .pt ;;
    runs | report) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
    'weights path' | 'weights get') _mlrun_published ;;
  esac
}

# Splits the line into `words` up to the cursor, with what readline cut at `=` and `:` put together again.
_mlrun_split() {
  local i word join=
  words=()
  for ((i = 0; i <= COMP_CWORD; ++i)); do
    word=${COMP_WORDS[i]}
    if [[ $word =~ ^[=:]+$ || -n $join ]] && ((${#words[@]} > 1)); then words[-1]+=$word
    else words+=("$word"); fi
    join=
    [[ $word =~ ^[=:]+$ ]] && join=yes
  done
  # A blank before the cursor starts a new word, whatever readline cut last.
  if [[ ${COMP_LINE:COMP_POINT-1:1} == ' ' && -n ${words[-1]} && ${words[-1]} != *' ' ]]; then words+=(''); fi
}

_mlrun() {
  local program=$1 command='' subject='' cur prev='' words word i
  COMPREPLY=()
  _mlrun_split
  cur=${words[-1]}
  for ((i = 1; i < ${#words[@]} - 1; ++i)); do
    word=${words[i]}
    case $word in
      -c | --config) subject=${words[i + 1]} ;;&
      -c | --config | --set | --seed | --device | --threads | --workers | --out | --resume | --log-level | --weights | \
        --split | --confusion-csv | --per-class-csv | --predictions-csv | --dump-outputs | --topk | --model | -o | --with | --distance | --similarity | --samples | --columns | --epoch | \
        --output | --format | --sort | --entry | --input-size | --max-params | --min-params | --max-macs | --min-macs | --min-acc1 | --mirror | --keep | --random | --index | --jobs | \
        --mode | --batch | --precision | --engine | --memory-format | --size | --seconds | --top | --table | --bench)
        ((++i < ${#words[@]} - 1)) || prev=$word ;;
      -*) ;;
      *)
        if [[ -z $command || $command == config || $command == data || $command == weights || $command == checkpoint || $command == init || $command == sweep ]]; then command+="${command:+ }$word"
        elif [[ -z $subject && $word != *=* ]]; then subject=$word; fi ;;
    esac
  done

  # What readline replaces is the part behind the last break of the word.
  local whole=$cur
  if [[ -n $prev ]]; then _mlrun_value "$prev"
  elif [[ $cur == --*=* ]]; then
    prev=${cur%%=*} cur=${cur#*=}
    _mlrun_value "$prev"
  elif [[ $cur == -* ]]; then _mlrun_options
  else _mlrun_operand; fi
  if [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]]; then
    COMPREPLY=("${COMPREPLY[@]#"${cur%"${cur##*:}"}"}")
  elif [[ $whole == *=* && $COMP_WORDBREAKS != *=* ]]; then
    COMPREPLY=("${COMPREPLY[@]/#/${whole%%=*}=}")
  fi
}

complete -F _mlrun mlrun
