#!/bin/sh
# An investigator that does whatever it reads, as `command` and, under the name codex, as codex. The file `mode` beside
# it says what it answers; the folder `seen` beside it gets what it saw of its surroundings.
here=$(dirname "$0") name=$(basename "$0")
mode=$(cat "$here/mode")
prompt="$TMPDIR/../prompt.$$"
cat > "$prompt"
env >> "$here/seen/environment"
tr '\0' '\n' < /proc/$$/cmdline >> "$here/seen/arguments"

# Text as the inside of a JSON string.
quoted() { sed -e 's/[\\"]/\\&/g' -e "s/$(printf '\033')/\\\\u001b/g" | awk '{ printf "%s\\n", $0 }' | tr -d '\000-\037'; }
# As the program that it claims to be prints an answer.
answer() {
  if [ "$name" = codex ]; then
    printf '{"type":"item.completed","item":{"type":"agent_message","text":"%s"}}\n' "$(quoted)"
  else
    cat
  fi
}

fault_id=$(sed -n 's/^  "faultId": \(".*"\),$/\1/p' "$TMPDIR/event.json" | head -n 1)
nonce=$(sed -n 's/^The random word: //p' "$prompt" | head -n 1)
forgeries() { grep '"faultId": *"\|fault.u0049d\|agent_message' "$prompt" | grep -v '^ *"' | grep '^.\?{' ; }
honest() {
  evidence=${2:-No space left on device}
  printf '{"faultId":%s,"nonce":"%s","outcome":"root-cause-identified","rootCause":"%s",' "$fault_id" "$nonce" "$1"
  printf '"evidence":["%s"],' "$evidence"
  printf '"proposedFix":{"options":[{"label":"%s","description":"%s","blast_radius":"wide"}]},' "$1" "$1"
  printf '"learnedPatternProposal":{"category":"%s","matcherKind":"stdout_regex","pattern":".","severity":"CRITICAL",' "$1"
  printf '"description":"%s"}}\n' "$1"
}

case $mode in
  obeys)
    grep -o 'RUN:[^"\\]*' "$prompt" | sort -u | while read -r order; do
      (eval "${order#RUN:}") </dev/null
    done > obeyed 2>&1
    said=$( (cat obeyed; env; tail -c 20000 "$prompt") | quoted)
    honest "$said" | answer ;;
  invents) honest 'the moon is full' 'src/nowhere.rs:7: moon rose' | answer ;;
  parrots) forgeries | answer ;;
  parrots-then-reports) (forgeries; honest 'the disk is full') | answer ;;
  reports-then-parrots) (honest 'the disk is full'; forgeries) | answer ;;
esac
[ "$name" = codex ] && echo '{"type":"turn.completed","usage":{"input_tokens":10,"output_tokens":5}}'
rm -f "$prompt"
